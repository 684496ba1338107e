// Errors inside the library are exceptions of one type; the C ABI turns them into codes at its edge.
//
// A message is one line: `[place] what was given, what was expected`. Codes are part of the ABI: never renumber.
#pragma once
#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace mixnet {

enum class Code : int32_t {
  ok = 0,
  invalid = -1,      // an argument is wrong: unknown name, value out of range, NULL
  shape = -2,        // shapes do not fit together
  type = -3,         // dtypes do not fit together
  memory = -4,       // out of memory, after trimming and retrying
  device = -5,       // no such device, or it failed
  io = -6,           // a file is missing, truncated or corrupt
  net = -7,          // a peer is gone or a deadline passed
  unsupported = -8,  // known, but not available in this build or for these arguments
  user = -9,         // a foreign callback failed
  internal = -10,    // a bug of ours
};

class Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& message) : std::runtime_error(message), code_(code) {}
  Code code() const { return code_; }

 private:
  Code code_;
};

// Joins anything that can be written to a stream: concat("[dot] ", shape, " times ", other).
template <class... Args>
std::string concat(const Args&... args) {
  std::ostringstream out;
  (out << ... << args);
  return out.str();
}

template <class... Args>
[[noreturn]] void fail(Code code, const Args&... args) {
  throw Error(code, concat(args...));
}

// Checks what a caller can cause. The message is only built when the condition is false.
#define MIXNET_CHECK(condition, code, ...)                               \
  do {                                                                   \
    if (!(condition)) ::mixnet::fail(::mixnet::Code::code, __VA_ARGS__); \
  } while (0)

}  // namespace mixnet
