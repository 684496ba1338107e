// What the library and its one-file predictor both export: version, errors, options.
#include "c_api/guard.h"

#include <algorithm>
#include <cstdio>

#include "base/thread_pool.h"
#include "op/core/registry.h"

namespace mixnet::c_api {
namespace {

// The header's numbers are the library's own.
constexpr bool is(Code code, int number) { return static_cast<int>(code) == number; }
static_assert(is(Code::invalid, MXN_ERROR_INVALID) && is(Code::shape, MXN_ERROR_SHAPE) &&
              is(Code::type, MXN_ERROR_TYPE) && is(Code::memory, MXN_ERROR_MEMORY) &&
              is(Code::device, MXN_ERROR_DEVICE) && is(Code::io, MXN_ERROR_IO) && is(Code::net, MXN_ERROR_NET) &&
              is(Code::unsupported, MXN_ERROR_UNSUPPORTED) && is(Code::user, MXN_ERROR_USER) &&
              is(Code::internal, MXN_ERROR_INTERNAL));
constexpr bool is(DType dtype, int number) { return static_cast<int>(dtype) == number; }
static_assert(is(DType::f32, MXN_FLOAT32) && is(DType::f64, MXN_FLOAT64) && is(DType::f16, MXN_FLOAT16) &&
              is(DType::u8, MXN_UINT8) && is(DType::i32, MXN_INT32) && is(DType::i8, MXN_INT8) &&
              is(DType::i64, MXN_INT64) && is(DType::boolean, MXN_BOOL) && is(DType::bf16, MXN_BFLOAT16));

// A fixed buffer: keeping a message must not need memory.
struct LastError {
  int32_t code = 0;
  char message[2048] = "";
};
thread_local LastError last_error;

}  // namespace

int32_t set_error(Code code, const char* message) noexcept {
  last_error.code = static_cast<int32_t>(code);
  const size_t length = std::min(std::strlen(message), sizeof last_error.message - 1);
  std::memmove(last_error.message, message, length);
  last_error.message[length] = '\0';
  return last_error.code;
}

int32_t set_unexpected(const std::exception& e) noexcept {
  char message[sizeof last_error.message];
  std::snprintf(message, sizeof message, "[mixnet] unexpected: %s", e.what());
  return set_error(Code::internal, message);
}

void check_callback(int32_t status, const char* place) {
  if (status == 0) return;
  const bool told = last_error.code == status && last_error.message[0];
  const std::string message = told ? last_error.message : concat("[", place, "] the callback returned ", status);
  last_error = LastError();
  throw Error(Code::user, message);
}

std::vector<std::pair<std::string, Shape>> read_shapes(const char* const* names, const int32_t* ndims,
                                                       const int64_t* dims, int32_t count, const char* place) {
  std::vector<std::pair<std::string, Shape>> shapes;
  list(names, count, place, "names");
  list(ndims, count, place, "ndims");
  for (int32_t i = 0; i < count; ++i) {
    const int32_t ndim = ndims[i];
    shapes.emplace_back(&required(names[i], place, "names"),
                        ndim < 0 ? Shape::unknown() : make_shape(dims, ndim, place));
    if (ndim > 0) dims += ndim;
  }
  return shapes;
}

}  // namespace mixnet::c_api

using namespace mixnet;
using namespace mixnet::c_api;

int32_t mxn_abi_version(void) { return 100; }
const char* mxn_version(void) { return MIXNET_VERSION; }

int32_t mxn_error_code(void) { return last_error.code; }

int64_t mxn_error_copy(char* buffer, int64_t size) {
  const int64_t length = static_cast<int64_t>(std::strlen(last_error.message));
  if (buffer && size > 0) {
    const int64_t n = std::min(length, size - 1);
    std::memcpy(buffer, last_error.message, static_cast<size_t>(n));
    buffer[n] = '\0';
  }
  return length;
}

int32_t mxn_option_set(const char* name, int64_t value) {
  return guard([&] {
    required(name, "option_set", "name");
    const std::string key = name;
    if (key == "onednn") set_onednn_enabled(value != 0);
    else if (key == "cpu_threads" && value >= 1 && value <= 4096) set_parallel_threads(static_cast<int>(value));
    else
      fail(Code::invalid, "[option_set] expected onednn or cpu_threads with a sensible value, got '", key,
           "' = ", value);
  });
}
