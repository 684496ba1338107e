// The images of tests/data/images.
#pragma once
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/span.h"

namespace mixnet {

inline std::vector<uint8_t> read_image_file(const std::string& name) {
  std::ifstream file(std::string(MIXNET_TEST_DATA "/images/") + name, std::ios::binary);
  MIXNET_CHECK(file, io, "no test image ", name);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

const std::vector<std::string> jpeg_files = {"411.jpg",
                                             "420.jpg",
                                             "422.jpg",
                                             "440.jpg",
                                             "444.jpg",
                                             "restart.jpg",
                                             "grey.jpg",
                                             "rgb.jpg",
                                             "cmyk.jpg",
                                             "exif.jpg",
                                             "411_progressive.jpg",
                                             "420_progressive.jpg",
                                             "422_progressive.jpg",
                                             "440_progressive.jpg",
                                             "444_progressive.jpg"};
const std::vector<std::string> png_files = {"grey.png",      "bits.png",      "rgb.png",           "rgb_key.png",
                                            "rgb16.png",     "palette.png",   "palette_alpha.png", "grey_alpha.png",
                                            "rgb_alpha.png", "interlaced.png"};

}  // namespace mixnet
