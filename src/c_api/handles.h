// What is behind the opaque handles, and the guard that turns exceptions into codes.
#pragma once
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "executor/executor.h"
#include "kvstore/kvstore.h"
#include "mixnet/c_api.h"

struct mxn_ndarray { mixnet::NDArray array; };
struct mxn_symbol { mixnet::Symbol symbol; };
struct mxn_executor { std::shared_ptr<mixnet::Executor> executor; };
struct mxn_kvstore { std::shared_ptr<mixnet::KVStore> store; };
struct mxn_variable { mixnet::Variable* variable; };
struct mxn_cancel { mixnet::CancelToken token; };
struct mxn_strings { std::vector<std::string> items; };
struct mxn_shapes { std::vector<std::vector<int64_t>> items; std::vector<int32_t> ndims; };

namespace mixnet::c_api {

// Keeps code and message for mxn_error_copy; never throws.
int32_t set_error(Code code, const char* message) noexcept;
// What should not have come out of the library: the standard library's exceptions.
int32_t set_unexpected(const std::exception& e) noexcept;

template <class F>
int32_t guard(F&& body) noexcept {
  try {
    body();
    return MXN_OK;
  } catch (const Error& e) {
    return set_error(e.code(), e.what());
  } catch (const std::bad_alloc&) {
    return set_error(Code::memory, "[mixnet] out of memory");
  } catch (const std::exception& e) {
    return set_unexpected(e);
  } catch (...) {
    return set_error(Code::internal, "[mixnet] an exception of unknown type");
  }
}

template <class T>
T& required(T* pointer, const char* place, const char* name) {
  MIXNET_CHECK(pointer, invalid, "[", place, "] ", name, ": expected a value, got NULL");
  return *pointer;
}
// The same for a list: NULL is fine when it is empty.
template <class T>
Span<T> list(T* pointer, int64_t count, const char* place, const char* name) {
  MIXNET_CHECK(count >= 0, invalid, "[", place, "] ", name, ": expected a count of at least 0, got ", count);
  MIXNET_CHECK(pointer || count == 0, invalid, "[", place, "] ", name, ": expected ", count, " items, got NULL");
  return Span<T>(pointer, static_cast<size_t>(count));
}

// Sets an out parameter to nothing before anything can fail. Throws when it is NULL.
template <class T>
T& clear(T* out, const char* place, const char* name) {
  required(out, place, name) = T{};
  return *out;
}

inline char* copy_text(const std::string& text) {
  char* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (!copy) throw std::bad_alloc();
  std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

inline DeviceId make_device(int32_t kind, int32_t index, const char* place) {
  MIXNET_CHECK(kind >= 1 && kind <= 3, invalid, "[", place, "] device: expected kind 1, 2 or 3, got ", kind);
  MIXNET_CHECK(index >= 0, invalid, "[", place, "] device: expected an index of at least 0, got ", index);
  return {static_cast<DeviceKind>(kind), index};
}

inline DType make_dtype(int32_t code, const char* place) {
  MIXNET_CHECK(dtype_valid(code), type, "[", place, "] dtype: code ", code, " is not a dtype of this library");
  return static_cast<DType>(code);
}

inline Shape make_shape(const int64_t* dims, int32_t ndim, const char* place) {
  MIXNET_CHECK(ndim >= 0 && ndim <= Shape::max_ndim, shape, "[", place, "] ndim: expected 0 to ", int{Shape::max_ndim}, ", got ", ndim);
  list(dims, ndim, place, "shape");
  return Shape(dims, ndim);
}

inline WaitOptions make_wait(const mxn_wait_t* wait) {
  WaitOptions options;
  if (!wait) return options;
  MIXNET_CHECK(wait->struct_size == sizeof(mxn_wait_t), invalid, "[wait] struct_size: expected ", sizeof(mxn_wait_t), ", got ", wait->struct_size);
  if (wait->timeout_s > 0) options.timeout_s = wait->timeout_s;
  if (wait->cancel) options.cancel = &wait->cancel->token;
  return options;
}

Attributes make_attributes(const OpSchema& op, Span<const mxn_arg_t> args);
inline const OpSchema& schema_of(const mxn_op_t* op, const char* place) {
  required(op, place, "op");
  return *reinterpret_cast<const OpSchema*>(op);
}

// Handles of arrays; none() becomes NULL. The vector is freed by mxn_ndarray_list_free.
mxn_ndarray_t** make_array_list(const std::vector<NDArray>& arrays);
std::vector<NDArray> read_arrays(mxn_ndarray_t* const* handles, int64_t count, const char* place, const char* name, bool allow_null = false);
std::vector<std::pair<std::string, Shape>> read_shapes(const char* const* names, const int32_t* ndims, const int64_t* dims, int32_t count, const char* place);

// (function, user data, destroy) with the destroy run once.
class UserData {
 public:
  UserData(void* user, mxn_destroy_fn destroy) : user_(user), destroy_(destroy) {}
  ~UserData() {
    if (destroy_) destroy_(user_);
  }
  UserData(const UserData&) = delete;
  void* get() const { return user_; }

 private:
  void* user_;
  mxn_destroy_fn destroy_;
};

// Throws what a callback reported by its status.
void check_callback(int32_t status, const char* place);

}  // namespace mixnet::c_api
