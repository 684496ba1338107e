#include "ndarray/chunk.h"

#include <cstring>
#include <thread>

#include "base/fork.h"

namespace mixnet {

Chunk::Chunk(DeviceId device, size_t bytes) : device_(device), bytes_(bytes), variable_(engine().new_variable()) {
  block_.device = device;
}

Chunk::Chunk(DeviceId device, void* data, size_t bytes, std::function<void()> release, bool exposed)
    : device_(device),
      bytes_(bytes),
      block_{data, bytes, device},
      ready_(true),
      exposed_(exposed),
      release_(std::move(release)),
      variable_(engine().new_variable()) {}

void Chunk::resize(size_t bytes) {
  if (allocated() && bytes > block_.size) {
    ready_.store(false, std::memory_order_release);
    if (block_.data) storage(device_).release(block_);
    block_ = Block{nullptr, 0, device_};
  }
  bytes_.store(bytes, std::memory_order_relaxed);
  data();
}

void Chunk::allocate() {
  // The mark carries the fork generation: one left by a thread that stayed in the parent is taken over.
  const uint32_t mine = fork_generation() + 1;
  for (uint32_t held = 0; !allocating_.compare_exchange_weak(held, mine, std::memory_order_acquire);) {
    if (held != mine) continue;
    std::this_thread::yield();
    held = 0;
  }
  try {
    if (!ready_.load(std::memory_order_relaxed)) {
      block_ = storage(device_).allocate(bytes());
      ready_.store(true, std::memory_order_release);
    }
  } catch (...) {
    allocating_.store(0, std::memory_order_release);
    throw;
  }
  allocating_.store(0, std::memory_order_release);
}

void Chunk::let_go() {
  if (!release_) return;
  if (bytes_ > 0 && block_.data) {
    const Block own = storage(device_).allocate(bytes_);
    std::memcpy(own.data, block_.data, bytes_);
    block_ = own;
  }
  const std::function<void()> release = std::move(release_);
  release_ = nullptr;
  release();
}

Chunk::~Chunk() {
  if (release_) {
    engine().delete_variable(variable_, std::move(release_));
  } else if (allocated() && block_.data) {
    // Only the block is kept until the engine is done: this object goes now.
    engine().delete_variable(variable_, [block = block_] { storage(block.device).release(block); });
  } else {
    engine().delete_variable(variable_, {});
  }
}

}  // namespace mixnet
