// Index inputs: tensors of any dtype read as whole numbers, as MXNet's users hand them over (mostly float32).
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>

#include "device/tensor_view.h"

namespace mixnet::op {

// NaN counts as the smallest number, so that clipping brings it to 0.
template <class T>
int64_t whole_number(const void* data, int64_t i) {
  const auto x = static_cast<accumulator_t<T>>(static_cast<const T*>(data)[i]);
  if constexpr (!std::numeric_limits<decltype(x + x)>::is_integer) {
    constexpr double limit = 9e18;
    if (!(static_cast<double>(x) > -limit)) return -static_cast<int64_t>(limit);
    if (static_cast<double>(x) > limit) return static_cast<int64_t>(limit);
  }
  return static_cast<int64_t>(x);
}

class Indices {
 public:
  explicit Indices(const TensorView& v) : data_(v.data) {
    read_ = dispatch_all(v.dtype, "indices", [](auto tag) { return &whole_number<typename decltype(tag)::type>; });
  }
  int64_t operator[](int64_t i) const { return read_(data_, i); }

  // Into [0, n); n is at least 1.
  int64_t clipped(int64_t i, int64_t n) const { return std::clamp<int64_t>(read_(data_, i), 0, n - 1); }
  int64_t wrapped(int64_t i, int64_t n) const {
    const int64_t k = read_(data_, i) % n;
    return k < 0 ? k + n : k;
  }
  // Negative ones count from the end; throws Code::invalid when still out of range.
  int64_t checked(int64_t i, int64_t n, const char* place) const {
    const int64_t k = read_(data_, i);
    MIXNET_CHECK(k >= -n && k < n, invalid, "[", place, "] indices: expected values in [", -n, ", ", n, "), got ", k);
    return k < 0 ? k + n : k;
  }

 private:
  const void* data_;
  int64_t (*read_)(const void*, int64_t);
};

}  // namespace mixnet::op
