// The memory of one or more executors' intermediate values on one device, and that on all their devices. An arena's engine variable keeps
// the executors that share it in order. Any thread.
#pragma once
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

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

class Arenas {
 public:
  // Made when it is first asked for.
  std::shared_ptr<Arena> at(DeviceId device) {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [where, arena] : all_) {
      if (where == device) return arena;
    }
    all_.emplace_back(device, std::make_shared<Arena>(device));
    return all_.back().second;
  }

 private:
  std::mutex mutex_;
  std::vector<std::pair<DeviceId, std::shared_ptr<Arena>>> all_;
};

}  // namespace mixnet
