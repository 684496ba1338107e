// The memory of one or more executors' intermediate values. Its engine variable keeps the executors that share it in order.
#pragma once
#include <memory>
#include <mutex>

#include "ndarray/chunk.h"

namespace mixnet {

class Arena {
 public:
  explicit Arena(DeviceId device) : device_(device) {}

  // Makes sure that at least this many bytes are there. Work under way keeps the memory it has.
  void reserve(int64_t bytes) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!chunk_ || static_cast<int64_t>(chunk_->bytes()) < bytes)
      chunk_ = std::make_shared<Chunk>(device_, static_cast<size_t>(bytes));
  }
  std::shared_ptr<Chunk> chunk() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return chunk_;
  }

 private:
  DeviceId device_;
  mutable std::mutex mutex_;
  std::shared_ptr<Chunk> chunk_;
};

}  // namespace mixnet
