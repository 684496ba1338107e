#include "io/image_turn.h"

#include <algorithm>
#include <cmath>

namespace mixnet {
namespace {

constexpr double pi = 3.14159265358979323846;

// Not in whole pixels: the centre is that of these extents.
double limited(const ImageAugmentParams& p, double side) {
  return std::max(p.min_img_size, std::min(p.max_img_size, side));
}

}  // namespace

bool turns(const ImageAugmentParams& p) {
  if (p.max_rotate_angle > 0 || p.rotate > 0 || p.max_shear_ratio > 0) return true;
  if (p.random_resized_crop) return false;
  return p.max_random_scale != 1 || p.min_random_scale != 1 || p.max_aspect_ratio != 0 || p.min_aspect_ratio;
}

ImageTurn draw_turn(const ImageAugmentParams& p, Draws* draws) {
  const double angle = draws->uniform(), shear = draws->uniform(), aspect = draws->uniform(), scale = draws->uniform();
  const auto between = [](double u, double low, double high) { return low + (high - low) * u; };
  ImageTurn turn;
  const auto most = static_cast<double>(p.max_rotate_angle);
  turn.degrees = p.rotate > 0 ? static_cast<double>(p.rotate) : std::floor(between(angle, -most, most + 1));
  turn.shear = between(shear, -p.max_shear_ratio, p.max_shear_ratio);
  if (p.random_resized_crop) return turn;  // it has a scale and an aspect of its own
  turn.aspect = p.min_aspect_ratio ? between(aspect, *p.min_aspect_ratio, p.max_aspect_ratio)
                                   : between(aspect, 1 - p.max_aspect_ratio, 1 + p.max_aspect_ratio);
  turn.scale = between(scale, p.min_random_scale, p.max_random_scale);
  return turn;
}

Extents turned_extents(const ImageAugmentParams& p, const ImageTurn& turn, const Extents& from) {
  const auto side = [&](int64_t extent) {
    const double wanted = limited(p, turn.scale * static_cast<double>(extent));
    // Far more than an image may have is left to be refused as an image.
    return std::max<int64_t>(1, static_cast<int64_t>(std::min(wanted, 1e9)));
  };
  return {side(from.height), side(from.width)};
}

Affine turn_map(const ImageAugmentParams& p, const ImageTurn& turn, const Extents& from) {
  const auto width = static_cast<double>(from.width), height = static_cast<double>(from.height);
  const double angle = turn.degrees / 180 * pi, c = std::cos(angle), s = std::sin(angle);
  const double x = 2 * turn.scale / (1 + turn.aspect), y = turn.aspect * x;
  // Rotated, then stretched, then sheared.
  Affine map{x * c - turn.shear * y * s, x * s + turn.shear * y * c, 0, -y * s, y * c, 0};
  map.c = (limited(p, turn.scale * width) - map.a * width - map.b * height) / 2;
  map.f = (limited(p, turn.scale * height) - map.d * width - map.e * height) / 2;
  return map;
}

}  // namespace mixnet
