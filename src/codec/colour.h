// Colours of an image, changed in place. Where pixels have alpha it stays; grey images have lightness only.
#pragma once
#include <array>

#include "codec/image.h"

namespace mixnet {

// How much red, green and blue count for grey.
using GreyWeights = std::array<double, 3>;
constexpr GreyWeights grey_weights{0.299, 0.587, 0.114};
// MXNet's iterators hold blue first and take it for red.
constexpr GreyWeights grey_weights_of_mxnet{0.114, 0.587, 0.299};

double mean_grey(const ImageView& image, const GreyWeights& weights = grey_weights);

// pixel * factor + offset, rounded, within 0 to 255: brightness with offset 0, contrast with (1 - factor) * mean_grey.
void scale_colours(Image* image, double factor, double offset = 0);
// Towards each pixel's grey, which is met at factor 0; away from it above 1.
void saturate(Image* image, double factor, const GreyWeights& weights = grey_weights);
// To each channel its offset; rounded down.
void add_colour(Image* image, const std::array<double, 3>& offset);
// The offset of red, green and blue for three normal draws: along the axes in which the colours of ImageNet's images vary (Krizhevsky et al., 2012).
std::array<double, 3> pca_offset(const std::array<double, 3>& draws);
// Hue in half degrees (0 to 180, where it ends), lightness and saturation in 1/255, each within its limits.
void shift_hls(Image* image, int hue, int lightness, int saturation);

}  // namespace mixnet
