// Gradient compression: codes of a few bits for a gradient, and what they leave out kept for the next one.
//
// Every sender keeps a residual as large as the gradient, zero at first. encode adds the gradient to the residual, chooses the codes and
// takes what the codes stand for out of the residual again, so that nothing is lost, only late. Codes by kind:
//   2bit  +threshold, 0 or -threshold; four codes in a byte, the first in the lowest bits (0: zero, 1: plus, 2: minus)
//   1bit  +threshold above zero, else -threshold; eight codes in a byte, the first in the lowest bit (1: plus)
//   fp16  the nearest float16, two bytes in the machine's order; beyond its range the largest
// 2bit follows Strom (2015), 1bit Seide et al. (2014) with one scale for all. What is not a number counts as zero; a residual without
// bound sends its sign and begins again at zero.
//
// Pure functions of their arguments; runs may be cut anywhere at multiples of 8 elements. Cost: one pass.
#pragma once
#include <cstdint>
#include <string>

namespace mixnet {

enum class Codes : int32_t { none = 0, one_bit = 1, two_bit = 2, half = 3 };

struct Compression {
  Codes codes = Codes::none;
  float threshold = 0.5f;
};

// type: "none", "1bit", "2bit", "fp16". Throws Code::invalid for others and for a threshold that is not above 0.
Compression make_compression(const std::string& type, double threshold);

int64_t encoded_bytes(Codes codes, int64_t count);
// `bytes`: encoded_bytes(count) of them. Not for Codes::none.
void encode(const Compression& how, const float* gradient, float* residual, int64_t count, uint8_t* bytes);
void decode(const Compression& how, const uint8_t* bytes, int64_t count, float* values);

}  // namespace mixnet
