// A variable: who uses it, who waits for it in order of pushing, its version and what poisons it.
//
// Only engines include this. Every field but `version` is guarded by the lock, with one exception: whoever holds an
// access may read `poison` without it, because only a finishing writer changes it and none can run meanwhile.
// Locks of several variables are taken in order of address.
#pragma once
#include <atomic>
#include <cstdint>

#include "base/fork.h"
#include "base/spin_lock.h"
#include "engine/operation.h"
#include "engine/poison.h"

namespace mixnet {

class Variable {
 public:
  Variable() : generation_(fork_generation()) {}

  void lock() {
    if (generation_.load(std::memory_order_acquire) != fork_generation()) adopt();
    spin_.lock();
  }
  void unlock() { spin_.unlock(); }
  // After a change seen without the lock: finished writes.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }

  // The rest needs the lock.
  bool free_for(bool write) const { return !writer_ && !first_ && !(write && readers_); }
  void take(bool write) {
    if (write) {
      writer_ = true;
    } else {
      ++readers_;
    }
  }
  void append(Access* access);
  // Ends an access; operations that now have all they need are added to `ready`.
  void release(bool write, ReadyList& ready) {
    if (write) {
      writer_ = false;
    } else if (readers_) {
      // Zero only in a child that was forked while this very access was in use.
      --readers_;
    }
    if (first_) grant(ready);
  }
  // Takes a waiting access out of the queue; false when it is not (or no longer) waiting.
  bool withdraw(Access* access, ReadyList& ready);
  void count_write() { version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  PoisonPtr poison;

 private:
  void grant(ReadyList& ready);
  void adopt();

  SpinLock spin_;
  bool writer_ = false;
  uint32_t readers_ = 0;
  std::atomic<uint32_t> generation_;  // of the process that vouches for the fields above
  Access* first_ = nullptr;
  Access* last_ = nullptr;
  std::atomic<uint64_t> version_{0};
};

}  // namespace mixnet
