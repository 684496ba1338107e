// What a kernel sees of an array: memory, extents and element type, owned by somebody else.
#pragma once
#include "base/dtype.h"
#include "base/shape.h"
#include "device/device_id.h"

namespace mixnet {

struct TensorView {
  void* data = nullptr;  // nullptr: an output nobody wants, or an empty tensor
  Shape shape;
  DType dtype = DType::f32;
  DeviceId device;
  // Elements between neighbours along each dimension; ndim -1 means row-major without gaps, which is all that
  // kernels get unless their operator accepts strides.
  Shape strides = Shape::unknown();

  int ndim() const { return shape.ndim(); }
  int64_t size() const { return shape.size(); }
  int64_t bytes() const { return size() * dtype_size(dtype); }
  // The caller has checked the dtype.
  template <class T> T* as() const { return static_cast<T*>(data); }
};

}  // namespace mixnet
