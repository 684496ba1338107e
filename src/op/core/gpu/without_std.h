// What formulas use of the standard library, for NVRTC, which has none. Only compiled at run time: tools/gen_kernel_text.py.
#pragma once
#if defined(__CUDACC_RTC__)

typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long int64_t;
typedef unsigned long uint64_t;

namespace std {

template <class T, T Value> struct integral_constant {
  static constexpr T value = Value;
};
using false_type = integral_constant<bool, false>;
using true_type = integral_constant<bool, true>;
template <class T> struct is_integral : false_type {};
template <class T> struct is_unsigned : false_type {};
template <class T> struct make_unsigned;
template <> struct is_integral<int64_t> : true_type {};
template <> struct make_unsigned<int64_t> {
  using type = uint64_t;
};
template <class T> using make_unsigned_t = typename make_unsigned<T>::type;

template <class T> struct numeric_limits;
template <> struct numeric_limits<float> {
  static __device__ float infinity() { return __int_as_float(0x7f800000); }
  static __device__ float quiet_NaN() { return __int_as_float(0x7fc00000); }
};
template <> struct numeric_limits<double> {
  static __device__ double infinity() { return __longlong_as_double(0x7ff0000000000000ll); }
  static __device__ double quiet_NaN() { return __longlong_as_double(0x7ff8000000000000ll); }
};

using ::abs;
using ::acos;
using ::acosh;
using ::asin;
using ::asinh;
using ::atan;
using ::atanh;
using ::cbrt;
using ::ceil;
using ::copysign;
using ::cos;
using ::cosh;
using ::erf;
using ::erfc;
using ::exp;
using ::expm1;
using ::fabs;
using ::floor;
using ::fmod;
using ::hypot;
using ::ldexp;
using ::lgamma;
using ::log;
using ::log10;
using ::log1p;
using ::log2;
using ::memcpy;
using ::nan;
using ::pow;
using ::round;
using ::sin;
using ::sinh;
using ::sqrt;
using ::tan;
using ::tanh;
using ::tgamma;
using ::trunc;

}  // namespace std

#endif
