// What a failed task leaves on the variables it would have written: a code and a message, shared by all of them.
#pragma once
#include <memory>
#include <string>

#include "base/error.h"
#include "base/function_ref.h"

namespace mixnet {

struct Poison {
  Code code;
  std::string message;
};

using PoisonPtr = std::shared_ptr<const Poison>;

// From the exception being handled; `describe` names the task. Out of memory, a prepared record is given.
PoisonPtr poison_from_exception(FunctionRef<std::string()> describe) noexcept;
PoisonPtr make_poison(Code code, std::string message) noexcept;
[[noreturn]] void throw_poison(const Poison& poison);

}  // namespace mixnet
