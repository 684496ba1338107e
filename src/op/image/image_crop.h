// The parameters of _image_crop.
#pragma once
#include <cstdint>

namespace mixnet::op::image_crop {

struct Params {
  int64_t x = 0, y = 0, width = 1, height = 1;
};

}  // namespace mixnet::op::image_crop
