/// Ownership of the C ABI's handles: freed exactly once, moved but not copied.
#pragma once

#include <mixnet/error.hpp>

#include <memory>
#include <string>
#include <vector>

namespace mixnet {

template <class T, void (*Free)(T*)>
struct Freer {
  void operator()(T* pointer) const noexcept { Free(pointer); }
};

/// A unique_ptr that frees with the function of the C ABI.
template <class T, void (*Free)(T*)>
using Handle = std::unique_ptr<T, Freer<T, Free>>;

/// Stands for an out parameter: `check(mxn_symbol_variable(name, receive(handle)))`.
template <class H>
class Receive {
 public:
  explicit Receive(H& handle) : handle_(handle) {}
  Receive(const Receive&) = delete;
  ~Receive() { handle_.reset(pointer_); }
  operator typename H::element_type **() { return &pointer_; }

 private:
  H& handle_;
  typename H::element_type* pointer_ = nullptr;
};

template <class H>
Receive<H> receive(H& handle) {
  return Receive<H>(handle);
}

namespace detail {

using Text = Handle<char, mxn_text_free>;
using Strings = Handle<mxn_strings_t, mxn_strings_free>;
using Shapes = Handle<mxn_shapes_t, mxn_shapes_free>;

inline std::string text(const Text& given) { return given ? std::string(given.get()) : std::string(); }

inline std::vector<std::string> list(const Strings& given) {
  std::vector<std::string> found;
  for (int64_t i = 0; i < mxn_strings_count(given.get()); ++i) found.emplace_back(mxn_strings_get(given.get(), i));
  return found;
}

/// Pointers to texts, as the C ABI takes them; valid while the texts are.
inline std::vector<const char*> pointers(const std::vector<std::string>& texts) {
  std::vector<const char*> found;
  for (const std::string& text : texts) found.push_back(text.c_str());
  return found;
}

/// A function object behind the C ABI's (function, user, destroy).
template <class F>
void destroy(void* user) {
  delete static_cast<F*>(user);
}

/// Runs a callback; whatever it throws becomes the library's error.
template <class F>
int32_t guarded(F&& callback) noexcept {
  try {
    callback();
    return MXN_OK;
  } catch (const Error& error) {
    mxn_error_set(static_cast<int32_t>(error.code()), error.what());
    return static_cast<int32_t>(error.code());
  } catch (const std::exception& error) {
    mxn_error_set(MXN_ERROR_USER, error.what());
  } catch (...) {
    mxn_error_set(MXN_ERROR_USER, "[callback] an exception of an unknown type");
  }
  return MXN_ERROR_USER;
}

}  // namespace detail
}  // namespace mixnet
