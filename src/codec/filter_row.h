// The horizontal half of a resize: one row of bytes to 16-bit sums, as many as the result has columns.
#pragma once
#include "codec/filter_taps.h"

namespace mixnet {

// `to` gets `columns * channels` sums of `bits` fractional bits and may be written 16 values farther. `width` is that of the source, in pixels.
void filter_row(const FilterTaps& taps, const uint8_t* from, int64_t width, int channels, int bits, int16_t* to);

}  // namespace mixnet
