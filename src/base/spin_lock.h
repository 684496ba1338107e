// A lock for sections of a few dozen instructions: one byte, no system call while free.
//
// A waiter that does not get it soon gives its time slice away, so a preempted owner costs a switch, not a hang.
#pragma once
#include <atomic>
#include <chrono>
#include <thread>
#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace mixnet {

// Tells the core that this is a spinning loop.
inline void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class SpinLock {
 public:
  void lock() {
    if (taken_.exchange(true, std::memory_order_acquire)) lock_slow();
  }
  bool try_lock() { return !taken_.exchange(true, std::memory_order_acquire); }
  void unlock() { taken_.store(false, std::memory_order_release); }
  bool locked() const { return taken_.load(std::memory_order_acquire); }

 private:
  void lock_slow() {
    int spins = 0;
    do {
      while (taken_.load(std::memory_order_relaxed)) {
        if (++spins < 100) {
          pause_briefly();
        } else {
          std::this_thread::yield();
        }
      }
    } while (taken_.exchange(true, std::memory_order_acquire));
  }

  std::atomic<bool> taken_{false};
};

// Polls `ready` for about the time that a sleep and a wake-up would cost. Returns whether it came true.
template <class F>
bool spin_until(F&& ready, std::chrono::microseconds limit = std::chrono::microseconds(20)) {
  const auto start = std::chrono::steady_clock::now();
  do {
    for (int i = 0; i < 32; ++i) {
      if (ready()) return true;
      pause_briefly();
    }
  } while (std::chrono::steady_clock::now() - start < limit);
  return ready();
}

}  // namespace mixnet
