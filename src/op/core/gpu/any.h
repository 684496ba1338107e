// A tensor whose dtype a kernel learns as it runs. For kernels that compute in double, and enough of it that the choice costs nothing beside:
// one kernel instead of one per dtype.
#pragma once
#include "base/on_device.h"
#include "device/tensor_view.h"

namespace mixnet::gpu {

class Any {
 public:
  Any() = default;
  explicit Any(const TensorView& v) : data_(v.data), dtype_(v.dtype) {}

  MIXNET_ON_DEVICE double get(int64_t i) const {
    switch (dtype_) {
      case DType::f32: return load<float>(i);
      case DType::f64: return load<double>(i);
      case DType::f16: return load<f16>(i);
      case DType::bf16: return load<bf16>(i);
      case DType::u8: return load<uint8_t>(i);
      case DType::i8: return load<int8_t>(i);
      case DType::i32: return load<int32_t>(i);
      case DType::i64: return load<int64_t>(i);
      default: return load<bool>(i);
    }
  }
  MIXNET_ON_DEVICE void set(int64_t i, double x) const {
    switch (dtype_) {
      case DType::f32: return store<float>(i, x);
      case DType::f64: return store<double>(i, x);
      case DType::f16: return store<f16>(i, x);
      case DType::bf16: return store<bf16>(i, x);
      case DType::u8: return store<uint8_t>(i, x);
      case DType::i8: return store<int8_t>(i, x);
      case DType::i32: return store<int32_t>(i, x);
      case DType::i64: return store<int64_t>(i, x);
      default: return store<bool>(i, x);
    }
  }
  MIXNET_ON_DEVICE explicit operator bool() const { return data_ != nullptr; }

 private:
  template <class T> MIXNET_ON_DEVICE double load(int64_t i) const {
    return static_cast<double>(static_cast<accumulator_t<T>>(static_cast<const T*>(data_)[i]));
  }
  template <class T> MIXNET_ON_DEVICE void store(int64_t i, double x) const {
    static_cast<T*>(data_)[i] = static_cast<T>(static_cast<accumulator_t<T>>(x));
  }

  void* data_ = nullptr;
  DType dtype_ = DType::f32;
};

}  // namespace mixnet::gpu
