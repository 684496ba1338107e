// Pixels to JPEG: baseline, colour channels at half the size both ways (4:2:0), as OpenCV writes it.
#include "codec/plugin/functions.h"
#include "codec/plugin/jpeg_error.h"

namespace mixnet::codec {
namespace {

struct Encoder {
  jpeg_compress_struct info;
  JpegErrors errors;
  jpeg_destination_mgr to;
  const EncodeJob* job;
  uint8_t buffer[1 << 14];

  static Encoder& of(j_compress_ptr info) { return *reinterpret_cast<Encoder*>(info); }
  void empty() {
    to.next_output_byte = buffer;
    to.free_in_buffer = sizeof buffer;
  }
  void append(size_t size) {
    if (job->append(job->to, buffer, static_cast<int64_t>(size)) == 0) return;
    errors.fault = no_memory;
    JpegErrors::give_up(reinterpret_cast<j_common_ptr>(&info), "no memory for the file");
  }
};

void begin(j_compress_ptr info) { Encoder::of(info).empty(); }
boolean full(j_compress_ptr info) {
  Encoder& e = Encoder::of(info);
  e.append(sizeof e.buffer);
  e.empty();
  return TRUE;
}
void end(j_compress_ptr info) {
  Encoder& e = Encoder::of(info);
  e.append(sizeof e.buffer - e.to.free_in_buffer);
}

}  // namespace

int32_t encode_jpeg(const EncodeJob* job, char* text) {
  Encoder e;
  std::memset(&e, 0, sizeof e);
  e.job = job;
  e.info.err = e.errors.start(text);
  if (setjmp(e.errors.back)) {
    jpeg_destroy_compress(&e.info);
    return e.errors.fault;
  }
  jpeg_create_compress(&e.info);
  e.to.init_destination = begin;
  e.to.empty_output_buffer = full;
  e.to.term_destination = end;
  e.info.dest = &e.to;
  e.info.image_width = static_cast<JDIMENSION>(job->width);
  e.info.image_height = static_cast<JDIMENSION>(job->height);
  e.info.input_components = static_cast<int>(job->channels);
  e.info.in_color_space = job->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&e.info);
  jpeg_set_quality(&e.info, job->level, TRUE);
  jpeg_start_compress(&e.info, TRUE);
  while (e.info.next_scanline < e.info.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(job->pixels + e.info.next_scanline * job->stride);
    jpeg_write_scanlines(&e.info, &row, 1);
  }
  jpeg_finish_compress(&e.info);
  jpeg_destroy_compress(&e.info);
  return ok;
}

}  // namespace mixnet::codec
