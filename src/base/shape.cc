#include "base/shape.h"

#include "base/error.h"

namespace mixnet {

Shape::Shape(const int64_t* dims, int ndim) : ndim_(ndim) {
  MIXNET_CHECK(ndim <= max_ndim, shape, "[Shape] expected at most ", int{max_ndim}, " dimensions, got ", ndim);
  for (int i = 0; i < ndim; ++i) dims_[i] = dims[i];
}

Shape Shape::filled(int ndim, int64_t extent) {
  MIXNET_CHECK(ndim <= max_ndim, shape, "[Shape] expected at most ", int{max_ndim}, " dimensions, got ", ndim);
  Shape s;
  s.ndim_ = ndim;
  for (int i = 0; i < ndim; ++i) s.dims_[i] = extent;
  return s;
}

void Shape::push_back(int64_t extent) {
  MIXNET_CHECK(ndim_ < max_ndim, shape, "[Shape] expected at most ", int{max_ndim}, " dimensions");
  if (ndim_ < 0) ndim_ = 0;
  dims_[ndim_++] = extent;
}

bool Shape::merge(const Shape& other) {
  if (other.ndim_ < 0) return true;
  if (ndim_ < 0) {
    *this = other;
    return true;
  }
  if (ndim_ != other.ndim_) return false;
  for (int i = 0; i < ndim_; ++i) {
    if (other.dims_[i] < 0) continue;
    if (dims_[i] < 0) dims_[i] = other.dims_[i];
    if (dims_[i] != other.dims_[i]) return false;
  }
  return true;
}

std::string Shape::str() const {
  if (ndim_ < 0) return "?";
  std::string s = "(";
  for (int i = 0; i < ndim_; ++i) {
    if (i > 0) s += ", ";
    s += dims_[i] < 0 ? "?" : std::to_string(dims_[i]);
  }
  return s + (ndim_ == 1 ? ",)" : ")");
}

int64_t checked_size(const Shape& shape, int64_t item_size) {
  int64_t n = item_size;
  bool empty = false;
  // Zeros are left out: strides and the sizes of parts are products too, and must not overflow in an empty tensor.
  for (int64_t extent : shape) {
    MIXNET_CHECK(extent >= 0, shape, "[Shape] expected known, non-negative extents, got ", shape);
    empty = empty || extent == 0;
    const bool fits = extent == 0 || !__builtin_mul_overflow(n, extent, &n);
    MIXNET_CHECK(fits, shape, "[Shape] ", shape, " has more bytes than 2^63");
  }
  return empty ? 0 : n / item_size;
}

int normalize_axis(int64_t axis, int ndim, const char* place) {
  MIXNET_CHECK(axis >= -ndim && axis < ndim, invalid, "[", place, "] axis: expected a value in [", -ndim, ", ", ndim,
               "), got ", axis);
  return static_cast<int>(axis < 0 ? axis + ndim : axis);
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.str(); }

}  // namespace mixnet
