/// Errors of the library as exceptions. Code and message are read on the thread that failed, right after the call.
#pragma once

#include <mixnet/c_api.h>

#include <stdexcept>
#include <string>

namespace mixnet {

/// What kind of error: the codes of the C ABI.
enum class Code : int32_t {
  invalid = MXN_ERROR_INVALID,
  shape = MXN_ERROR_SHAPE,
  type = MXN_ERROR_TYPE,
  memory = MXN_ERROR_MEMORY,
  device = MXN_ERROR_DEVICE,
  io = MXN_ERROR_IO,
  net = MXN_ERROR_NET,
  unsupported = MXN_ERROR_UNSUPPORTED,
  user = MXN_ERROR_USER,
  internal = MXN_ERROR_INTERNAL
};

/// Thrown by everything here; what() is one line: `[place] argument: expected X, got Y`.
class Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& message) : std::runtime_error(message), code_(code) {}
  Code code() const noexcept { return code_; }

 private:
  Code code_;
};

/// The error of this thread's last failing call.
inline Error last_error() {
  const auto code = static_cast<Code>(mxn_error_code());
  std::string message(static_cast<size_t>(mxn_error_copy(nullptr, 0)), '\0');
  mxn_error_copy(&message[0], static_cast<int64_t>(message.size()) + 1);
  return {code, message};
}

/// Throws what a call of the C ABI reported.
inline void check(int32_t code) {
  if (code != MXN_OK) throw last_error();
}

/// Throws an Error about an argument of the caller's.
[[noreturn]] inline void fail(const std::string& message, Code code = Code::invalid) { throw Error(code, message); }

}  // namespace mixnet
