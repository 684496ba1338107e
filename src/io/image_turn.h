// The affine step of augmentation: rotation, shear, aspect and scale, about the centre.
#pragma once
#include "codec/warp.h"
#include "io/image_augmenter.h"

namespace mixnet {

// What was drawn.
struct ImageTurn {
  double degrees = 0, shear = 0, aspect = 1, scale = 1;  // aspect: height over width
};

// Whether the parameters ask for the step at all.
bool turns(const ImageAugmentParams& params);
// Four numbers, used or not.
ImageTurn draw_turn(const ImageAugmentParams& params, Draws* draws);
// The picture that is turned is cut, or gets a border, to these extents, around its centre.
Extents turned_extents(const ImageAugmentParams& params, const ImageTurn& turn, const Extents& from);
Affine turn_map(const ImageAugmentParams& params, const ImageTurn& turn, const Extents& from);

}  // namespace mixnet
