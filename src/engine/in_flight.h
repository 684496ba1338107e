// Counts the work in flight, bounds it, and tells when there is none.
//
// Never more than max_ops operations and max_bytes bytes are let in, except by add(), which those use who must not
// wait; a single operation larger than max_bytes is let in alone.
#pragma once
#include <atomic>
#include <cstdint>

#include "engine/parking.h"

namespace mixnet {

class InFlight {
 public:
  InFlight(int64_t max_ops, int64_t max_bytes);

  void add(int64_t bytes);
  // Waits for room; also returns `done` when `stopping` turns true, without having added: `added` tells. Lets in at once what is pushed
  // by a thread that has callbacks to run.
  WaitResult add_bounded(int64_t bytes, const std::atomic<bool>& stopping, const WaitOptions& options, bool* added);
  void remove(int64_t bytes);
  WaitResult wait_until_none(const WaitOptions& options);
  int64_t operations() const { return operations_.load(std::memory_order_seq_cst); }
  // Makes all who wait look again.
  void wake();

 private:
  bool try_add(int64_t bytes, int64_t limit);

  const int64_t max_ops_, resume_ops_, max_bytes_;
  alignas(64) std::atomic<int64_t> operations_{0};
  std::atomic<int64_t> bytes_{0};
  std::atomic<int32_t> waiters_{0};
  Parking parking_;
};

}  // namespace mixnet
