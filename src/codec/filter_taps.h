// The weights of one axis of a resize: which pixels of the source make a pixel of the result.
//
// Every pixel has the same number of taps, an even one (1 for nearest), in order from `first` on; taps outside of the source mean its edge. Weights are
// 14-bit fractions whose sum is exactly one.
#pragma once
#include <cstdint>
#include <vector>

#include "codec/resize.h"

namespace mixnet {

struct FilterTaps {
  static constexpr int bits = 14;
  int count = 0;
  std::vector<int32_t> first;   // one per pixel of the result
  std::vector<int16_t> weight;  // `count` per pixel
  const int16_t* weights(int64_t i) const { return weight.data() + i * count; }
};

// The pixels that mix for one result: 1, 2, 4 or 8. Area counts as bilinear here and below.
int filter_count(Interpolation interpolation);
// Their weights for a place the fraction `f` of the way from pixel `filter_count / 2 - 1` of them to the next.
void filter_weights(Interpolation interpolation, double f, int16_t* weights);

// The stretch of the source, in pixels, that the result shows; it may reach beyond the source.
struct Stretch {
  double begin, length;
};

// Of `from` pixels to the `to` that show the stretch. `shrinks`: area averages where both axes shrink; otherwise it mixes two pixels by the share of
// the area, as OpenCV.
FilterTaps filter_taps(int64_t from, const Stretch& stretch, int64_t to, Interpolation interpolation, bool shrinks);

}  // namespace mixnet
