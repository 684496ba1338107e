// The parameters of _contrib_BilinearResize2D, and what its pixels are made of.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/on_device.h"

namespace mixnet::op::bilinear_resize {

enum class Mode { like, odd_scale, size, to_even_down, to_even_up, to_odd_down, to_odd_up };
struct Params {
  int64_t height = 1, width = 1;
  std::optional<double> scale_height, scale_width;
  Mode mode = Mode::size;
  bool align_corners = true;
};

// The two source pixels of one target pixel along an axis.
struct Tap {
  int64_t low, high;
  double share;  // of `high`
  MIXNET_ON_DEVICE Tap(int64_t i, int64_t in, int64_t out, bool align) {
    // A single pixel is the first one in both conventions, as in MXNet.
    const double step = out <= 1 ? 0
                        : align  ? static_cast<double>(in - 1) / static_cast<double>(out - 1)
                                 : static_cast<double>(in) / static_cast<double>(out);
    const double at =
        align ? static_cast<double>(i) * step : std::max(0.0, (static_cast<double>(i) + 0.5) * step - 0.5);
    low = std::min(static_cast<int64_t>(at), in - 1);
    high = std::min(low + 1, in - 1);
    share = at - static_cast<double>(low);
  }
};

}  // namespace mixnet::op::bilinear_resize
