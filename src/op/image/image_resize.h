// The parameters of _image_resize, and the value of every pixel.
#pragma once
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "base/dtype.h"
#include "base/on_device.h"
#include "op/core/kernel.h"

namespace mixnet::op::image_resize {

struct Params {
  Shape size;
  bool keep_ratio = false;
  int64_t interp = 1;
};

// f(source, share) for what target i of an axis is made of.
template <class F>
MIXNET_ON_DEVICE void for_taps(int64_t interp, int64_t i, int64_t in, int64_t out, F f) {
  const double step = static_cast<double>(in) / static_cast<double>(out);
  auto inside = [in](int64_t k) { return std::min(std::max<int64_t>(0, k), in - 1); };
  if (interp == 0) return f(inside(static_cast<int64_t>(static_cast<double>(i) * step)), 1.0);
  if (interp == 3 && step > 1) {
    const double first = static_cast<double>(i) * step, last = first + step;
    for (int64_t k = static_cast<int64_t>(first); k < in && static_cast<double>(k) < last; ++k) {
      const double low = static_cast<double>(k);
      const double share = (std::min(low + 1, last) - std::max(low, first)) / step;
      if (share > 0) f(k, share);
    }
    return;
  }
  const double at = (static_cast<double>(i) + 0.5) * step - 0.5, base = std::floor(at), t = at - base;
  const int64_t k = static_cast<int64_t>(base);
  if (interp == 2) {
    // Keys' cubic with the slope -0.75 (Keys, 1981).
    auto cubic = [](double x) { return x <= 1 ? (1.25 * x - 2.25) * x * x + 1 : ((-0.75 * x + 3.75) * x - 6) * x + 3; };
    for (int64_t d = -1; d <= 2; ++d) f(inside(k + d), cubic(std::fabs(static_cast<double>(d) - t)));
    return;
  }
  f(inside(k), 1 - t);
  if (t > 0) f(inside(k + 1), t);
}

template <class T>
MIXNET_ON_DEVICE T rounded(double v) {
  if constexpr (std::is_same<T, uint8_t>::value)
    return static_cast<uint8_t>(std::min(255.0, std::max(0.0, std::nearbyint(v))));
  else return static_cast<T>(static_cast<accumulator_t<T>>(v));
}

// The image to make of another one.
template <class T>
struct Target {
  const T* data;
  int64_t interp, height, width, rows, columns, channels;
  Target(const Params& p, const RunContext& r) : data(r.in[0].as<T>()), interp(p.interp) {
    const Shape &s = r.in[0].shape, &o = r.out[0].shape;
    const int first_axis = s.ndim() - 3;
    height = s[first_axis];
    width = s[first_axis + 1];
    rows = o[first_axis];
    columns = o[first_axis + 1];
    channels = s.back();
  }
  // Element e of row k, counted over all images.
  MIXNET_ON_DEVICE T value(int64_t k, int64_t e) const {
    using A = accumulator_t<T>;
    const T* image = data + k / rows * height * width * channels + e % channels;
    double sum = 0;
    for_taps(interp, k % rows, height, rows, [&](int64_t y, double down) {
      for_taps(interp, e / channels, width, columns, [&](int64_t x, double right) {
        sum += down * right * static_cast<double>(static_cast<A>(image[(y * width + x) * channels]));
      });
    });
    return rounded<T>(sum);
  }
};

}  // namespace mixnet::op::image_resize
