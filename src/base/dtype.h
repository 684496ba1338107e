// Element types. The codes are those of MXNet's files and never change.
#pragma once
#include <cstdint>
#include <ostream>

#include "base/error.h"
#include "base/half.h"

namespace mixnet {

enum class DType : int32_t {
  unknown = -1,
  f32 = 0,
  f64 = 1,
  f16 = 2,
  u8 = 3,
  i32 = 4,
  i8 = 5,
  i64 = 6,
  boolean = 7,
  bf16 = 12,
};

// Bytes of one element. Throws Code::type for codes we do not hold (8 to 11 and anything else).
int64_t dtype_size(DType dtype);
// "float32", "bfloat16", "bool", ...; "?" for unknown.
const char* dtype_name(DType dtype);
// By name ("float32") or by code ("0"). Throws Code::type.
DType dtype_from_name(const std::string& name);
bool dtype_valid(int32_t code);
inline bool dtype_is_float(DType t) {
  return t == DType::f32 || t == DType::f64 || t == DType::f16 || t == DType::bf16;
}
inline std::ostream& operator<<(std::ostream& out, DType dtype) { return out << dtype_name(dtype); }

template <class T> struct dtype_of;
template <> struct dtype_of<float> {
  static constexpr DType value = DType::f32;
};
template <> struct dtype_of<double> {
  static constexpr DType value = DType::f64;
};
template <> struct dtype_of<f16> {
  static constexpr DType value = DType::f16;
};
template <> struct dtype_of<bf16> {
  static constexpr DType value = DType::bf16;
};
template <> struct dtype_of<uint8_t> {
  static constexpr DType value = DType::u8;
};
template <> struct dtype_of<int8_t> {
  static constexpr DType value = DType::i8;
};
template <> struct dtype_of<int32_t> {
  static constexpr DType value = DType::i32;
};
template <> struct dtype_of<int64_t> {
  static constexpr DType value = DType::i64;
};
template <> struct dtype_of<bool> {
  static constexpr DType value = DType::boolean;
};

// What sums and intermediate values of T are kept in: float32 for the small floats, int64 for the integers.
template <class T> struct accumulator {
  using type = int64_t;
};
template <> struct accumulator<float> {
  using type = float;
};
template <> struct accumulator<f16> {
  using type = float;
};
template <> struct accumulator<bf16> {
  using type = float;
};
template <> struct accumulator<double> {
  using type = double;
};
template <class T> using accumulator_t = typename accumulator<T>::type;

template <class T> struct TypeTag {
  using type = T;
};

// Calls f(TypeTag<T>{}) with the C++ type of a float dtype; throws Code::type naming `place` otherwise.
template <class F>
decltype(auto) dispatch_float(DType dtype, const char* place, F&& f) {
  switch (dtype) {
    case DType::f32: return f(TypeTag<float>{});
    case DType::f64: return f(TypeTag<double>{});
    case DType::f16: return f(TypeTag<f16>{});
    case DType::bf16: return f(TypeTag<bf16>{});
    default: fail(Code::type, "[", place, "] dtype: expected float32, float64, float16 or bfloat16, got ", dtype);
  }
}

// The same for every dtype.
template <class F>
decltype(auto) dispatch_all(DType dtype, const char* place, F&& f) {
  switch (dtype) {
    case DType::u8: return f(TypeTag<uint8_t>{});
    case DType::i8: return f(TypeTag<int8_t>{});
    case DType::i32: return f(TypeTag<int32_t>{});
    case DType::i64: return f(TypeTag<int64_t>{});
    case DType::boolean: return f(TypeTag<bool>{});
    default: return dispatch_float(dtype, place, std::forward<F>(f));
  }
}

}  // namespace mixnet
