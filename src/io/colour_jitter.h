// The colour steps of augmentation, as drawn.
#pragma once
#include <array>

#include "codec/image.h"
#include "io/image_augmenter.h"

namespace mixnet {

class ColourJitter {
 public:
  // Draws the same numbers whatever the parameters say.
  ColourJitter(const ImageAugmentParams& params, Draws* draws);
  void operator()(Image* image) const;

 private:
  void jitter(Image* image) const;

  double brightness_, contrast_, saturation_;  // factors
  int64_t order_;                              // of these three: which of the six there are
  int hue_, lightness_, hls_saturation_;
  std::array<double, 3> noise_;
};

}  // namespace mixnet
