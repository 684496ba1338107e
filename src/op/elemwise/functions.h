// The scalar functions behind the elementwise operators, by name, for one compute type: float, double, integers.
//
// `of` is the function. Integers wrap around, never trap (x / 0 and x mod 0 are 0) and take real results truncated.
// Differentiable functions of one number also say which of x and y = f(x) their derivative is computed from, so that
// only that one is kept for the backward pass: `slope` is dy/dx as a function of it, `bend` the derivative of slope.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "base/on_device.h"
#include "op/core/digamma.h"
#include "op/core/error_function.h"
#include "op/core/exponential.h"

namespace mixnet::functions {

constexpr double pi = 3.14159265358979323846;

// Integers in the type in which overflow is defined; anything else as it is.
template <class T>
MIXNET_ON_DEVICE auto wrap(T x) {
  if constexpr (std::is_integral<T>::value) return static_cast<std::make_unsigned_t<T>>(x);
  else return x;
}
// A real number in type T; for integers truncated and kept within their range, NaN as 0.
template <class T>
MIXNET_ON_DEVICE T from_real(double x) {
  if constexpr (std::is_integral<T>::value) {
    using Limits = std::numeric_limits<T>;
    if (x >= std::ldexp(1.0, Limits::digits)) return Limits::max();
    if (x <= static_cast<double>(Limits::lowest())) return Limits::lowest();
    return x == x ? static_cast<T>(x) : T(0);
  } else {
    return static_cast<T>(x);
  }
}

template <class T>
MIXNET_ON_DEVICE T negate(T x) {
  if constexpr (std::is_integral<T>::value) return static_cast<T>(0 - wrap(x));
  else return -x;
}
template <class T>
MIXNET_ON_DEVICE T magnitude(T x) {
  if constexpr (std::is_unsigned<T>::value) return x;
  else if constexpr (std::is_integral<T>::value) return x < 0 ? negate(x) : x;
  else return std::abs(x);
}
template <class T>
MIXNET_ON_DEVICE T sign(T x) {
  if constexpr (std::is_unsigned<T>::value) return x > 0;
  else return x > 0 ? T(1) : x < 0 ? T(-1) : x == x ? x : T(0);
}
template <class T>
MIXNET_ON_DEVICE T divide(T a, T b) {
  if constexpr (std::is_integral<T>::value) {
    if (b == 0) return 0;
    return b == -1 ? negate(a) : a / b;
  } else {
    return a / b;
  }
}
// Python's remainder: the sign of the divisor; 0 where that is 0.
template <class T>
MIXNET_ON_DEVICE T remainder(T a, T b) {
  if (b == 0) return 0;
  T r;
  if constexpr (std::is_integral<T>::value) r = b == -1 ? 0 : a % b;
  else r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
template <class T>
MIXNET_ON_DEVICE T power(T a, T b) {
  if constexpr (std::is_integral<T>::value) {
    if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 == 0 ? 1 : -1) : 0;
    T result = 1;
    for (; b > 0; b >>= 1, a = static_cast<T>(wrap(a) * wrap(a))) {
      if (b & 1) result = static_cast<T>(wrap(result) * wrap(a));
    }
    return result;
  } else {
    return std::pow(a, b);
  }
}

#define MIXNET_BINARY(stem, expression)      \
  struct stem {                              \
    template <class T>                       \
    MIXNET_ON_DEVICE static T of(T a, T b) { \
      return static_cast<T>(expression);     \
    }                                        \
  };
MIXNET_BINARY(Add, wrap(a) + wrap(b))
MIXNET_BINARY(Sub, wrap(a) - wrap(b))
MIXNET_BINARY(Mul, wrap(a) * wrap(b))
MIXNET_BINARY(Div, divide(a, b))
MIXNET_BINARY(Mod, remainder(a, b))
MIXNET_BINARY(Power, power(a, b))
MIXNET_BINARY(Maximum, a > b || a != a ? a : b)  // NaN wins
MIXNET_BINARY(Minimum, a < b || a != a ? a : b)
MIXNET_BINARY(Hypot, from_real<T>(std::hypot(a, b)))
MIXNET_BINARY(Equal, a == b)
MIXNET_BINARY(NotEqual, a != b)
MIXNET_BINARY(Greater, a > b)
MIXNET_BINARY(GreaterEqual, a >= b)
MIXNET_BINARY(Lesser, a < b)
MIXNET_BINARY(LesserEqual, a <= b)
MIXNET_BINARY(And, a != 0 && b != 0)
MIXNET_BINARY(Or, a != 0 || b != 0)
MIXNET_BINARY(Xor, (a != 0) != (b != 0))
#undef MIXNET_BINARY

// The function with its operands exchanged: scalar - x.
template <class F>
struct Reversed {
  template <class T>
  MIXNET_ON_DEVICE static T of(T a, T b) {
    return F::of(b, a);
  }
};

// The derivative of digamma, likewise (6.4.6, 6.4.7, 6.4.12). No function here calls itself: GPUs would need to know how deep.
MIXNET_ON_DEVICE inline double trigamma_above_0(double x) {
  double sum = 0;
  for (; x < 10; ++x) sum += 1 / (x * x);
  const double t = 1 / (x * x);
  return sum + (1 + 0.5 / x + t * (1.0 / 6 - t * (1.0 / 30 - t * (1.0 / 42 - t / 30)))) / x;
}
MIXNET_ON_DEVICE inline double trigamma(double x) {
  if (x > 0 || x != x) return trigamma_above_0(x);
  if (x == std::floor(x)) return std::numeric_limits<double>::quiet_NaN();
  return std::pow(pi / std::sin(pi * (x - std::round(x))), 2) - trigamma_above_0(1 - x);
}
// Inverse error function: Winitzki's approximation, then Newton steps on the complement, which keeps its digits near 1.
MIXNET_ON_DEVICE inline double erfinv(double y) {
  const double size = std::abs(y), rest = 1 - size;
  if (!(rest > 0)) return rest == 0 ? std::copysign(std::numeric_limits<double>::infinity(), y) : std::nan("");
  const double w = std::log1p(-y * y), a = 2 / (pi * 0.147) + w / 2;
  double x = std::sqrt(std::sqrt(a * a - w / 0.147) - a);
  for (int i = 0; i < 4; ++i) {
    const double error = size < 0.5 ? std::erf(x) - size : rest - std::erfc(x);
    x -= error * std::sqrt(pi) / 2 * std::exp(x * x);
  }
  return std::copysign(x, y);
}

template <class T>
MIXNET_ON_DEVICE T squared(T x) {
  return x * x;
}
// 1 - x^2 with all digits near 1.
template <class T>
MIXNET_ON_DEVICE T co_square(T x) {
  return (1 - x) * (1 + x);
}

// A function without a slope of its own: steps, and those whose gradient other operators give.
#define MIXNET_PLAIN(stem, expression)   \
  struct stem {                          \
    template <class T>                   \
    MIXNET_ON_DEVICE static T of(T x) {  \
      return static_cast<T>(expression); \
    }                                    \
  };
// An integer is its own rounding.
#define MIXNET_ROUNDING(stem, expression)                 \
  struct stem {                                           \
    template <class T>                                    \
    MIXNET_ON_DEVICE static T of(T x) {                   \
      if constexpr (std::is_integral<T>::value) return x; \
      else return expression;                             \
    }                                                     \
  };
#define MIXNET_SMOOTH(stem, expression, variable, from_output, slope_expression, bend_expression) \
  struct stem {                                                                                   \
    static constexpr bool of_output = from_output;                                                \
    template <class T>                                                                            \
    MIXNET_ON_DEVICE static T of(T x) {                                                           \
      return static_cast<T>(expression);                                                          \
    }                                                                                             \
    template <class T>                                                                            \
    MIXNET_ON_DEVICE static T slope([[maybe_unused]] T variable) {                                \
      return static_cast<T>(slope_expression);                                                    \
    }                                                                                             \
    template <class T>                                                                            \
    MIXNET_ON_DEVICE static T bend([[maybe_unused]] T variable) {                                 \
      return static_cast<T>(bend_expression);                                                     \
    }                                                                                             \
  };
#define MIXNET_OF_X(stem, expression, slope, bend) MIXNET_SMOOTH(stem, expression, x, false, slope, bend)
#define MIXNET_OF_Y(stem, expression, slope, bend) MIXNET_SMOOTH(stem, expression, y, true, slope, bend)

// clang-format off
MIXNET_PLAIN(Negative, negate(x))
MIXNET_PLAIN(Abs, magnitude(x))
MIXNET_PLAIN(Sign, sign(x))
MIXNET_PLAIN(Square, wrap(x) * wrap(x))
MIXNET_PLAIN(LogicalNot, x == 0)
MIXNET_PLAIN(Degrees, x * static_cast<T>(180 / pi))
MIXNET_PLAIN(Radians, x * static_cast<T>(pi / 180))
MIXNET_ROUNDING(Round, std::round(x))
MIXNET_ROUNDING(Rint, x - std::floor(x) <= std::ceil(x) - x ? std::floor(x) : std::ceil(x))
MIXNET_ROUNDING(Ceil, std::ceil(x))
MIXNET_ROUNDING(Floor, std::floor(x))
MIXNET_ROUNDING(Trunc, std::trunc(x))
MIXNET_OF_Y(Relu, x > 0 || x != x ? x : 0, y != y ? y : y > 0, 0)
MIXNET_OF_Y(Sqrt, std::sqrt(x), 1 / (2 * y), -1 / (2 * y * y))
MIXNET_OF_Y(Rsqrt, 1 / std::sqrt(x), y * y * y / -2, y * y * -3 / 2)
MIXNET_OF_Y(Cbrt, std::cbrt(x), 1 / (3 * y * y), -2 / (3 * y * y * y))
MIXNET_OF_Y(Rcbrt, 1 / std::cbrt(x), y * y * y * y / -3, y * y * y * -4 / 3)
MIXNET_OF_Y(Exp, exponential(x), y, 1)
MIXNET_OF_X(Expm1, std::expm1(x), exponential(x), exponential(x))
MIXNET_OF_X(Log, std::log(x), 1 / x, -1 / (x * x))
MIXNET_OF_X(Log10, std::log10(x), 1 / (x * std::log(T(10))), -1 / (x * x * std::log(T(10))))
MIXNET_OF_X(Log2, std::log2(x), 1 / (x * std::log(T(2))), -1 / (x * x * std::log(T(2))))
MIXNET_OF_X(Log1p, std::log1p(x), 1 / (1 + x), -1 / squared(1 + x))
MIXNET_OF_X(Sin, std::sin(x), std::cos(x), -std::sin(x))
MIXNET_OF_X(Cos, std::cos(x), -std::sin(x), -std::cos(x))
MIXNET_OF_Y(Tan, std::tan(x), 1 + y * y, 2 * y)
MIXNET_OF_X(Arcsin, std::asin(x), 1 / std::sqrt(co_square(x)), x / (co_square(x) * std::sqrt(co_square(x))))
MIXNET_OF_X(Arccos, std::acos(x), -1 / std::sqrt(co_square(x)), -x / (co_square(x) * std::sqrt(co_square(x))))
MIXNET_OF_X(Arctan, std::atan(x), 1 / (1 + x * x), -2 * x / squared(1 + x * x))
MIXNET_OF_X(Sinh, std::sinh(x), std::cosh(x), std::sinh(x))
MIXNET_OF_X(Cosh, std::cosh(x), std::sinh(x), std::cosh(x))
MIXNET_OF_Y(Tanh, hyperbolic_tangent(x), 1 - y * y, -2 * y)
MIXNET_OF_X(Arcsinh, std::asinh(x), 1 / std::sqrt(x * x + 1), -x / ((x * x + 1) * std::sqrt(x * x + 1)))
MIXNET_OF_X(Arccosh, std::acosh(x), 1 / std::sqrt(-co_square(x)), x / (co_square(x) * std::sqrt(-co_square(x))))
MIXNET_OF_X(Arctanh, std::atanh(x), 1 / co_square(x), 2 * x / squared(co_square(x)))
MIXNET_OF_X(Gamma, std::tgamma(x), std::tgamma(x) * digamma(x), std::tgamma(x) * (squared(digamma(x)) + trigamma(x)))
MIXNET_OF_X(Gammaln, log_gamma(x), digamma(x), trigamma(x))
MIXNET_OF_X(Erf, error_function(x), 2 / std::sqrt(pi) * exponential(-x * x), -4 / std::sqrt(pi) * x * exponential(-x * x))
MIXNET_OF_Y(Erfinv, erfinv(x), std::sqrt(pi) / 2 * exponential(y * y), std::sqrt(pi) * y * exponential(y * y))
MIXNET_OF_Y(Reciprocal, 1 / x, -y * y, -2 * y)
MIXNET_OF_Y(Sigmoid, 1 / (1 + exponential(-x)), y * (1 - y), 1 - 2 * y)
MIXNET_OF_X(Softsign, x / (1 + std::abs(x)), 1 / squared(1 + std::abs(x)), -2 * Sign::of(x) / (squared(1 + std::abs(x)) * (1 + std::abs(x))))
// clang-format on
#undef MIXNET_PLAIN
#undef MIXNET_ROUNDING
#undef MIXNET_SMOOTH
#undef MIXNET_OF_X
#undef MIXNET_OF_Y

}  // namespace mixnet::functions
