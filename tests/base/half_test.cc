// Both 16-bit floats over all their values: to float and back, rounding to even between neighbours, NaN, infinities, subnormals.
#include "base/half.h"

#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>
#include <limits>

namespace mixnet {
namespace {

// By the definition of the format: sign, `exponent_bits`, the rest.
double value_of(uint16_t bits, int exponent_bits) {
  const int fraction_bits = 15 - exponent_bits, bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits >> fraction_bits) & ((1 << exponent_bits) - 1),
            fraction = bits & ((1 << fraction_bits) - 1);
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1)
    return fraction ? std::nan("") : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
  return sign * std::ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
}

template <class T> T from_bits(uint16_t bits) {
  T x;
  x.bits = bits;
  return x;
}

template <class T> void check_all_values(int exponent_bits) {
  int wrong = 0;
  for (int i = 0; i < 65536; ++i) {
    const uint16_t bits = static_cast<uint16_t>(i);
    const float x = from_bits<T>(bits);
    const double expected = value_of(bits, exponent_bits);
    if (std::isnan(expected)) {
      wrong += !std::isnan(x) || !std::isnan(static_cast<float>(T(x))) || std::signbit(x) != ((bits & 0x8000) != 0);
    } else {
      wrong += static_cast<double>(x) != expected || std::signbit(x) != std::signbit(expected) || T(x).bits != bits;
    }
  }
  CHECK(wrong == 0);
}

// Between every finite value and the next: just below the middle rounds down, the middle to the even one, just above it up.
template <class T> void check_rounding(int exponent_bits) {
  const int top = ((1 << exponent_bits) - 1) << (15 - exponent_bits);  // infinity
  int wrong = 0;
  for (int i = 0; i < top; ++i) {
    for (int sign : {0, 0x8000}) {
      const uint16_t low = static_cast<uint16_t>(i | sign), high = static_cast<uint16_t>((i + 1) | sign);
      const double a = value_of(low, exponent_bits);
      // Infinity stands where the next value would.
      const double b = i + 1 < top ? value_of(high, exponent_bits)
                                   : a + (a - value_of(static_cast<uint16_t>(low - 1), exponent_bits));
      const float middle = static_cast<float>((a + b) / 2);
      if (static_cast<double>(middle) != (a + b) / 2 || std::isinf(middle)) continue;  // below float's own subnormals
      wrong += T(middle).bits != (i % 2 ? high : low);
      const float toward_low = std::nextafter(middle, static_cast<float>(a));
      const float toward_high = std::nextafter(middle, sign ? -INFINITY : INFINITY);
      wrong += T(toward_low).bits != low;
      wrong += T(toward_high).bits != high;
    }
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("float16: all values both ways") { check_all_values<f16>(5); }
TEST_CASE("bfloat16: all values both ways") { check_all_values<bf16>(8); }
TEST_CASE("float16: rounding to nearest even") { check_rounding<f16>(5); }
TEST_CASE("bfloat16: rounding to nearest even") { check_rounding<bf16>(8); }

TEST_CASE("float16: the ends") {
  CHECK(float{f16(65504.0f)} == 65504.0f);
  CHECK(float{f16(65519.996f)} == 65504.0f);
  CHECK(std::isinf(float{f16(65520.0f)}));
  CHECK(std::isinf(float{f16(1e30f)}));
  CHECK(float{f16(-1e30f)} < 0);
  CHECK(f16(0x1p-24f).bits == 1);
  CHECK(f16(0x1p-25f).bits == 0);
  CHECK(f16(std::nextafter(0x1p-25f, 1.0f)).bits == 1);
  CHECK(f16(-0.0f).bits == 0x8000);
  CHECK(std::isnan(float{f16(std::nanf(""))}));
  CHECK(std::isinf(float{bf16(std::numeric_limits<float>::max())}));
  CHECK(bf16(-0.0f).bits == 0x8000);
}

TEST_CASE("float16: a NaN whose payload lies in the low bits stays one") {
  const float signalling = detail::bits_float(0x7f800001u);
  CHECK(std::isnan(float{bf16(signalling)}));
  CHECK(std::isnan(float{f16(signalling)}));
}

}  // namespace mixnet
