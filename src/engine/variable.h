// The state of a variable: who uses it now, who waits, and the error that stands on it. Internal to the engine.
#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/spin_lock.h"

namespace mixnet {

struct Operation;

struct Failure {
  Code code;
  std::string message;
};
using FailurePtr = std::shared_ptr<const Failure>;

class Variable {
 public:
  struct Waiting {
    Operation* operation;
    bool write;
  };

  bool idle() const { return readers == 0 && !writer && queue.empty(); }

  SpinLock lock;
  int32_t readers = 0;  // operations that hold it for reading
  bool writer = false;  // an operation holds it for writing
  uint32_t generation = 0;  // of the engine that used it last: a fork makes a new one
  std::deque<Waiting> queue;
  FailurePtr failure;   // set and read only by who holds the variable, or under the lock
  std::atomic<uint64_t> version{0};
};

}  // namespace mixnet
