// One line of a list to one record: the file's bytes as they are, or its picture cut, made smaller and encoded anew.
#pragma once
#include "codec/decode.h"
#include "codec/resize.h"
#include "io/image_lines.h"

namespace mixnet {

struct PackedImageOptions {
  std::string root;           // of the paths in a list
  bool pass_through = false;  // bytes as they are; what follows up to `quality` is for the others
  bool center_crop = false;   // first, to a square
  int64_t resize = 0;         // then, the shorter side; 0: as it is
  Interpolation interpolation = Interpolation::bilinear;
  int64_t color = 1;  // 1: red, green, blue; 0: grey; -1: as the file has it, and not turned as EXIF says
  ImageFormat encoding = ImageFormat::jpeg;
  int64_t quality = 95;     // of JPEG 1 to 100; of PNG its compression, where 9 stands for more
  bool check = false;       // decodes what is passed through, so that broken files are found
  bool pack_label = false;  // all labels; else the first
  int64_t label_width = 1;  // so many labels, where not all
};

// Throws Code::invalid for options out of range.
void check_options(const PackedImageOptions& options);

std::string packed_image_path(const PackedImageOptions& options, const ImageListEntry& entry);
// The record's bytes. Any thread. Throws Code::io for files that are missing or no images.
std::vector<uint8_t> pack_image(const PackedImageOptions& options, const ImageListEntry& entry);

}  // namespace mixnet
