/// Arithmetic and comparisons, element by element with broadcasting, on arrays and on symbols alike; conversion, filling, printing.
#pragma once

#include <mixnet/operators.hpp>

#include <ostream>

namespace mixnet {
namespace detail {

/// T where it is an array or a symbol.
template <class T>
using Term = std::enable_if_t<std::is_same_v<T, NDArray> || std::is_same_v<T, Symbol>, T>;

}  // namespace detail

template <class T>
detail::Term<T> operator+(const T& a, const T& b) {
  return op::broadcast_add(a, b);
}
template <class T>
detail::Term<T> operator+(const T& a, double b) {
  return op::_plus_scalar(a).scalar(b);
}
template <class T>
detail::Term<T> operator+(double a, const T& b) {
  return op::_plus_scalar(b).scalar(a);
}

template <class T>
detail::Term<T> operator-(const T& a, const T& b) {
  return op::broadcast_sub(a, b);
}
template <class T>
detail::Term<T> operator-(const T& a, double b) {
  return op::_minus_scalar(a).scalar(b);
}
template <class T>
detail::Term<T> operator-(double a, const T& b) {
  return op::_rminus_scalar(b).scalar(a);
}

template <class T>
detail::Term<T> operator*(const T& a, const T& b) {
  return op::broadcast_mul(a, b);
}
template <class T>
detail::Term<T> operator*(const T& a, double b) {
  return op::_mul_scalar(a).scalar(b);
}
template <class T>
detail::Term<T> operator*(double a, const T& b) {
  return op::_mul_scalar(b).scalar(a);
}

template <class T>
detail::Term<T> operator/(const T& a, const T& b) {
  return op::broadcast_div(a, b);
}
template <class T>
detail::Term<T> operator/(const T& a, double b) {
  return op::_div_scalar(a).scalar(b);
}
template <class T>
detail::Term<T> operator/(double a, const T& b) {
  return op::_rdiv_scalar(b).scalar(a);
}

template <class T>
detail::Term<T> operator==(const T& a, const T& b) {
  return op::broadcast_equal(a, b);
}
template <class T>
detail::Term<T> operator==(const T& a, double b) {
  return op::_equal_scalar(a).scalar(b);
}
template <class T>
detail::Term<T> operator==(double a, const T& b) {
  return op::_equal_scalar(b).scalar(a);
}

template <class T>
detail::Term<T> operator!=(const T& a, const T& b) {
  return op::broadcast_not_equal(a, b);
}
template <class T>
detail::Term<T> operator!=(const T& a, double b) {
  return op::_not_equal_scalar(a).scalar(b);
}
template <class T>
detail::Term<T> operator!=(double a, const T& b) {
  return op::_not_equal_scalar(b).scalar(a);
}

template <class T>
detail::Term<T> operator<(const T& a, const T& b) {
  return op::broadcast_lesser(a, b);
}
template <class T>
detail::Term<T> operator<(const T& a, double b) {
  return op::_lesser_scalar(a).scalar(b);
}
template <class T>
detail::Term<T> operator<(double a, const T& b) {
  return op::_greater_scalar(b).scalar(a);
}

template <class T>
detail::Term<T> operator<=(const T& a, const T& b) {
  return op::broadcast_lesser_equal(a, b);
}
template <class T>
detail::Term<T> operator<=(const T& a, double b) {
  return op::_lesser_equal_scalar(a).scalar(b);
}
template <class T>
detail::Term<T> operator<=(double a, const T& b) {
  return op::_greater_equal_scalar(b).scalar(a);
}

template <class T>
detail::Term<T> operator>(const T& a, const T& b) {
  return op::broadcast_greater(a, b);
}
template <class T>
detail::Term<T> operator>(const T& a, double b) {
  return op::_greater_scalar(a).scalar(b);
}
template <class T>
detail::Term<T> operator>(double a, const T& b) {
  return op::_lesser_scalar(b).scalar(a);
}

template <class T>
detail::Term<T> operator>=(const T& a, const T& b) {
  return op::broadcast_greater_equal(a, b);
}
template <class T>
detail::Term<T> operator>=(const T& a, double b) {
  return op::_greater_equal_scalar(a).scalar(b);
}
template <class T>
detail::Term<T> operator>=(double a, const T& b) {
  return op::_lesser_equal_scalar(b).scalar(a);
}

template <class T>
detail::Term<T> operator-(const T& a) {
  return op::negative(a);
}

inline NDArray& NDArray::operator+=(const NDArray& other) {
  op::broadcast_add(*this, other).into(*this);
  return *this;
}
inline NDArray& NDArray::operator+=(double other) {
  op::_plus_scalar(*this).scalar(other).into(*this);
  return *this;
}
inline NDArray& NDArray::operator-=(const NDArray& other) {
  op::broadcast_sub(*this, other).into(*this);
  return *this;
}
inline NDArray& NDArray::operator-=(double other) {
  op::_minus_scalar(*this).scalar(other).into(*this);
  return *this;
}
inline NDArray& NDArray::operator*=(const NDArray& other) {
  op::broadcast_mul(*this, other).into(*this);
  return *this;
}
inline NDArray& NDArray::operator*=(double other) {
  op::_mul_scalar(*this).scalar(other).into(*this);
  return *this;
}
inline NDArray& NDArray::operator/=(const NDArray& other) {
  op::broadcast_div(*this, other).into(*this);
  return *this;
}
inline NDArray& NDArray::operator/=(double other) {
  op::_div_scalar(*this).scalar(other).into(*this);
  return *this;
}

inline NDArray NDArray::as_type(DType dtype) const { return op::Cast(*this).dtype(dtype); }

inline void NDArray::fill(double value) {
  const auto found = info();
  op::_full()
      .shape(Shape(found.shape, found.shape + found.ndim))
      .value(value)
      .dtype(static_cast<DType>(found.dtype))
      .device({found.device_kind, found.device_index})
      .into(*this);
}

inline NDArray NDArray::arange(double start, double stop, double step, DType dtype) {
  return op::_arange().start(start).stop(stop).step(step).dtype(dtype);
}

namespace detail {

inline void print(std::ostream& stream, const std::vector<double>& values, const Shape& shape, size_t axis,
                  size_t& next) {
  if (axis == shape.size()) {
    stream << values[next++];
    return;
  }
  stream << "[";
  for (int64_t i = 0; i < shape[axis]; ++i) {
    if (i > 0) stream << (axis + 1 == shape.size() ? " " : "\n" + std::string(axis + 1, ' '));
    print(stream, values, shape, axis + 1, next);
  }
  stream << "]";
}

}  // namespace detail

/// All values and, on a line of its own, shape, dtype and device. Waits.
inline std::ostream& operator<<(std::ostream& stream, const NDArray& array) {
  if (!array) return stream << "<no array>";
  size_t next = 0;
  detail::print(stream, array.values<double>(), array.shape(), 0, next);
  const Device device = array.device();
  return stream << "\n<NDArray " << to_text(array.shape()) << " " << name_of(array.dtype()) << " @"
                << (device.kind == MXN_DEVICE_GPU      ? "gpu"
                    : device.kind == MXN_DEVICE_PINNED ? "pinned"
                                                       : "cpu")
                << "(" << device.index << ")>";
}

inline std::ostream& operator<<(std::ostream& stream, const Symbol& symbol) {
  if (!symbol) return stream << "<no symbol>";
  if (!symbol.name().empty()) return stream << "<Symbol " << symbol.name() << ">";
  stream << "<Symbol group [";
  const std::vector<std::string> outputs = symbol.outputs();
  for (size_t i = 0; i < outputs.size(); ++i) stream << (i ? ", " : "") << outputs[i];
  return stream << "]>";
}

}  // namespace mixnet
