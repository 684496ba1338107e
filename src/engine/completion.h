// The end of an operation whose task is over but whose work is not: a request under way, a transfer. Made by Engine::defer.
//
// Exactly one of end() and fail() counts, the first; any thread may call it, even before the task returns. Dropped without either, the operation fails.
// What waited for the operation is handed to the engine's threads by the caller, which is why a call costs some microseconds.
#pragma once
#include <memory>
#include <string>

#include "base/error.h"

namespace mixnet {

class Completion {
 public:
  virtual ~Completion() = default;
  virtual void end() = 0;
  virtual void fail(Code code, const std::string& message) = 0;
};

}  // namespace mixnet
