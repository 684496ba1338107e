#include "io/image_crop.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace mixnet {
namespace {

// One of 0 .. n - 1.
int64_t below(double u, int64_t n) { return static_cast<int64_t>(u * static_cast<double>(n)); }

// Where a crop begins: drawn, or so that it is in the middle.
Region placed(bool random, double y, double x, const Extents& all, const Extents& size) {
  const int64_t rows = all.height - size.height, columns = all.width - size.width;
  if (!random) return {rows / 2, columns / 2, size.height, size.width};
  return {below(y, rows + 1), below(x, columns + 1), size.height, size.width};
}

// A share of the area, of an aspect, wherever it fits.
std::optional<Region> resized_crop(const ImageAugmentParams& p, const CropDraws& drawn, const Extents& all) {
  const double low = p.min_aspect_ratio.value_or(1 - p.max_aspect_ratio);
  const double high = p.min_aspect_ratio ? p.max_aspect_ratio : 1 + p.max_aspect_ratio;
  const double pixels = static_cast<double>(all.height) * static_cast<double>(all.width);
  for (const CropDraws::Attempt& a : drawn.attempt) {
    const double area = pixels * (p.min_random_area + (p.max_random_area - p.min_random_area) * a.area);
    const double aspect = low + (high - low) * a.aspect;
    Extents size{std::llround(std::sqrt(area / aspect)), std::llround(std::sqrt(area * aspect))};
    if (a.swapped < 0.5) std::swap(size.height, size.width);
    if (size.height < 1 || size.width < 1 || size.height > all.height || size.width > all.width) continue;
    return placed(true, a.y, a.x, all, size);
  }
  return std::nullopt;
}

// Without a range there is nothing to draw, and MXNet takes the plain crop.
bool has_range(const ImageAugmentParams& p) {
  return p.min_random_area != 1 || p.max_random_area != 1 || p.max_aspect_ratio != 0 || p.min_aspect_ratio;
}

// The smallest extents of the same aspect that cover `to`.
Extents covering(const Extents& from, const Extents& to) {
  if (from.height * to.width > from.width * to.height) return {from.height * to.width / from.width, to.width};
  return {to.height, from.width * to.height / from.height};
}

}  // namespace

CropDraws::CropDraws(Draws* draws) {
  for (Attempt& a : attempt) {
    for (double* u : {&a.area, &a.aspect, &a.swapped, &a.y, &a.x}) *u = draws->uniform();
  }
  for (double* u : {&size, &y, &x}) *u = draws->uniform();
}

Image crop_picture(const ImageAugmentParams& p, const CropDraws& drawn, const Extents& to, Interpolation interpolation,
                   LazyPicture* picture) {
  const Extents all = picture->extents();
  if (p.random_resized_crop) {
    const auto region = has_range(p) ? resized_crop(p, drawn, all) : std::nullopt;
    if (region) return picture->take(*region, to, interpolation);
  } else if (p.max_crop_size > 0) {
    MIXNET_CHECK(all.height >= p.max_crop_size && all.width >= p.max_crop_size, invalid,
                 "max_crop_size: expected images of at least ", p.max_crop_size, " by ", p.max_crop_size,
                 " pixels, got ", all.height, " by ", all.width);
    const int64_t side = p.min_crop_size + below(drawn.size, p.max_crop_size - p.min_crop_size + 1);
    return picture->take(placed(p.rand_crop, drawn.y, drawn.x, all, {side, side}), to, interpolation);
  }
  if (all.height < to.height || all.width < to.width) picture->resize(covering(all, to), interpolation);
  return picture->take(placed(p.rand_crop, drawn.y, drawn.x, picture->extents(), to));
}

}  // namespace mixnet
