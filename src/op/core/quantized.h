// Numbers of quantised tensors: a whole number q of dtype t stands for q * step, step = reach / levels(t).
//
// The reach is the larger of |min| and |max|, which travel beside the data as two float32 arrays: of one number, or of one per channel
// (axis 1 of data, axis 0 of weights). Quantisation is symmetric: zero is always 0, and uint8 has no negative numbers. Rounding is to the
// nearest, ties to even, and saturates (Jacob et al., 2018, with zero point 0).
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/on_device.h"
#include "base/thread_pool.h"
#include "op/core/builder.h"

namespace mixnet::quantized {

MIXNET_ON_DEVICE inline float levels(DType t) { return t == DType::u8 ? 255.f : t == DType::i8 ? 127.f : 2147483647.f; }
MIXNET_ON_DEVICE inline float reach(float low, float high) { return std::max(std::fabs(low), std::fabs(high)); }
MIXNET_ON_DEVICE inline float step(float low, float high, DType t) { return reach(low, high) / levels(t); }
// What a value is multiplied by; nothing is known of data that are all zero.
MIXNET_ON_DEVICE inline float per_step(float low, float high, DType t) {
  const float r = reach(low, high);
  return r > 0 ? levels(t) / r : 0.f;
}

// Nearest whole number, ties to even, for |x| < 2^22; compilers vectorise it.
MIXNET_ON_DEVICE inline float nearest(float x) {
  constexpr float big = 12582912.f;
  return (x + big) - big;
}
// NaN becomes the lowest number.
template <class Q>
MIXNET_ON_DEVICE Q saturate(float x) {
  constexpr float low = std::numeric_limits<Q>::min(), high = std::numeric_limits<Q>::max();
  x = x > low ? x : low;
  return static_cast<Q>(nearest(x < high ? x : high));
}
template <>
MIXNET_ON_DEVICE inline int32_t saturate<int32_t>(float x) {
  if (!(x > -2147483648.f)) return std::numeric_limits<int32_t>::min();
  return x >= 2147483648.f ? std::numeric_limits<int32_t>::max() : static_cast<int32_t>(std::nearbyint(x));
}

// f(tag) with the C++ type of int8 or uint8 data.
template <class F>
void dispatch_bytes(DType t, F f) {
  if (t == DType::u8) f(TypeTag<uint8_t>());
  else f(TypeTag<int8_t>());
}
template <class F>
void dispatch(DType t, F f) {
  if (t == DType::i32) f(TypeTag<int32_t>());
  else dispatch_bytes(t, f);
}

// The range that comes with a tensor: one pair for all of it, or one per channel.
struct Ranges {
  const float *low, *high;
  int64_t count;
  // Of arrays on any device, which are looked at there.
  Ranges(const TensorView& min, const TensorView& max)
      : low(min.as<float>()), high(max.as<float>()), count(min.size()) {}
  MIXNET_ON_DEVICE size_t at(int64_t channel) const { return static_cast<size_t>(count == 1 ? 0 : channel); }
  MIXNET_ON_DEVICE float step(int64_t channel, DType t) const {
    return quantized::step(low[at(channel)], high[at(channel)], t);
  }
};

// f(channel, first element, last element) for runs of elements that have one range; `axis` is that of the channels.
template <class F>
void for_runs(const Shape& shape, const Ranges& ranges, F f) {
  const bool one = ranges.count == 1;
  const int64_t channels = one ? 1 : ranges.count,
                length = one ? shape.size() : shape.size(std::min(2, shape.ndim()), shape.ndim());
  if (shape.size() == 0) return;
  if (one) return parallel_for(length, 16384, [&](int64_t first, int64_t last) { f(int64_t{0}, first, last); });
  parallel_for(shape.size() / length, std::max<int64_t>(1, 16384 / length), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) f(i % channels, i * length, (i + 1) * length);
  });
}

inline void set_range(const RunContext& r, float low, float high) {
  if (r.out[1].data) r.out[1].as<float>()[0] = low;
  if (r.out[2].data) r.out[2].as<float>()[0] = high;
}
inline void copy_range(const RunContext& r, size_t min, size_t max) {
  for (size_t o : {size_t{1}, size_t{2}}) {
    const TensorView& from = r.in[o == 1 ? min : max];
    if (r.out[o].data) std::copy_n(from.as<float>(), from.size(), r.out[o].as<float>());
  }
}

// Smallest and largest value; (0, 0) of nothing.
template <class T>
std::pair<T, T> extremes(const T* x, int64_t n) {
  std::pair<T, T> range(n ? x[0] : T(0), n ? x[0] : T(0));
  for (int64_t i = 1; i < n; ++i) {
    range.first = std::min(range.first, x[i]);
    range.second = std::max(range.second, x[i]);
  }
  return range;
}

// Inputs i and i + 1 are a range: one pair, or `channels` where that is not 0.
inline void infer_range(InferShape& c, int i, int64_t channels = 0) {
  for (int k : {i, i + 1}) {
    const Shape other = c.in[static_cast<size_t>(k == i ? i + 1 : i)];
    Shape& mine = c.in[static_cast<size_t>(k)];
    if (!mine.ndim_known() && other.ndim_known()) mine = other;
    if (!mine.ndim_known() && (c.last || channels == 0)) c.set_in(k, Shape{1});
    c.expect_ndim(k, 1, 1);
    if (!mine.known()) continue;
    if (mine[0] != 1 && (channels == 0 || mine[0] != channels))
      c.fail(Code::shape, concat(c.input_name(k), ": expected (1,)",
                                 channels > 0 ? concat(" or (", channels, ",)") : "", ", got ", mine));
  }
  if (c.in[static_cast<size_t>(i)].known() && c.in[static_cast<size_t>(i)] != c.in[static_cast<size_t>(i) + 1])
    c.fail(Code::shape, concat(c.input_name(i), " and ", c.input_name(i + 1), ": expected one shape, got ",
                               c.in[static_cast<size_t>(i)], " and ", c.in[static_cast<size_t>(i) + 1]));
}
// The channels of data, where they may have a range each.
inline int64_t channels(const Shape& data) { return data.ndim() >= 2 ? data[1] : 0; }

// Data of one of these dtypes; int8 where nothing is known.
inline void expect_bytes(InferType& c, int i, bool int32 = false) {
  const DType t = c.in[static_cast<size_t>(i)];
  if (t == DType::unknown) return c.set_in(i, DType::i8);
  if (t == DType::i8 || t == DType::u8 || (int32 && t == DType::i32)) return;
  c.fail(Code::type,
         concat(c.input_name(i), ": expected ", int32 ? "int8, uint8 or int32" : "int8 or uint8", ", got ", t));
}
inline void float_from(InferType& c, int first) {
  for (int i = first; i < c.num_inputs(); ++i) c.set_in(i, DType::f32);
}
inline void float_ranges(InferType& c) {
  c.set_out(1, DType::f32);
  c.set_out(2, DType::f32);
}

// What quantize_v2, requantize and others know of the values before they see them.
struct Calibrated {
  std::optional<double> low, high;
  bool known() const { return low && high; }
};
template <class P>
void add_calibrated(OpBuilder<P>& op) {
  op.param("min_calib_range", &P::low).doc("Lowest value that is to be held; None: what the data have.");
  op.param("max_calib_range", &P::high).doc("Highest value that is to be held; None: what the data have.");
}
inline void check_calibrated(const Calibrated& p) {
  MIXNET_CHECK(bool(p.low) == bool(p.high), invalid, "min_calib_range: expected both limits or none");
  MIXNET_CHECK(!p.known() || *p.low <= *p.high, invalid, "min_calib_range: expected at most max_calib_range ", *p.high,
               ", got ", *p.low);
}

enum class OutType { automatic, int8, uint8 };
// The dtype of a result: uint8 for `auto` where no value is below zero.
inline DType out_dtype(OutType type, const Calibrated& p) {
  if (type == OutType::automatic) return p.known() && *p.low >= 0 ? DType::u8 : DType::i8;
  return type == OutType::uint8 ? DType::u8 : DType::i8;
}
// The range that a result of this dtype reports.
inline std::pair<float, float> reported(float low, float high, DType t) {
  if (t == DType::u8) return {low, high};
  const float r = reach(low, high);
  return {-r, r};
}

}  // namespace mixnet::quantized
