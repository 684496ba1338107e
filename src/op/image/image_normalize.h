// The parameters of _image_normalize.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mixnet::op::image_normalize {

struct Params {
  std::vector<double> mean{0, 0, 0, 0}, std{1, 1, 1, 1};
  static double of(const std::vector<double>& list, int64_t channel) {
    return list[list.size() == 1 ? 0 : static_cast<size_t>(channel)];
  }
};

}  // namespace mixnet::op::image_normalize
