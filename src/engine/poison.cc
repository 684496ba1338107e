#include "engine/poison.h"

#include <new>

namespace mixnet {
namespace {

// Made when the library is loaded, because there is no memory when it is needed.
const PoisonPtr& out_of_memory() {
  static const PoisonPtr* const record =
      new PoisonPtr(new Poison{Code::memory, "[engine] task: expected memory to run and to report, got none"});
  return *record;
}
[[maybe_unused]] const PoisonPtr& prepared = out_of_memory();

std::string described(const char* what, FunctionRef<std::string()> describe) {
  std::string name;
  try {
    name = describe();
  } catch (...) {
    name = "a task that cannot describe itself";
  }
  return concat(what, " (in ", name, ")");
}

}  // namespace

PoisonPtr make_poison(Code code, std::string message) noexcept {
  try {
    return std::make_shared<const Poison>(Poison{code, std::move(message)});
  } catch (...) {
    return out_of_memory();
  }
}

PoisonPtr poison_from_exception(FunctionRef<std::string()> describe) noexcept {
  try {
    try {
      throw;
    } catch (const Error& e) {
      return make_poison(e.code(), described(e.what(), describe));
    } catch (const std::bad_alloc&) {
      return make_poison(Code::memory, described("[engine] task: out of memory", describe));
    } catch (const std::exception& e) {
      return make_poison(Code::internal, described(concat("[engine] task: ", e.what()).c_str(), describe));
    } catch (...) {
      return make_poison(Code::internal, described("[engine] task: threw what is no exception", describe));
    }
  } catch (...) {
    return out_of_memory();
  }
}

void throw_poison(const Poison& poison) { throw Error(poison.code, poison.message); }

}  // namespace mixnet
