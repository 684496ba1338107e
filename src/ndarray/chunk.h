// The memory behind one or more NDArrays, with the engine variable that orders all work on it.
//
// Memory is taken when it is first needed, usually by the task that writes it. Freeing is a write in the engine's order: work that was
// pushed before still finds the memory. A task that writes all of it may give it another size.
#pragma once
#include <atomic>
#include <functional>
#include <memory>

#include "engine/engine.h"
#include "storage/storage.h"

namespace mixnet {

class Chunk {
 public:
  // Memory is not zeroed.
  Chunk(DeviceId device, size_t bytes);
  // Foreign memory (DLPack, a mapped file); `release` runs once when nothing uses it any more, on any thread.
  // `exposed`: somebody may write it without the engine knowing.
  Chunk(DeviceId device, void* data, size_t bytes, std::function<void()> release, bool exposed = true);
  ~Chunk();
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;

  DeviceId device() const { return device_; }
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  Variable* variable() const { return variable_; }
  // Whether somebody outside may write this memory without the engine knowing: its version says nothing then.
  bool exposed() const { return exposed_.load(std::memory_order_relaxed); }
  void expose() { exposed_.store(true, std::memory_order_relaxed); }
  bool allocated() const { return ready_.load(std::memory_order_acquire); }
  // Only inside the task that writes it, or before anybody else has it: the contents are lost. Not for foreign memory.
  void resize(size_t bytes);
  // The memory, taken now if need be. Throws Code::memory. Thread-safe.
  void* data() {
    if (!ready_.load(std::memory_order_acquire)) allocate();
    return block_.data;
  }

  // Inside a task that writes the variable: foreign memory is about to go, from now on the values are in memory of its own. `release` runs now.
  void let_go();

 private:
  void allocate();

  DeviceId device_;
  std::atomic<size_t> bytes_;
  Block block_;
  std::atomic<bool> ready_{false};
  std::atomic<bool> exposed_{false};
  std::atomic<uint32_t> allocating_{0};  // who allocates: the fork generation + 1
  std::function<void()> release_;
  Variable* variable_;
};

}  // namespace mixnet
