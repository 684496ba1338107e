// What a kernel sees of an array: memory, extents and element type, owned by somebody else.
//
// A sparse tensor has the shape of the dense one that it stands for and `sparse` in place of `data`. Kernels get one only where their
// operator has said so (OpSchema::infer_storage).
#pragma once
#include "base/dtype.h"
#include "base/shape.h"
#include "device/device_id.h"

namespace mixnet {

// The codes are those of MXNet's files.
enum class StorageKind : int32_t { dense = 0, row_sparse = 1, csr = 2 };

// What a sparse tensor stores. Row-sparse: `count` rows, which `indices` numbers in ascending order, each once; values are (count, rest of
// the shape). csr, of two dimensions: `count` elements, those of row i at [indptr[i], indptr[i + 1]), `indices` their columns.
struct SparseView {
  int64_t count = 0;
  void* values = nullptr;
  int64_t* indices = nullptr;
  int64_t* indptr = nullptr;  // csr: one more than there are rows

  template <class T> T* as() const { return static_cast<T*>(values); }
};

struct TensorView {
  void* data = nullptr;  // nullptr: an output nobody wants, or an empty tensor
  Shape shape;
  DType dtype = DType::f32;
  DeviceId device;
  // Elements between neighbours along each dimension; ndim -1 means row-major without gaps, which is all that
  // kernels get unless their operator accepts strides.
  Shape strides = Shape::unknown();
  StorageKind kind = StorageKind::dense;
  const SparseView* sparse =
      nullptr;  // of a sparse tensor that has memory; what it points to changes when the tensor is allocated

  int ndim() const { return shape.ndim(); }
  int64_t size() const { return shape.size(); }
  int64_t bytes() const { return size() * dtype_size(dtype); }
  // The caller has checked the dtype.
  template <class T> T* as() const { return static_cast<T*>(data); }
};

}  // namespace mixnet
