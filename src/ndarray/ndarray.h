// NDArray: a tensor on a device whose value may still be under way.
//
// A value type: copies share the chunk. Every operation returns at once; reading waits. Views (slice, at, reshape) share memory
// and its engine variable. Always row-major without gaps.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "device/tensor_view.h"
#include "ndarray/chunk.h"

namespace mixnet {

class NDArray {
 public:
  NDArray() = default;  // none: shape unknown, no memory
  // Uninitialised; memory is taken at first use. Throws Code::shape for sizes beyond int64.
  NDArray(const Shape& shape, DType dtype, DeviceId device = {});
  NDArray(std::shared_ptr<Chunk> chunk, const Shape& shape, DType dtype, int64_t offset_bytes = 0);

  bool none() const { return chunk_ == nullptr; }
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  DeviceId device() const { return chunk_->device(); }
  int64_t size() const { return shape_.size(); }
  int64_t bytes() const { return size() * dtype_size(dtype_); }
  Variable* variable() const { return chunk_->variable(); }
  const std::shared_ptr<Chunk>& chunk() const { return chunk_; }
  int64_t offset_bytes() const { return offset_; }
  // True when a write to one may change the other.
  bool overlaps(const NDArray& other) const;
  bool same_memory(const NDArray& other) const;

  // The memory as a kernel sees it; allocates. Only inside an engine task, or after waiting.
  TensorView view() const;
  // Shape and dtype only.
  TensorView outline() const;

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
  std::shared_ptr<Chunk> chunk_;
  Shape shape_ = Shape::unknown();
  DType dtype_ = DType::f32;
  int64_t offset_ = 0;  // bytes from the chunk's begin
};

// Copies `from` into `to`, through the engine, between any devices. Equal shapes and dtypes.
void copy(const NDArray& from, const NDArray& to, int32_t priority = 0);

}  // namespace mixnet
