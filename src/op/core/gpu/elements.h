// Tensors of several dtypes in one kernel: those that are computed in A (float: the small floats too; int64: all integers and bool).
//
// One kernel per A instead of one per dtype, where there are many kernels; the dtype is the same for all threads, so that asking costs little.
#pragma once
#include "base/dtype.h"
#include "base/on_device.h"
#include "device/tensor_view.h"

namespace mixnet::gpu {

// f(pointer of the tensor's type), which must be computed in A. f of const data does not change it.
template <class A, class F>
MIXNET_ON_DEVICE decltype(auto) with_pointer(void* data, DType dtype, F f) {
  if constexpr (std::is_same<A, double>::value) {
    return f(static_cast<double*>(data));
  } else if constexpr (std::is_same<A, float>::value) {
    if (dtype == DType::f16) return f(static_cast<f16*>(data));
    if (dtype == DType::bf16) return f(static_cast<bf16*>(data));
    return f(static_cast<float*>(data));
  } else {
    switch (dtype) {
      case DType::u8: return f(static_cast<uint8_t*>(data));
      case DType::i8: return f(static_cast<int8_t*>(data));
      case DType::i32: return f(static_cast<int32_t*>(data));
      case DType::boolean: return f(static_cast<bool*>(data));
      default: return f(static_cast<int64_t*>(data));
    }
  }
}

template <class A>
struct Elements {
  void* data;
  DType dtype;
  explicit Elements(const TensorView& v) : data(v.data), dtype(v.dtype) {}

  MIXNET_ON_DEVICE A get(int64_t i) const {
    return with_pointer<A>(data, dtype, [i](auto* x) { return static_cast<A>(x[i]); });
  }
  // f(reader), where reader(i) is element i: loops belong into f, behind the question for the dtype. For integers it is asked each time.
  template <class F> MIXNET_ON_DEVICE decltype(auto) visit(F f) const {
    if constexpr (std::is_same<A, int64_t>::value) {
      return f([this](int64_t i) { return get(i); });
    } else {
      return with_pointer<A>(data, dtype, [&](auto* x) { return f([x](int64_t i) { return static_cast<A>(x[i]); }); });
    }
  }
};

// Calls f(TypeTag<A>) with what a dtype is computed in: float, double or int64.
template <class F>
decltype(auto) dispatch_computed(DType dtype, F&& f) {
  if (dtype == DType::f64) return f(TypeTag<double>{});
  if (dtype_is_float(dtype)) return f(TypeTag<float>{});
  return f(TypeTag<int64_t>{});
}

}  // namespace mixnet::gpu
