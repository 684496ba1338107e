// The extents of a tensor. A Shape is a value: at most 16 dimensions, stored in place, copied freely.
//
// ndim -1 means nothing is known; a dimension of -1 means that dimension is not known. A scalar has ndim 0.
// Zero is an ordinary extent. (Old MXNet files say 0 for "unknown"; that is translated at the edge.)
#pragma once
#include <cassert>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <string>

namespace mixnet {

class Shape {
 public:
  static constexpr int max_ndim = 16;

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : Shape(dims.begin(), static_cast<int>(dims.size())) {}
  // Throws Code::shape when ndim is above max_ndim.
  Shape(const int64_t* dims, int ndim);
  Shape(const Shape& other) { *this = other; }
  Shape& operator=(const Shape& other) {
    ndim_ = other.ndim_;
    for (int i = 0; i < ndim_; ++i) dims_[i] = other.dims_[i];
    return *this;
  }
  static Shape unknown() {
    Shape s;
    s.ndim_ = -1;
    return s;
  }
  static Shape filled(int ndim, int64_t extent);

  int ndim() const { return ndim_; }
  const int64_t* data() const { return dims_; }
  const int64_t* begin() const { return dims_; }
  const int64_t* end() const { return dims_ + (ndim_ > 0 ? ndim_ : 0); }
  int64_t operator[](int i) const {
    assert(i >= 0 && i < ndim_);
    return dims_[i];
  }
  int64_t& operator[](int i) {
    assert(i >= 0 && i < ndim_);
    return dims_[i];
  }
  int64_t back() const { return (*this)[ndim_ - 1]; }
  void push_back(int64_t extent);

  bool ndim_known() const { return ndim_ >= 0; }
  bool known() const {
    if (ndim_ < 0) return false;
    for (int i = 0; i < ndim_; ++i)
      if (dims_[i] < 0) return false;
    return true;
  }
  // Number of elements; 1 for a scalar. Only for a known shape.
  int64_t size() const { return size(0, ndim_); }
  int64_t size(int first, int last) const {
    int64_t n = 1;
    for (int i = first; i < last; ++i) n *= dims_[i];
    return n;
  }
  bool operator==(const Shape& other) const {
    if (ndim_ != other.ndim_) return false;
    for (int i = 0; i < ndim_; ++i)
      if (dims_[i] != other.dims_[i]) return false;
    return true;
  }
  bool operator!=(const Shape& other) const { return !(*this == other); }

  // Takes over what the other knows; false when the two contradict each other.
  bool merge(const Shape& other);
  // "(2, 3)", "(2,)", "()", "?" for unknown, "(2, ?)" for a partly known shape.
  std::string str() const;

 private:
  int ndim_ = 0;
  int64_t dims_[max_ndim];
};

// Number of elements of untrusted extents. Throws Code::shape when an extent is negative or the product of the others than 0, times
// item_size, overflows int64.
int64_t checked_size(const Shape& shape, int64_t item_size);

// An axis of a tensor with ndim dimensions, negative ones counted from the end. Throws Code::invalid, naming `place`.
int normalize_axis(int64_t axis, int ndim, const char* place);

std::ostream& operator<<(std::ostream& out, const Shape& shape);

}  // namespace mixnet
