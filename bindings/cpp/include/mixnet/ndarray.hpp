/// An n-dimensional array that the library's operators work on. Everything but reading values only queues work.
#pragma once

#include <mixnet/invocation.hpp>
#include <mixnet/library.hpp>

#include <map>

namespace mixnet {

/// Moved, not copied: `copy()` copies the elements, `share()` is another handle to the same array.
class NDArray {
 public:
  /// No array.
  NDArray() = default;
  /// Takes a handle of the C ABI.
  explicit NDArray(mxn_ndarray_t* handle) : handle_(handle) {}
  /// An array with undefined values.
  explicit NDArray(const Shape& shape, DType dtype = DType::float32, Device device = cpu()) {
    check(mxn_ndarray_create(shape.data(), static_cast<int32_t>(shape.size()), static_cast<int32_t>(dtype), device.kind,
                             device.index, receive(handle_)));
  }
  /// An array with these values, row by row.
  template <class T>
  NDArray(const std::vector<T>& values, const Shape& shape, Device device = cpu())
      : NDArray(values.data(), static_cast<int64_t>(values.size()), shape, device) {}
  NDArray(std::initializer_list<float> values, const Shape& shape)
      : NDArray(values.begin(), static_cast<int64_t>(values.size()), shape, cpu()) {}
  template <class T>
  NDArray(const T* values, int64_t count, const Shape& shape, Device device = cpu())
      : NDArray(shape, dtype_of<T>(), device) {
    if (count != mixnet::size_of(shape)) {
      fail("[NDArray] values: expected " + std::to_string(mixnet::size_of(shape)) + " for shape " + to_text(shape) +
               ", got " + std::to_string(count),
           Code::shape);
    }
    copy_from(values, count);
  }

  static NDArray full(const Shape& shape, double value, DType dtype = DType::float32, Device device = cpu()) {
    NDArray array(shape, dtype, device);
    array.fill(value);
    return array;
  }
  static NDArray zeros(const Shape& shape, DType dtype = DType::float32, Device device = cpu()) {
    return full(shape, 0, dtype, device);
  }
  static NDArray ones(const Shape& shape, DType dtype = DType::float32, Device device = cpu()) {
    return full(shape, 1, dtype, device);
  }
  /// start, start + step, ... below stop.
  static NDArray arange(double start, double stop, double step = 1, DType dtype = DType::float32);

  explicit operator bool() const { return handle_ != nullptr; }
  mxn_ndarray_t* get() const { return handle_.get(); }
  mxn_ndarray_t* release() { return handle_.release(); }

  // ---- what it is

  mxn_ndarray_info_t info() const {
    mxn_ndarray_info_t found{};
    found.struct_size = sizeof found;
    check(mxn_ndarray_info(get(), &found));
    return found;
  }
  Shape shape() const {
    const auto found = info();
    return Shape(found.shape, found.shape + found.ndim);
  }
  DType dtype() const { return static_cast<DType>(info().dtype); }
  Device device() const {
    const auto found = info();
    return {found.device_kind, found.device_index};
  }
  int64_t size() const { return mixnet::size_of(shape()); }

  // ---- values

  /// Copies the elements out, converted to T; waits for them.
  template <class T = float>
  std::vector<T> values(const Wait& wait = {}) const {
    if (dtype() != dtype_of<T>()) return as_type(dtype_of<T>()).template values<T>(wait);
    std::vector<T> found(static_cast<size_t>(size()));
    const mxn_wait_t limits = wait.get();
    check(mxn_ndarray_copy_to_host(get(), found.data(), bytes<T>(found.size()), &limits));
    return found;
  }
  /// The only element.
  template <class T = float>
  T scalar() const {
    const std::vector<T> all = values<T>();
    if (all.size() != 1) fail("[scalar] expected an array of one element, got shape " + to_text(shape()), Code::shape);
    return all[0];
  }
  /// Copies host memory in, converted from T; it may be reused afterwards.
  template <class T>
  void copy_from(const T* data, int64_t count) {
    if (dtype() != dtype_of<T>()) {
      NDArray(data, count, shape()).as_type(dtype()).copy_to(*this);
      return;
    }
    check(mxn_ndarray_copy_from_host(get(), data, bytes<T>(static_cast<size_t>(count))));
  }
  /// Address of the first element, after waiting for it; host arrays only.
  template <class T>
  T* data() {
    if (dtype() != dtype_of<T>()) {
      fail(std::string("[data] expected ") + name_of(dtype()) + ", got " + name_of(dtype_of<T>()), Code::type);
    }
    void* found = nullptr;
    check(mxn_ndarray_data(get(), &found));
    return static_cast<T*>(found);
  }
  void wait_to_read(const Wait& wait = {}) const {
    const mxn_wait_t limits = wait.get();
    check(mxn_ndarray_wait_to_read(get(), &limits));
  }
  void wait_to_write(const Wait& wait = {}) const {
    const mxn_wait_t limits = wait.get();
    check(mxn_ndarray_wait_to_write(get(), &limits));
  }

  // ---- other arrays

  /// Another handle to the same array.
  NDArray share() const {
    NDArray other;
    check(mxn_ndarray_clone(get(), receive(other.handle_)));
    return other;
  }
  NDArray copy() const {
    const auto found = info();
    NDArray other(Shape(found.shape, found.shape + found.ndim), static_cast<DType>(found.dtype),
                  {found.device_kind, found.device_index});
    copy_to(other);
    return other;
  }
  /// Copies into an array of the same shape and dtype, on any device.
  void copy_to(NDArray& target) const { check(mxn_ndarray_copy(get(), target.get())); }
  NDArray as_type(DType dtype) const;
  NDArray as_device(Device where) const {
    NDArray other(shape(), dtype(), where);
    copy_to(other);
    return other;
  }
  /// Rows [begin, end), sharing memory.
  NDArray slice(int64_t begin, int64_t end) const {
    NDArray other;
    check(mxn_ndarray_slice(get(), begin, end, receive(other.handle_)));
    return other;
  }
  /// Row i without its axis, sharing memory.
  NDArray operator[](int64_t i) const {
    NDArray other;
    check(mxn_ndarray_at(get(), i, receive(other.handle_)));
    return other;
  }
  /// The same elements under another shape, sharing memory.
  NDArray reshape(const Shape& shape) const {
    NDArray other;
    check(mxn_ndarray_reshape(get(), shape.data(), static_cast<int32_t>(shape.size()), receive(other.handle_)));
    return other;
  }
  /// Sets all elements.
  void fill(double value);

  NDArray& operator+=(const NDArray& other);
  NDArray& operator-=(const NDArray& other);
  NDArray& operator*=(const NDArray& other);
  NDArray& operator/=(const NDArray& other);
  NDArray& operator+=(double other);
  NDArray& operator-=(double other);
  NDArray& operator*=(double other);
  NDArray& operator/=(double other);

 private:
  template <class T>
  static int64_t bytes(size_t count) {
    return static_cast<int64_t>(count * sizeof(T));
  }

  Handle<mxn_ndarray_t, mxn_ndarray_free> handle_;
};

/// vector<bool> has no elements in a row, so booleans come as bytes.
template <>
inline std::vector<bool> NDArray::values<bool>(const Wait& wait) const {
  const std::vector<uint8_t> found = as_type(DType::uint8).values<uint8_t>(wait);
  return std::vector<bool>(found.begin(), found.end());
}

/// Arrays by name: parameters, inputs.
using Arrays = std::map<std::string, NDArray>;

inline Arrays share(const Arrays& arrays) {
  Arrays found;
  for (const auto& [name, array] : arrays) found[name] = array.share();
  return found;
}

// ---- operators on arrays

inline Operand::Operand(const NDArray& array) : array_(array.get()) {}

inline int32_t Invocation::run(mxn_ndarray_t** outputs, int32_t capacity, int32_t given) const {
  std::vector<mxn_ndarray_t*> inputs;
  for (const Operand& operand : operands_) {
    if (operand.symbol()) fail(std::string("[") + op_.name() + "] inputs: expected arrays, got a symbol", Code::type);
    if (operand.array()) inputs.push_back(operand.array());
  }
  const std::vector<mxn_arg_t> args = arguments();
  check(mxn_op_invoke(op_.get(), inputs.data(), static_cast<int32_t>(inputs.size()), args.data(),
                      static_cast<int32_t>(args.size()), training_, device_.kind, device_.index, outputs, capacity,
                      &given));
  return given;
}

inline std::vector<NDArray> Invocation::arrays() const {
  // As many as an operator can have: SliceChannel has one per input and piece.
  std::vector<mxn_ndarray_t*> outputs(operands_.size() + 64);
  const int32_t count = run(outputs.data(), static_cast<int32_t>(outputs.size()), 0);
  std::vector<NDArray> found;
  for (int32_t i = 0; i < count; ++i) found.emplace_back(outputs[static_cast<size_t>(i)]);
  return found;
}

inline NDArray Invocation::array() const {
  std::vector<NDArray> found = arrays();
  if (found.size() != 1) {
    fail(std::string("[") + op_.name() + "] expected one output, got " + std::to_string(found.size()) +
         ": use arrays()");
  }
  return std::move(found[0]);
}

inline Invocation::operator NDArray() const { return array(); }

inline void Invocation::into(const std::vector<NDArray*>& outputs) const {
  std::vector<mxn_ndarray_t*> handles;
  for (NDArray* output : outputs) handles.push_back(output->get());
  run(handles.data(), static_cast<int32_t>(handles.size()), static_cast<int32_t>(handles.size()));
}

inline void Invocation::into(NDArray& output) const { into(std::vector<NDArray*>{&output}); }

// ---- files

/// Writes a .params file that MXNet reads too.
inline void save(const std::string& path, const Arrays& arrays) {
  std::vector<mxn_ndarray_t*> handles;
  std::vector<const char*> names;
  for (const auto& [name, array] : arrays) {
    names.push_back(name.c_str());
    handles.push_back(array.get());
  }
  check(mxn_ndarray_save(path.c_str(), handles.data(), names.data(), static_cast<int64_t>(handles.size())));
}

namespace detail {

inline std::vector<NDArray> adopt(mxn_ndarray_t** handles, int64_t count) {
  std::vector<NDArray> found;
  for (int64_t i = 0; i < count; ++i) found.emplace_back(handles[i]);
  mxn_ndarray_list_free(handles);
  return found;
}

inline Arrays by_name(std::vector<NDArray> arrays, const std::vector<std::string>& names) {
  Arrays found;
  for (size_t i = 0; i < arrays.size(); ++i) {
    found[i < names.size() ? names[i] : std::to_string(i)] = std::move(arrays[i]);
  }
  return found;
}

}  // namespace detail

/// Reads a .params file of any generation; arrays without names get "0", "1", ...
inline Arrays load(const std::string& path) {
  mxn_ndarray_t** handles = nullptr;
  int64_t count = 0;
  detail::Strings names;
  check(mxn_ndarray_load(path.c_str(), &handles, &count, receive(names)));
  return detail::by_name(detail::adopt(handles, count), detail::list(names));
}

/// The same from memory.
inline Arrays load(const void* data, int64_t bytes) {
  mxn_ndarray_t** handles = nullptr;
  int64_t count = 0;
  detail::Strings names;
  check(mxn_ndarray_load_memory(data, bytes, &handles, &count, receive(names)));
  return detail::by_name(detail::adopt(handles, count), detail::list(names));
}

}  // namespace mixnet
