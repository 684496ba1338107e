#include "kvstore/compression.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/half.h"

namespace mixnet {
namespace {

constexpr float largest_half = 65504;

// A code per element, a value per code, and how many codes a byte holds.
struct TwoBit {
  static constexpr int per_byte = 4;
  static uint8_t code(float x, float threshold) {
    return static_cast<uint8_t>((x >= threshold) | ((x <= -threshold) << 1));
  }
  static float value(unsigned code, float threshold) {
    return static_cast<float>((code & 1) != 0) * threshold - static_cast<float>((code & 2) != 0) * threshold;
  }
};
struct OneBit {
  static constexpr int per_byte = 8;
  static uint8_t code(float x, float) { return static_cast<uint8_t>(x > 0); }
  static float value(unsigned code, float threshold) { return code ? threshold : -threshold; }
};

// What is not a number is nothing.
float total(float residual, float gradient) {
  const float x = residual + gradient;
  return x == x ? x : 0.0f;
}

float rest(float total, float sent) {
  const float left = total - sent;
  return std::abs(left) <= std::numeric_limits<float>::max() ? left : 0.0f;
}

template <class C>
void encode_bits(float threshold, const float* gradient, float* residual, int64_t count, uint8_t* bytes) {
  constexpr int bits = 8 / C::per_byte;
  for (int64_t i = 0; i < count; i += C::per_byte) {
    const int n = static_cast<int>(std::min<int64_t>(C::per_byte, count - i));
    unsigned packed = 0;
    for (int k = 0; k < n; ++k) {
      const float x = total(residual[i + k], gradient[i + k]);
      const unsigned code = C::code(x, threshold);
      residual[i + k] = rest(x, C::value(code, threshold));
      packed |= code << (k * bits);
    }
    bytes[i / C::per_byte] = static_cast<uint8_t>(packed);
  }
}

template <class C>
void decode_bits(float threshold, const uint8_t* bytes, int64_t count, float* values) {
  constexpr int bits = 8 / C::per_byte;
  const int64_t whole = count / C::per_byte;
  for (int64_t i = 0; i < whole; ++i) {
    for (int k = 0; k < C::per_byte; ++k)
      values[i * C::per_byte + k] = C::value(bytes[i] >> (k * bits) & ((1u << bits) - 1), threshold);
  }
  for (int64_t i = whole * C::per_byte; i < count; ++i)
    values[i] = C::value(bytes[whole] >> (i % C::per_byte * bits) & ((1u << bits) - 1), threshold);
}

void encode_half(const float* gradient, float* residual, int64_t count, uint8_t* bytes) {
  for (int64_t i = 0; i < count; ++i) {
    const float x = total(residual[i], gradient[i]);
    const f16 code(std::min(std::max(x, -largest_half), largest_half));
    residual[i] = rest(x, code);
    std::memcpy(bytes + 2 * i, &code, 2);
  }
}

void decode_half(const uint8_t* bytes, int64_t count, float* values) {
  for (int64_t i = 0; i < count; ++i) {
    f16 code;
    std::memcpy(&code, bytes + 2 * i, 2);
    values[i] = code;
  }
}

}  // namespace

Compression make_compression(const std::string& type, double threshold) {
  const char* const names[] = {"none", "1bit", "2bit", "fp16"};
  const auto* found = std::find(std::begin(names), std::end(names), type);
  MIXNET_CHECK(found != std::end(names), invalid,
               "[kvstore compression] type: expected none, 1bit, 2bit or fp16, got '", type, "'");
  const float rounded = static_cast<float>(threshold);
  MIXNET_CHECK(std::isfinite(rounded) && rounded > 0, invalid,
               "[kvstore compression] threshold: expected a number above 0, got ", threshold);
  return {static_cast<Codes>(found - std::begin(names)), rounded};
}

int64_t encoded_bytes(Codes codes, int64_t count) {
  switch (codes) {
    case Codes::one_bit: return (count + 7) / 8;
    case Codes::two_bit: return (count + 3) / 4;
    case Codes::half: return 2 * count;
    case Codes::none: break;
  }
  return 4 * count;
}

void encode(const Compression& how, const float* gradient, float* residual, int64_t count, uint8_t* bytes) {
  switch (how.codes) {
    case Codes::one_bit: return encode_bits<OneBit>(how.threshold, gradient, residual, count, bytes);
    case Codes::two_bit: return encode_bits<TwoBit>(how.threshold, gradient, residual, count, bytes);
    case Codes::half: return encode_half(gradient, residual, count, bytes);
    case Codes::none: break;
  }
  fail(Code::internal, "[kvstore compression] codes: expected 1bit, 2bit or fp16, got none");
}

void decode(const Compression& how, const uint8_t* bytes, int64_t count, float* values) {
  switch (how.codes) {
    case Codes::one_bit: return decode_bits<OneBit>(how.threshold, bytes, count, values);
    case Codes::two_bit: return decode_bits<TwoBit>(how.threshold, bytes, count, values);
    case Codes::half: return decode_half(bytes, count, values);
    case Codes::none: break;
  }
  fail(Code::internal, "[kvstore compression] codes: expected 1bit, 2bit or fp16, got none");
}

}  // namespace mixnet
