// What sparse kernels share: the stored values as a dense tensor, outputs that store what an input does, kernels on values alone.
#pragma once
#include <cstring>
#include <memory>
#include <utility>

#include "op/core/infer_storage.h"
#include "op/core/kernel.h"

namespace mixnet::stored {

// Values of one stored row or element.
inline int64_t width(const TensorView& v) {
  return v.kind == StorageKind::row_sparse ? v.shape.size(1, v.shape.ndim()) : 1;
}

// The stored values as a dense tensor of one dimension.
inline TensorView values(const TensorView& v) {
  TensorView flat;
  flat.data = v.sparse->values;
  flat.shape = Shape{v.sparse->count * width(v)};
  flat.dtype = v.dtype;
  flat.device = v.device;
  return flat;
}

inline void copy_indptr(const TensorView& from, const TensorView& to) {
  if (from.sparse->indptr)
    std::memcpy(to.sparse->indptr, from.sparse->indptr, static_cast<size_t>((from.shape[0] + 1) * 8));
}
inline void copy_indices(const SparseView& from, const SparseView& to) {
  if (from.count > 0) std::memcpy(to.indices, from.indices, static_cast<size_t>(from.count * 8));
}
// Memory for an output that stores what an input of its kind stores, values to come.
inline void allocate_like(const RunContext& r, int output, const TensorView& from) {
  r.context.memory->sparse(output, from.sparse->count);
  const TensorView& to = r.out[static_cast<size_t>(output)];
  copy_indptr(from, to);
  copy_indices(*from.sparse, *to.sparse);
}

// A rule: one input, whose kind the output has.
inline bool same_kind(InferStorage& c) {
  c.out[0] = c.in[0];
  return c.in[0] != StorageKind::dense;
}

// Runs a kernel for dense tensors on the stored values of the first input and gives a tensor that stores the same elements.
class ValuesKernel : public Kernel {
 public:
  explicit ValuesKernel(std::unique_ptr<Kernel> dense) : dense_(std::move(dense)) {}
  size_t workspace() const override { return dense_->workspace(); }
  void run(const RunContext& r) const override {
    allocate_like(r, 0, r.in[0]);
    const TensorView in[] = {values(r.in[0])}, out[] = {values(r.out[0])};
    if (out[0].size() > 0) dense_->run({in, out, r.context});
  }

 private:
  std::unique_ptr<Kernel> dense_;
};

}  // namespace mixnet::stored
