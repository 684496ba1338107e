// What the operators of image_color do, for any place.
#pragma once
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "op/core/on_host.h"

namespace mixnet::op::image_color {

enum class Change { brightness, contrast, saturation, hue };

struct Params {
  double min_factor = 0, max_factor = 0;                         // one change
  double brightness = 0, contrast = 0, saturation = 0, hue = 0;  // all of them
  double alpha_std = 0.05;
  std::vector<double> alpha;
};

// Whole numbers are truncated and kept within their range.
template <class T>
MIXNET_ON_DEVICE T stored(float v) {
  if constexpr (std::is_same<T, uint8_t>::value) return static_cast<uint8_t>(std::min(255.0f, std::max(0.0f, v)));
  else return static_cast<T>(static_cast<accumulator_t<T>>(v));
}

template <class T>
MIXNET_ON_DEVICE float gray(const T* x) {
  return 0.299f * static_cast<float>(x[0]) + 0.587f * static_cast<float>(x[1]) + 0.114f * static_cast<float>(x[2]);
}

// Turns the hue by shares of a circle; the largest and the smallest channel of a pixel stay what they are.
template <class T>
MIXNET_ON_DEVICE void turn_hue(double turns, const T* x, T* y) {
  const float r = static_cast<float>(x[0]), g = static_cast<float>(x[1]), b = static_cast<float>(x[2]);
  const float top = std::max(r, std::max(g, b)), low = std::min(r, std::min(g, b)), range = top - low;
  float angle = 0;
  if (range > 0) angle = top == r ? (g - b) / range : top == g ? 2 + (b - r) / range : 4 + (r - g) / range;
  const double sixths = static_cast<double>(angle) + 6 * (turns - std::floor(turns));
  for (int c = 0; c < 3; ++c) {
    const double at = std::fmod(sixths + 14 - 2 * c, 6);
    const double share = at < 1 ? at : at < 3 ? 1 : at < 4 ? 4 - at : 0;
    y[c] = stored<T>(low + range * static_cast<float>(share));
  }
}

// The gray of a pixel.
template <class T>
MIXNET_ON_DEVICE double gray_of(const T* x, int64_t i, int64_t channels) {
  return static_cast<double>(channels == 3 ? gray(x + i * 3) : static_cast<float>(x[i]));
}

// One change of a pixel; `mean`, of contrast alone: where the mean gray is.
template <class T>
struct ChangePixel {
  Change what;
  double factor;
  const T* x;
  T* y;
  int64_t channels;
  const double* mean;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const float a = static_cast<float>(factor);
    const T* from = x + i * channels;
    T* to = y + i * channels;
    if (what == Change::hue && channels == 3) return turn_hue(factor, from, to);
    float rest = 0;
    if (what == Change::contrast) rest = (1 - a) * static_cast<float>(*mean);
    if (what == Change::saturation && channels == 3) rest = (1 - a) * gray(from);
    const bool plain = channels == 1 && (what == Change::saturation || what == Change::hue);
    for (int64_t c = 0; c < channels; ++c) to[c] = plain ? from[c] : stored<T>(a * static_cast<float>(from[c]) + rest);
  }
};

// Place::mean_gray says where the mean gray of an image is: in the number it is given, or on the device.
template <class Place, class T>
void change(const RunContext& r, Change what, double factor, const T* x, T* y, int64_t pixels, int64_t channels) {
  double here = 0;
  const double* mean = what == Change::contrast ? Place::mean_gray(r, x, pixels, channels, &here) : nullptr;
  Place::each(r, pixels, 4096, ChangePixel<T>{what, factor, x, y, channels, mean});
}

inline double draw(const RunContext& r, uint64_t i) {
  const PhiloxBlock block = philox(r.context.random, i);
  return uniform_double(block.word[0], block.word[1]);
}
inline double between(const RunContext& r, uint64_t i, double low, double high) {
  return low + (high - low) * draw(r, i);
}

// f(type tag) for the dtypes images have.
template <class F>
void dispatch_image(DType dtype, F f) {
  if (dtype == DType::u8) return f(TypeTag<uint8_t>{});
  dispatch_float(dtype, "image", f);
}

template <class Place, Change What>
void random_change(const Params& p, const RunContext& r) {
  dispatch_image(r.in[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t channels = r.in[0].shape.back();
    if (r.out[0].size() == 0) return;
    change<Place>(r, What, between(r, 0, p.min_factor, p.max_factor), r.in[0].as<T>(), r.out[0].as<T>(),
                  r.in[0].size() / channels, channels);
  });
}

// All changes that are asked for, in random order.
template <class Place>
void jitter(const Params& p, const RunContext& r) {
  dispatch_image(r.in[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t channels = r.in[0].shape.back();
    if (r.out[0].size() == 0) return;
    const T* x = r.in[0].as<T>();
    T* y = r.out[0].as<T>();
    const double amounts[4] = {p.brightness, p.contrast, p.saturation, p.hue};
    int order[4] = {0, 1, 2, 3};
    for (uint64_t i = 3; i > 0; --i)
      std::swap(order[i], order[static_cast<size_t>(draw(r, i) * static_cast<double>(i + 1))]);
    for (int i : order) {
      if (!(amounts[i] > 0)) continue;
      const double centre = i == 3 ? 0 : 1;
      change<Place>(r, static_cast<Change>(i),
                    between(r, 8 + static_cast<uint64_t>(i), centre - amounts[i], centre + amounts[i]), x, y,
                    r.in[0].size() / channels, channels);
      x = y;
    }
    if (x != y) Place::copy(r, r.in[0], r.out[0]);
  });
}

template <class T>
struct Light {
  const T* x;
  T* y;
  bool colour;
  float shift[3];
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    y[i] = colour ? stored<T>(static_cast<float>(x[i]) + shift[i % 3]) : x[i];
  }
};
// Adds multiples of the principal components of ImageNet's colours (Krizhevsky et al., 2012).
template <class Place>
void light(const double (&alpha)[3], const RunContext& r) {
  constexpr double value[3] = {55.46, 4.794, 1.148};
  constexpr double vector[3][3] = {{-0.5675, 0.7192, 0.4009}, {-0.5808, -0.0045, -0.8140}, {-0.5836, -0.6948, 0.4203}};
  float shift[3] = {0, 0, 0};
  for (int c = 0; c < 3; ++c)
    for (int i = 0; i < 3; ++i) shift[c] += static_cast<float>(alpha[i] * value[i] * vector[c][i]);
  dispatch_image(r.in[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const bool colour = r.in[0].shape.back() == 3;
    Place::each(r, r.out[0].size(), 4096,
                Light<T>{r.in[0].as<T>(), r.out[0].as<T>(), colour, {shift[0], shift[1], shift[2]}});
  });
}
template <class Place>
void adjust_lighting(const Params& p, const RunContext& r) {
  light<Place>({p.alpha[0], p.alpha[1], p.alpha[2]}, r);
}
template <class Place>
void random_lighting(const Params& p, const RunContext& r) {
  double alpha[3];
  for (uint64_t i = 0; i < 3; ++i) {
    const double u = 1 - draw(r, 2 * i);
    alpha[i] = p.alpha_std * std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * draw(r, 2 * i + 1));
  }
  light<Place>(alpha, r);
}

}  // namespace mixnet::op::image_color
