// What the parameters of augmentation with boxes mean beyond their own limits.
#pragma once
#include "io/det_augmenter.h"

namespace mixnet {

// Throws Code::invalid "[place] name: expected ..., got ...".
void check_det_augment(const DetAugmentParams& params, const Shape& data_shape, const std::string& place);

}  // namespace mixnet
