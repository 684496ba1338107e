// The crop of augmentation, and its resize to the data shape.
#pragma once
#include "io/image_augmenter.h"
#include "io/lazy_picture.h"

namespace mixnet {

// The numbers a crop needs, whichever kind it is: in [0, 1), drawn before the image's extents are known.
struct CropDraws {
  static constexpr int most = 10;  // attempts at a random resized crop before the plain one is taken
  explicit CropDraws(Draws* draws);
  struct Attempt {
    double area, aspect, swapped, y, x;
  };
  Attempt attempt[most];
  double size, y, x;
};

// Cut out and resized to `to`. Throws Code::invalid for pictures smaller than max_crop_size.
Image crop_picture(const ImageAugmentParams& params, const CropDraws& drawn, const Extents& to,
                   Interpolation interpolation, LazyPicture* picture);

}  // namespace mixnet
