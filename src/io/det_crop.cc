#include "io/det_crop.h"

#include <algorithm>
#include <cmath>

namespace mixnet {
namespace {

using P = DetAugmentParams;

bool within(double value, const std::vector<double>& low, const std::vector<double>& high, size_t i) {
  return value >= low[i] && value <= high[i];
}

// A size is the root of the area; the aspect is drawn from those that fit.
Region attempt(const P& p, size_t i, const Extents& all, Draws* draws) {
  const auto height = static_cast<double>(all.height), width = static_cast<double>(all.width);
  const double scale = draws->uniform(p.min_crop_scales[i], p.max_crop_scales[i]),
               area = scale * scale * height * width;
  const double flat = area / (height * height), wide = std::max(flat, width * width / std::max(area, 1e-9));
  const double aspect = draws->uniform(std::clamp(p.min_crop_aspect_ratios[i], flat, wide),
                                       std::clamp(p.max_crop_aspect_ratios[i], flat, wide));
  Region r;
  r.height = std::clamp(static_cast<int64_t>(std::sqrt(area / std::max(aspect, 1e-9))), int64_t{1}, all.height);
  r.width = std::clamp(static_cast<int64_t>(std::sqrt(area * aspect)), int64_t{1}, all.width);
  r.top = draws->below(all.height - r.height + 1);
  r.left = draws->below(all.width - r.width + 1);
  return r;
}

bool meets(const P& p, size_t i, const std::vector<DetBox>& boxes, const DetBox& part) {
  bool covered = false, left = false;
  for (const DetBox& b : boxes) {
    const double common = common_area(b, part), both = b.area() + part.area() - common;
    covered = covered || (within(both > 0 ? common / both : 0, p.min_crop_overlaps, p.max_crop_overlaps, i) &&
                          within(common / part.area(), p.min_crop_sample_coverages, p.max_crop_sample_coverages, i) &&
                          within(b.area() > 0 ? common / b.area() : 0, p.min_crop_object_coverages,
                                 p.max_crop_object_coverages, i));
    left = left || stays(b, part, p);
  }
  return covered && left;
}

}  // namespace

std::optional<Region> draw_det_crop(const P& p, const std::vector<DetBox>& boxes, const Extents& all, Draws* draws) {
  std::vector<size_t> order(static_cast<size_t>(p.num_crop_sampler));
  for (size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
    std::swap(order[i], order[static_cast<size_t>(draws->below(static_cast<int64_t>(i) + 1))]);
  }
  const auto height = static_cast<double>(all.height), width = static_cast<double>(all.width);
  for (const size_t i : order) {
    for (int64_t n = 0; n < p.max_crop_trials[i]; ++n) {
      const Region r = attempt(p, i, all, draws);
      const auto top = static_cast<double>(r.top), left = static_cast<double>(r.left);
      const DetBox part{left / width, top / height, (left + static_cast<double>(r.width)) / width,
                        (top + static_cast<double>(r.height)) / height};
      if (meets(p, i, boxes, part)) return r;
    }
  }
  return std::nullopt;
}

}  // namespace mixnet
