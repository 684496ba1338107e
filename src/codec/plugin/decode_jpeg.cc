// JPEG to pixels: a part of the picture, in eighths of its size.
//
// The accurate integer transform and libjpeg-turbo's smooth upsampling, as OpenCV and MXNet use it. A part's pixels are those of the whole picture:
// rows and columns around it are decoded too, since upsampling looks at neighbours. Work is that of the rows to the part's last one (their
// coefficients must be read), plus the transforms of the part.
#include <algorithm>
#include <cstdlib>

#include "codec/plugin/functions.h"
#include "codec/plugin/jpeg_error.h"

namespace mixnet::codec {
namespace {

// Of a progressive file, which needs about ten. Each one costs a walk over the picture: large ones may have fewer.
constexpr int most_scans = 500, least_limit = 32;
constexpr int64_t most_scanned_pixels = int64_t{1} << 33;
constexpr int64_t overhead = 1 << 26;  // of libjpeg's memory, besides that for coefficients

// All that lives across longjmp.
struct Decoder {
  jpeg_decompress_struct info;
  JpegErrors errors;
  jpeg_progress_mgr progress;
  uint8_t* row;  // one decoded row, where rows do not go to the caller's pixels as they are
};

void count_scans(j_common_ptr common) {
  const auto* info = reinterpret_cast<j_decompress_ptr>(common);
  const int64_t pixels = int64_t{info->image_height} * info->image_width;
  const int64_t limit = std::min<int64_t>(most_scans, std::max<int64_t>(most_scanned_pixels / pixels, least_limit));
  if (info->input_scan_number > limit) JpegErrors::give_up(common, "more scans than a picture needs");
}

bool has_black(const jpeg_decompress_struct& info) {
  return info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
}

// Smooth upsampling only looks at direct neighbours; whole blocks around are decoded so that they have the right ones.
int64_t margin(const jpeg_decompress_struct& info, int factor) {
  return int64_t{2} * factor * info.min_DCT_scaled_size;
}

void set_output(const DecodeJob& job, jpeg_decompress_struct* info) {
  info->scale_num = static_cast<unsigned>(job.eighths);
  info->scale_denom = 8;
  info->dct_method = JDCT_ISLOW;
  info->do_fancy_upsampling = TRUE;
  info->out_color_space = has_black(*info) ? JCS_CMYK : job.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
}

// Inks of Adobe's files are inverted: 255 is none. Rounded as OpenCV does.
void from_inks(const uint8_t* inks, int64_t pixels, int32_t channels, uint8_t* to) {
  for (int64_t i = 0; i < pixels; ++i, inks += 4) {
    const int black = inks[3];
    int colour[3];
    for (int c = 0; c < 3; ++c) colour[c] = black - ((255 - inks[c]) * black >> 8);
    if (channels == 1) {
      *to++ = static_cast<uint8_t>((colour[0] * 4899 + colour[1] * 9617 + colour[2] * 1868 + (1 << 13)) >> 14);
    } else {
      for (const int value : colour) *to++ = static_cast<uint8_t>(value);
    }
  }
}

void read_rows(const DecodeJob& job, Decoder* d) {
  jpeg_decompress_struct& info = d->info;
  const int64_t whole_width = info.output_width, whole_height = info.output_height;
  if (job.left + job.width > whole_width || job.top + job.height > whole_height)
    JpegErrors::give_up(reinterpret_cast<j_common_ptr>(&info), "other extents than the header says");
  int64_t left = 0;
  if (job.width < whole_width) {
    const int64_t around = margin(info, info.max_h_samp_factor);
    left = std::max<int64_t>(job.left - around, 0);
    JDIMENSION first = static_cast<JDIMENSION>(left);
    JDIMENSION columns = static_cast<JDIMENSION>(std::min(job.left + job.width + around, whole_width) - left);
    jpeg_crop_scanline(&info, &first, &columns);
    left = first;
  }
  const int64_t depth = info.output_components;
  const bool direct = info.output_width == job.width && !has_black(info);
  if (!direct) {
    d->row = static_cast<uint8_t*>(std::malloc(static_cast<size_t>(info.output_width * depth)));
    if (!d->row) d->errors.fault = no_memory;
    if (!d->row) JpegErrors::give_up(reinterpret_cast<j_common_ptr>(&info), "no memory for a row");
  }
  const int64_t skipped = std::max<int64_t>(job.top - margin(info, info.max_v_samp_factor), 0);
  if (skipped > 0) jpeg_skip_scanlines(&info, static_cast<JDIMENSION>(skipped));
  for (int64_t y = info.output_scanline; y < job.top + job.height; ++y) {
    uint8_t* to = job.pixels + std::max<int64_t>(y - job.top, 0) * job.stride;
    JSAMPROW row = direct ? to : d->row;
    jpeg_read_scanlines(&info, &row, 1);
    if (direct || y < job.top) continue;
    const uint8_t* from = d->row + (job.left - left) * depth;
    if (has_black(info)) {
      from_inks(from, job.width, job.channels, to);
    } else {
      std::memcpy(to, from, static_cast<size_t>(job.width * depth));
    }
  }
}

}  // namespace

int32_t decode_jpeg(const DecodeJob* job, char* text) {
  Decoder d;
  std::memset(&d, 0, sizeof d);
  d.info.err = d.errors.start(text);
  if (setjmp(d.errors.back)) {
    jpeg_destroy_decompress(&d.info);
    std::free(d.row);
    return d.errors.fault;
  }
  jpeg_create_decompress(&d.info);
  d.progress.progress_monitor = count_scans;
  d.info.progress = &d.progress;
  d.info.mem->max_memory_to_use = static_cast<long>(overhead + job->file_height * job->file_width * 2 * 4);
  jpeg_mem_src(&d.info, job->file, static_cast<unsigned long>(job->size));
  jpeg_read_header(&d.info, TRUE);
  if (d.info.image_height != job->file_height || d.info.image_width != job->file_width)
    JpegErrors::give_up(reinterpret_cast<j_common_ptr>(&d.info), "other extents than the header says");
  set_output(*job, &d.info);
  jpeg_start_decompress(&d.info);
  read_rows(*job, &d);
  // The end of a file that was read to its last row is looked at too.
  if (d.info.output_scanline == d.info.output_height) jpeg_finish_decompress(&d.info);
  jpeg_destroy_decompress(&d.info);
  std::free(d.row);
  return ok;
}

}  // namespace mixnet::codec
