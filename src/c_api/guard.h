// The edge of the library: exceptions become codes, and arguments are looked at before they are used.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "base/shape.h"
#include "base/span.h"
#include "mixnet/c_predict.h"

namespace mixnet::c_api {

// Keeps code and message for mxn_error_copy; never throws.
int32_t set_error(Code code, const char* message) noexcept;
// What should not have come out of the library: the standard library's exceptions.
int32_t set_unexpected(const std::exception& e) noexcept;

// A member of every handle; how many handles there are.
class CountedHandle {
 public:
  CountedHandle() { alive.fetch_add(1, std::memory_order_relaxed); }
  CountedHandle(const CountedHandle&) : CountedHandle() {}
  CountedHandle& operator=(const CountedHandle&) = default;
  ~CountedHandle() { alive.fetch_sub(1, std::memory_order_relaxed); }

  inline static std::atomic<int64_t> alive{0};
};

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

// Structs grow at their end only. A caller compiled against an older header has a shorter one, one compiled against a newer header a longer one.
template <class T>
size_t known_size(const T* s, const char* place, const char* name) {
  const size_t given = required(s, place, name).struct_size;
  MIXNET_CHECK(given > sizeof(size_t) && given <= 4096, invalid, "[", place, "] ", name, ".struct_size: expected ",
               sizeof(T), ", got ", given);
  return std::min(given, sizeof(T));
}
// What the caller set; fields it does not have are zero.
template <class T>
T take_struct(const T* in, const char* place, const char* name) {
  T all{};
  std::memcpy(&all, in, known_size(in, place, name));
  return all;
}
// Fills the fields the caller has; what it has beyond ours becomes zero.
template <class T>
void give_struct(T values, T* out, const char* place, const char* name) {
  const size_t known = known_size(out, place, name);
  values.struct_size = out->struct_size;
  std::memset(static_cast<void*>(out), 0, values.struct_size);
  std::memcpy(static_cast<void*>(out), &values, known);
}

inline char* copy_text(const std::string& text) {
  char* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (!copy) throw std::bad_alloc();
  std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

inline DType make_dtype(int32_t code, const char* place) {
  MIXNET_CHECK(dtype_valid(code), type, "[", place, "] dtype: code ", code, " is not a dtype of this library");
  return static_cast<DType>(code);
}

inline Shape make_shape(const int64_t* dims, int32_t ndim, const char* place) {
  MIXNET_CHECK(ndim >= 0 && ndim <= Shape::max_ndim, shape, "[", place, "] ndim: expected 0 to ", int{Shape::max_ndim},
               ", got ", ndim);
  list(dims, ndim, place, "shape");
  return Shape(dims, ndim);
}

std::vector<std::pair<std::string, Shape>> read_shapes(const char* const* names, const int32_t* ndims,
                                                       const int64_t* dims, int32_t count, const char* place);

}  // namespace mixnet::c_api
