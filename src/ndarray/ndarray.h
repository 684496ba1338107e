// NDArray: a tensor on a device whose value may still be under way.
//
// A value type: copies share the chunk. Every operation returns at once; reading waits. Views (slice, at, reshape) share memory
// and its engine variable. Dense ones are always row-major without gaps.
//
// A sparse array has all it stores in one chunk, under one variable: indptr, indices and values one after the other. How much that is
// is known once it is written. So is the shape of a late array, a dense one made by an operator whose output's shape depends on values:
// asking for it waits.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "device/tensor_view.h"
#include "ndarray/chunk.h"

namespace mixnet {

// What only the task that writes an array can say of it.
struct WrittenExtents {
  std::atomic<bool> known{false};  // of a late array: the shape is there, and stays
  Shape shape = Shape::unknown();
  SparseView sparse;  // of a sparse one: changes with every write
};

class NDArray {
 public:
  NDArray() = default;  // none: shape unknown, no memory
  // Uninitialised; memory is taken at first use. Throws Code::shape for sizes beyond int64.
  NDArray(const Shape& shape, DType dtype, DeviceId device = {});
  NDArray(std::shared_ptr<Chunk> chunk, const Shape& shape, DType dtype, int64_t offset_bytes = 0);

  // Sparse, with nothing stored: all zero. On a CPU; csr has two dimensions, row_sparse at least one.
  NDArray(StorageKind kind, const Shape& shape, DType dtype, DeviceId device = {});
  // Dense, of a shape that the operation that writes it will give.
  static NDArray late(DType dtype, DeviceId device);

  bool none() const { return chunk_ == nullptr; }
  // Of a late array: waits until it is written; throws what went wrong then.
  const Shape& shape() const { return written_ && kind_ == StorageKind::dense ? late_shape() : shape_; }
  StorageKind kind() const { return kind_; }
  bool dense() const { return kind_ == StorageKind::dense; }
  // Its size is known once it is written: it is sparse or late.
  bool sized_by_writer() const { return written_ != nullptr; }
  DType dtype() const { return dtype_; }
  DeviceId device() const { return chunk_->device(); }
  int64_t size() const { return shape().size(); }
  // Of a sparse array: what is stored now.
  int64_t bytes() const { return dense() ? size() * dtype_size(dtype_) : static_cast<int64_t>(chunk_->bytes()); }
  // Whether it is all of its chunk: a write to a part leaves the rest, errors included.
  bool whole() const { return written_ || bytes() == static_cast<int64_t>(chunk_->bytes()); }
  Variable* variable() const { return chunk_->variable(); }
  const std::shared_ptr<Chunk>& chunk() const { return chunk_; }
  int64_t offset_bytes() const { return offset_; }
  // True when a write to one may change the other.
  bool overlaps(const NDArray& other) const;
  bool same_memory(const NDArray& other) const;

  // The memory as a kernel sees it; allocates. Only inside an engine task, or after waiting.
  TensorView view() const;
  // Shape, dtype and kind only; the shape of a late array is unknown before it is written.
  TensorView outline() const;
  // Only inside the task that writes it: memory for a late array, and for what a sparse one stores (indptr is zero).
  TensorView allocate(const Shape& shape) const;
  const SparseView& allocate_stored(int64_t count) const;

  // Rows [begin, end) of the first axis; negative indices count from the end. Shares memory.
  NDArray slice(int64_t begin, int64_t end) const;
  // Row i without its axis. Shares memory.
  NDArray at(int64_t i) const;
  // Same elements, other shape (all extents known). Shares memory.
  NDArray reshape(const Shape& shape) const;

  void wait_to_read(const WaitOptions& options = {}) const;
  void wait_to_write(const WaitOptions& options = {}) const;
  // Copies host memory in, or out (waits for it). `bytes` must equal bytes().
  void copy_from_host(const void* data, int64_t bytes, const WaitOptions& options = {}) const;
  void copy_to_host(void* data, int64_t bytes, const WaitOptions& options = {}) const;

 private:
  void synchronize() const;
  const Shape& late_shape() const;
  void check_dense(const char* place) const;

  std::shared_ptr<Chunk> chunk_;
  std::shared_ptr<WrittenExtents> written_;  // sparse and late arrays
  Shape shape_ = Shape::unknown();
  DType dtype_ = DType::f32;
  StorageKind kind_ = StorageKind::dense;
  int64_t offset_ = 0;  // bytes from the chunk's begin
};

// Uninitialised, with the same shape, dtype, kind and device. Sparse: nothing stored.
NDArray empty_like(const NDArray& array);
// "default", "row_sparse", "csr".
const char* storage_name(StorageKind kind);

// Copies `from` into `to`, through the engine, between any devices. Equal shapes, dtypes and kinds.
void copy(const NDArray& from, const NDArray& to, int32_t priority = 0);

}  // namespace mixnet
