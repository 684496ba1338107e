#include "io/colour_jitter.h"

#include <algorithm>
#include <array>

#include "codec/colour.h"

namespace mixnet {

ColourJitter::ColourJitter(const ImageAugmentParams& p, Draws* draws) {
  const auto factor = [&](double most) { return 1 + draws->uniform(-most, most); };
  const auto step = [&](int64_t most) { return static_cast<int>(draws->below(2 * most + 1) - most); };
  brightness_ = factor(p.brightness);
  contrast_ = factor(p.contrast);
  saturation_ = factor(p.saturation);
  order_ = draws->below(6);
  hue_ = step(p.random_h);
  lightness_ = step(p.random_l);
  hls_saturation_ = step(p.random_s);
  std::array<double, 3> normal{};
  for (double& n : normal) n = p.pca_noise * draws->normal();
  noise_ = pca_offset(normal);
}

void ColourJitter::jitter(Image* image) const {
  static constexpr int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (const int step : orders[order_]) {
    if (step == 0 && brightness_ != 1) scale_colours(image, brightness_);
    if (step == 1 && contrast_ != 1) {
      scale_colours(image, contrast_, (1 - contrast_) * mean_grey(*image, grey_weights_of_mxnet));
    }
    if (step == 2 && saturation_ != 1) saturate(image, saturation_, grey_weights_of_mxnet);
  }
}

void ColourJitter::operator()(Image* image) const {
  jitter(image);
  if (hue_ != 0 || lightness_ != 0 || hls_saturation_ != 0) shift_hls(image, hue_, lightness_, hls_saturation_);
  if (noise_ != std::array<double, 3>{}) add_colour(image, noise_);
}

}  // namespace mixnet
