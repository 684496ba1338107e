// Index inputs: tensors of any dtype read as whole numbers, as MXNet's users hand them over (mostly float32).
#pragma once
#include <cstdint>
#include <limits>

#include "base/on_device.h"
#include "device/tensor_view.h"

namespace mixnet::op {

// NaN counts as the smallest number, so that clipping brings it to 0.
template <class T>
MIXNET_ON_DEVICE int64_t whole_number(const void* data, int64_t i) {
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
  Indices() = default;
  explicit Indices(const TensorView& v) : data_(v.data), dtype_(v.dtype) {}
  MIXNET_ON_DEVICE int64_t operator[](int64_t i) const {
    switch (dtype_) {
      case DType::f32: return whole_number<float>(data_, i);
      case DType::f64: return whole_number<double>(data_, i);
      case DType::f16: return whole_number<f16>(data_, i);
      case DType::bf16: return whole_number<bf16>(data_, i);
      case DType::u8: return whole_number<uint8_t>(data_, i);
      case DType::i8: return whole_number<int8_t>(data_, i);
      case DType::i32: return whole_number<int32_t>(data_, i);
      case DType::boolean: return whole_number<bool>(data_, i);
      default: return whole_number<int64_t>(data_, i);
    }
  }

  // Into [0, n); n is at least 1.
  MIXNET_ON_DEVICE int64_t clipped(int64_t i, int64_t n) const {
    const int64_t k = (*this)[i];
    return k < 0 ? 0 : k < n ? k : n - 1;
  }
  MIXNET_ON_DEVICE int64_t wrapped(int64_t i, int64_t n) const {
    const int64_t k = (*this)[i] % n;
    return k < 0 ? k + n : k;
  }
  // Negative ones count from the end; throws Code::invalid when still out of range.
  int64_t checked(int64_t i, int64_t n, const char* place) const {
    const int64_t k = (*this)[i];
    MIXNET_CHECK(k >= -n && k < n, invalid, "[", place, "] indices: expected values in [", -n, ", ", n, "), got ", k);
    return k < 0 ? k + n : k;
  }

 private:
  const void* data_ = nullptr;
  DType dtype_ = DType::unknown;
};

}  // namespace mixnet::op
