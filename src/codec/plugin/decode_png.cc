// PNG to pixels of 8 bits: palettes and fewer bits are expanded, 16 bits cut to their upper 8, alpha dropped unless it is asked for.
//
// Rows of a part are read up to its last one; interlaced pictures take the memory of all their pixels.
#include <cstdlib>
#include <cstring>

#include "codec/plugin/functions.h"
#include "codec/plugin/png_file.h"

namespace mixnet::codec {
namespace {

constexpr png_uint_32 most_side = 65500;
constexpr png_alloc_size_t most_chunk_bytes = 1 << 23;
constexpr png_uint_32 most_chunks = 1000;  // that are kept: texts and the like

// All that lives across longjmp.
struct Decoder {
  PngErrors errors;
  png_structp png;
  png_infop info;
  const DecodeJob* job;
  int64_t read;      // bytes of the file
  uint8_t* scratch;  // rows of the whole width
  png_bytep* rows;   // of an interlaced picture

  void close() {
    png_destroy_read_struct(&png, &info, nullptr);
    std::free(scratch);
    std::free(rows);
  }
};

void take_bytes(png_structp png, png_bytep to, size_t size) {
  auto& d = *static_cast<Decoder*>(png_get_io_ptr(png));
  if (d.job->size - d.read < static_cast<int64_t>(size)) PngErrors::give_up(png, "the file ends early");
  std::memcpy(to, d.job->file + d.read, size);
  d.read += static_cast<int64_t>(size);
}

void* memory(Decoder* d, size_t count, size_t size) {
  void* taken = std::calloc(count, size);
  if (!taken) PngErrors::out_of_memory(d->png, "no memory for rows");
  return taken;
}

void set_limits(png_structp png) {
  png_set_user_limits(png, most_side, most_side);
  png_set_chunk_cache_max(png, most_chunks);
  png_set_chunk_malloc_max(png, most_chunk_bytes);
}

// Asks for `channels` channels of 8 bits.
void set_output(png_structp png, png_infop info, int32_t channels) {
  const int colour = png_get_color_type(png, info);
  const bool keyed = png_get_valid(png, info, PNG_INFO_tRNS) != 0;
  png_set_strip_16(png);
  if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (!(colour & PNG_COLOR_MASK_COLOR)) png_set_expand_gray_1_2_4_to_8(png);
  if (channels == 4) {
    if (keyed) png_set_tRNS_to_alpha(png);
    if (!(colour & PNG_COLOR_MASK_ALPHA) && !keyed) png_set_filler(png, 255, PNG_FILLER_AFTER);
  } else {
    png_set_strip_alpha(png);
  }
  if (channels == 1) {
    if (colour & PNG_COLOR_MASK_COLOR) png_set_rgb_to_gray(png, PNG_ERROR_ACTION_NONE, 0.299, 0.587);
  } else if (!(colour & PNG_COLOR_MASK_COLOR)) {
    png_set_gray_to_rgb(png);
  }
}

void copy_part(const DecodeJob& job, const uint8_t* row, int64_t y) {
  const int64_t pixel = job.channels;
  std::memcpy(job.pixels + (y - job.top) * job.stride, row + job.left * pixel, static_cast<size_t>(job.width * pixel));
}

void read_interlaced(Decoder* d, size_t row_bytes) {
  const DecodeJob& job = *d->job;
  const auto height = static_cast<size_t>(job.file_height);
  d->scratch = static_cast<uint8_t*>(memory(d, height, row_bytes));
  d->rows = static_cast<png_bytep*>(memory(d, height, sizeof *d->rows));
  for (size_t y = 0; y < height; ++y) d->rows[y] = d->scratch + y * row_bytes;
  png_read_image(d->png, d->rows);
  for (int64_t y = job.top; y < job.top + job.height; ++y) copy_part(job, d->rows[y], y);
}

void read_rows(Decoder* d, size_t row_bytes) {
  const DecodeJob& job = *d->job;
  const bool direct = job.width == job.file_width;
  if (!direct || job.top > 0) d->scratch = static_cast<uint8_t*>(memory(d, 1, row_bytes));
  for (int64_t y = 0; y < job.top + job.height; ++y) {
    if (direct && y >= job.top) {
      png_read_row(d->png, job.pixels + (y - job.top) * job.stride, nullptr);
      continue;
    }
    png_read_row(d->png, d->scratch, nullptr);
    if (y >= job.top) copy_part(job, d->scratch, y);
  }
}

}  // namespace

int32_t decode_png(const DecodeJob* job, char* text) {
  Decoder d;
  std::memset(&d, 0, sizeof d);
  d.errors = {text, broken};
  d.job = job;
  d.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &d.errors, PngErrors::give_up, PngErrors::warn);
  d.info = d.png ? png_create_info_struct(d.png) : nullptr;
  if (!d.info) {
    d.close();
    std::snprintf(text, text_size, "libpng cannot start");
    return no_memory;
  }
  if (setjmp(png_jmpbuf(d.png))) {
    d.close();
    return d.errors.fault;
  }
  set_limits(d.png);
  png_set_read_fn(d.png, &d, take_bytes);
  png_read_info(d.png, d.info);
  if (png_get_image_height(d.png, d.info) != job->file_height || png_get_image_width(d.png, d.info) != job->file_width)
    PngErrors::give_up(d.png, "other extents than the header says");
  set_output(d.png, d.info, job->channels);
  const bool interlaced = png_set_interlace_handling(d.png) > 1;
  png_read_update_info(d.png, d.info);
  const size_t row_bytes = png_get_rowbytes(d.png, d.info);
  if (row_bytes != static_cast<size_t>(job->file_width * job->channels))
    PngErrors::give_up(d.png, "unknown kind of pixels");
  if (interlaced) {
    read_interlaced(&d, row_bytes);
  } else {
    read_rows(&d, row_bytes);
  }
  // The end of a file that was read to its last row is looked at too.
  if (interlaced || job->top + job->height == job->file_height) png_read_end(d.png, nullptr);
  d.close();
  return ok;
}

}  // namespace mixnet::codec
