// Convolutions as they are defined, of tensors of cuDNN's types: what its stand-in computes with.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/half.h"

namespace stand_in {

// Kinds of operations, as cuDNN numbers them.
constexpr int forward = 10, weight = 11, data = 12;

// 0 float, 1 double, 2 half, 9 bfloat16.
inline size_t element(int dtype) { return dtype == 1 ? 8 : dtype == 0 ? 4 : 2; }

struct Tensor {
  std::vector<int64_t> extents, strides;
  int dtype = 0;
  int64_t id = 0;
  bool is_virtual = false;
};

inline float get(const char* at, int dtype) {
  if (dtype == 2) return static_cast<float>(*reinterpret_cast<const mixnet::f16*>(at));
  if (dtype == 9) return static_cast<float>(*reinterpret_cast<const mixnet::bf16*>(at));
  return *reinterpret_cast<const float*>(at);
}

// A tensor and where it lies.
struct Placed {
  Tensor t;
  char* at = nullptr;
  double load(int64_t i) const {
    const char* from = at + static_cast<size_t>(i) * element(t.dtype);
    return t.dtype == 1 ? *reinterpret_cast<const double*>(from) : static_cast<double>(get(from, t.dtype));
  }
  void store(int64_t i, double value) const {
    char* to = at + static_cast<size_t>(i) * element(t.dtype);
    if (t.dtype == 1) *reinterpret_cast<double*>(to) = value;
    else if (t.dtype == 0) *reinterpret_cast<float*>(to) = static_cast<float>(value);
    else if (t.dtype == 2) *reinterpret_cast<mixnet::f16*>(to) = static_cast<mixnet::f16>(static_cast<float>(value));
    else *reinterpret_cast<mixnet::bf16*>(to) = static_cast<mixnet::bf16>(static_cast<float>(value));
  }
};

// What is done to every sum: 0 add another tensor, 100 relu, 101 tanh, 102 sigmoid, as cuDNN numbers them.
struct Pointwise {
  int mode = 0;
  Placed other;
  double most = std::numeric_limits<double>::infinity();

  double of(double x, const std::vector<int64_t>& at) const {
    switch (mode) {
      case 0: {
        int64_t place = 0;
        for (size_t d = 0; d < at.size(); ++d) place += other.t.extents[d] == 1 ? 0 : at[d] * other.t.strides[d];
        return x + other.load(place);
      }
      case 100: return x != x ? x : std::min(std::max(x, 0.0), most);
      case 101: return std::tanh(x);
      default: return 1 / (1 + std::exp(-x));
    }
  }
};

struct Work {
  int kind = forward;
  Placed x, w, y;
  std::vector<Pointwise> behind;
  std::vector<int64_t> dilation, stride, pad;

  // Every product of an element of x and one of w, by where the three are: f(in x, in w, in y).
  template <class F> void each(F f) const {
    const size_t axes = stride.size();
    const int64_t images = x.t.extents[0], filters = w.t.extents[0], channels = w.t.extents[1],
                  groups = x.t.extents[1] / channels, per_group = filters / groups;
    int64_t taps = 1, positions = 1;
    for (size_t d = 0; d < axes; ++d) {
      taps *= w.t.extents[d + 2];
      positions *= y.t.extents[d + 2];
    }
    for (int64_t n = 0; n < images; ++n)
      for (int64_t k = 0; k < filters; ++k)
        for (int64_t c = 0; c < channels; ++c)
          for (int64_t p = 0; p < positions; ++p)
            for (int64_t t = 0; t < taps; ++t) {
              int64_t in_x = n * x.t.strides[0] + (k / per_group * channels + c) * x.t.strides[1],
                      in_w = k * w.t.strides[0] + c * w.t.strides[1], in_y = n * y.t.strides[0] + k * y.t.strides[1];
              int64_t position = p, tap = t;
              bool inside = true;
              for (size_t d = axes; d-- > 0;) {
                const int64_t o = position % y.t.extents[d + 2], i = tap % w.t.extents[d + 2],
                              at = o * stride[d] - pad[d] + i * dilation[d];
                position /= y.t.extents[d + 2];
                tap /= w.t.extents[d + 2];
                inside = inside && at >= 0 && at < x.t.extents[d + 2];
                in_x += at * x.t.strides[d + 2];
                in_w += i * w.t.strides[d + 2];
                in_y += o * y.t.strides[d + 2];
              }
              if (inside) f(in_x, in_w, in_y);
            }
  }

  void run() const {
    const Placed& to = kind == forward ? y : kind == data ? x : w;
    size_t span = 1;
    for (size_t d = 0; d < to.t.extents.size(); ++d)
      span += static_cast<size_t>((to.t.extents[d] - 1) * to.t.strides[d]);
    std::vector<double> sums(span, 0);
    each([&](int64_t in_x, int64_t in_w, int64_t in_y) {
      if (kind == forward) sums[static_cast<size_t>(in_y)] += x.load(in_x) * w.load(in_w);
      else if (kind == data) sums[static_cast<size_t>(in_x)] += y.load(in_y) * w.load(in_w);
      else sums[static_cast<size_t>(in_w)] += y.load(in_y) * x.load(in_x);
    });
    int64_t inner = 1;
    for (size_t d = 2; d < to.t.extents.size(); ++d) inner *= to.t.extents[d];
    for (int64_t n = 0; n < to.t.extents[0]; ++n)
      for (int64_t c = 0; c < to.t.extents[1]; ++c)
        for (int64_t i = 0; i < inner; ++i) {
          int64_t at = n * to.t.strides[0] + c * to.t.strides[1], rest = i;
          std::vector<int64_t> place(to.t.extents.size());
          place[0] = n;
          place[1] = c;
          for (size_t d = to.t.extents.size(); d-- > 2;) {
            place[d] = rest % to.t.extents[d];
            at += place[d] * to.t.strides[d];
            rest /= to.t.extents[d];
          }
          double value = sums[static_cast<size_t>(at)];
          for (const Pointwise& p : behind) value = p.of(value, place);
          to.store(at, value);
        }
  }
};

}  // namespace stand_in
