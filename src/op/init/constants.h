// Parameters of the operators that make arrays from nothing, and what they give at an index.
#pragma once
#include <algorithm>
#include <optional>
#include <string>

#include "base/dtype.h"
#include "base/on_device.h"
#include "base/shape.h"

namespace mixnet::op::constants {

struct Params {
  Shape shape;
  DType dtype = DType::f32;
  std::string ctx;
  double value = 0;
};
struct RangeParams {
  double start = 0;
  std::optional<double> stop;
  double step = 1;
  int64_t repeat = 1, num = 50;
  bool infer_range = false, endpoint = true;
  std::string ctx;
  DType dtype = DType::f32;
};
struct EyeParams {
  int64_t N = 0, M = 0, k = 0;
  std::string ctx;
  DType dtype = DType::f32;
};

struct Steps {
  explicit Steps(const RangeParams& p) : first(p.stop || p.infer_range ? p.start : 0), step(p.step), repeat(p.repeat) {}
  MIXNET_ON_DEVICE double operator()(int64_t i) const { return first + static_cast<double>(i / repeat) * step; }
  double first, step;
  int64_t repeat;
};
struct Line {
  explicit Line(const RangeParams& p)
      : first(p.start),
        length(p.stop.value_or(0) - p.start),
        parts(static_cast<double>(std::max<int64_t>(1, p.endpoint ? p.num - 1 : p.num))) {}
  MIXNET_ON_DEVICE double operator()(int64_t i) const { return first + length * static_cast<double>(i) / parts; }
  double first, length, parts;
};
struct Diagonal {
  int64_t columns, k;
  MIXNET_ON_DEVICE double operator()(int64_t i) const { return i % columns - i / columns == k ? 1 : 0; }
};

}  // namespace mixnet::op::constants
