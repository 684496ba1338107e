// The scalar functions behind the elementwise operators, by name, for one compute type (float, double or int64_t).
#pragma once
#include <cmath>
#include <cstdint>
#include <type_traits>

namespace mixnet::functions {

// Integer division and remainder never trap: by zero they give zero.
struct Add { template <class T> static T of(T a, T b) { return a + b; } };
struct Sub { template <class T> static T of(T a, T b) { return a - b; } };
struct Mul { template <class T> static T of(T a, T b) { return a * b; } };
struct Div {
  template <class T> static T of(T a, T b) {
    if constexpr (std::is_integral<T>::value) return b == 0 ? 0 : b == -1 ? -a : a / b;
    else return a / b;
  }
};
// Python's remainder: the sign of the divisor.
struct Mod {
  template <class T> static T of(T a, T b) {
    if (b == 0) return 0;
    if constexpr (std::is_integral<T>::value) {
      if (b == -1) return 0;
      const T r = a % b;
      return r != 0 && (r < 0) != (b < 0) ? r + b : r;
    } else {
      const T r = std::fmod(a, b);
      return r != 0 && (r < 0) != (b < 0) ? r + b : r;
    }
  }
};
struct Power { template <class T> static T of(T a, T b) { return static_cast<T>(std::pow(a, b)); } };
struct Maximum { template <class T> static T of(T a, T b) { return a > b || a != a ? a : b; } };
struct Minimum { template <class T> static T of(T a, T b) { return a < b || a != a ? a : b; } };
struct Hypot { template <class T> static T of(T a, T b) { return static_cast<T>(std::hypot(a, b)); } };
struct Equal { template <class T> static T of(T a, T b) { return a == b; } };
struct NotEqual { template <class T> static T of(T a, T b) { return a != b; } };
struct Greater { template <class T> static T of(T a, T b) { return a > b; } };
struct GreaterEqual { template <class T> static T of(T a, T b) { return a >= b; } };
struct Lesser { template <class T> static T of(T a, T b) { return a < b; } };
struct LesserEqual { template <class T> static T of(T a, T b) { return a <= b; } };
struct And { template <class T> static T of(T a, T b) { return a != 0 && b != 0; } };
struct Or { template <class T> static T of(T a, T b) { return a != 0 || b != 0; } };
struct Xor { template <class T> static T of(T a, T b) { return (a != 0) != (b != 0); } };
// The operator with its operands exchanged: scalar - x.
template <class F> struct Reversed { template <class T> static T of(T a, T b) { return F::of(b, a); } };

}  // namespace mixnet::functions
