// Crops that keep objects: drawn until one meets a sampler's conditions.
#pragma once
#include <optional>

#include "io/det_boxes.h"

namespace mixnet {

// A crop of a picture of these extents that meets the conditions of a sampler and leaves an object; none where as many attempts as allowed have failed.
// Samplers are tried in a drawn order.
std::optional<Region> draw_det_crop(const DetAugmentParams& params, const std::vector<DetBox>& boxes,
                                    const Extents& extents, Draws* draws);

}  // namespace mixnet
