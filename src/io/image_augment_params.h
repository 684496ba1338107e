// What the parameters of augmentation mean beyond their own limits.
#pragma once
#include "codec/resize.h"
#include "io/image_augmenter.h"

namespace mixnet {

// Throws Code::invalid "[place] name: expected ..., got ...".
void check_image_augment(const ImageAugmentParams& params, const Shape& data_shape, const std::string& place);
// Channels, height and width that images can have.
void check_image_shape(const Shape& data_shape, const std::string& place);
void check_interpolation(int64_t inter_method, const std::string& place);

// The interpolation that `inter_method` says; 10 draws one. Draws one number in any case.
Interpolation drawn_interpolation(int64_t inter_method, Draws* draws);

}  // namespace mixnet
