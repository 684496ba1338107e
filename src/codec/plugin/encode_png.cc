// Pixels to PNG, 8 bits a channel.
#include <cstring>

#include "codec/plugin/functions.h"
#include "codec/plugin/png_file.h"

namespace mixnet::codec {
namespace {

void give_bytes(png_structp png, png_bytep bytes, size_t size) {
  const auto& job = *static_cast<const EncodeJob*>(png_get_io_ptr(png));
  if (job.append(job.to, bytes, static_cast<int64_t>(size)) != 0)
    PngErrors::out_of_memory(png, "no memory for the file");
}

}  // namespace

int32_t encode_png(const EncodeJob* job, char* text) {
  PngErrors errors{text, broken};
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &errors, PngErrors::give_up, PngErrors::warn);
  png_infop info = png ? png_create_info_struct(png) : nullptr;
  if (!info) {
    png_destroy_write_struct(&png, nullptr);
    std::snprintf(text, text_size, "libpng cannot start");
    return no_memory;
  }
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_write_struct(&png, &info);
    return errors.fault;
  }
  const int colour = job->channels == 1   ? PNG_COLOR_TYPE_GRAY
                     : job->channels == 3 ? PNG_COLOR_TYPE_RGB
                                          : PNG_COLOR_TYPE_RGB_ALPHA;
  png_set_write_fn(png, const_cast<EncodeJob*>(job), give_bytes, nullptr);
  png_set_compression_level(png, job->level);
  png_set_IHDR(png, info, static_cast<png_uint_32>(job->width), static_cast<png_uint_32>(job->height), 8, colour,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (int64_t y = 0; y < job->height; ++y) png_write_row(png, job->pixels + y * job->stride);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return ok;
}

}  // namespace mixnet::codec
