// Parameters of slice and of assignment to slices, and the box that they mean, shared with the device sibling.
#pragma once
#include <algorithm>

#include "op/core/param.h"
#include "op/core/strided_loop.h"

namespace mixnet::op::slice {

struct Params {
  OptionalTuple begin, end, step;
};
struct AssignScalarParams : Params {
  double scalar = 0;
};

// First element, extent and step along every axis.
struct Box {
  Shape first, extent, step;
};

inline Box box_of(const Params& p, const Shape& in, const char* place) {
  MIXNET_CHECK(static_cast<int>(p.begin.size()) <= in.ndim() && p.begin.size() == p.end.size(), invalid, "[", place,
               "] begin and end: expected at most ", in.ndim(), " numbers each, got ", p.begin.size(), " and ",
               p.end.size());
  Box box;
  for (int i = 0; i < in.ndim(); ++i) {
    const size_t k = static_cast<size_t>(i);
    const int64_t n = in[i], step = k < p.step.size() ? p.step[k].value_or(1) : 1;
    MIXNET_CHECK(step != 0, invalid, "[", place, "] step: expected values other than 0");
    const bool given = k < p.begin.size();
    // As Python's slices: limits beyond the ends are moved to them.
    auto limit = [n, step](int64_t v) {
      return std::clamp(v < 0 ? v + n : v, step > 0 ? int64_t{0} : int64_t{-1}, step > 0 ? n : n - 1);
    };
    const int64_t begin = given && p.begin[k] ? limit(*p.begin[k]) : step > 0 ? 0 : n - 1;
    const int64_t end = given && p.end[k] ? limit(*p.end[k]) : step > 0 ? n : -1;
    const int64_t span = step > 0 ? end - begin : begin - end, stride = step > 0 ? step : -step;
    box.first.push_back(begin);
    box.extent.push_back(span <= 0 ? 0 : (span + stride - 1) / stride);
    box.step.push_back(step);
  }
  return box;
}

// A loop over the box with operands (part, whole); `offset` is the whole's first element.
inline StridedLoop<2> box_loop(const Box& box, const Shape& whole, int64_t* offset) {
  const auto part = row_major_strides(box.extent), all = row_major_strides(whole);
  StridedLoop<2> loop;
  *offset = 0;
  for (int i = 0; i < whole.ndim(); ++i) {
    const size_t d = static_cast<size_t>(i);
    loop.add(box.extent[i], {part[d], all[d] * box.step[i]});
    *offset += all[d] * box.first[i];
  }
  return loop;
}

}  // namespace mixnet::op::slice
