// _contrib_MultiBoxPrior, for any place.
#pragma once
#include <cmath>
#include <vector>

#include "op/contrib/boxes.h"

namespace mixnet::op::multibox_prior {

struct Params {
  std::vector<double> sizes{1}, ratios{1}, steps{-1, -1}, offsets{0.5, 0.5};
  bool clip = false;
  int64_t anchors() const { return static_cast<int64_t>(sizes.size() + ratios.size()) - 1; }
};

// One kind of anchors, around every pixel: `half` of its extents.
template <class T>
struct Anchor {
  T* y;
  int64_t each, number, width;
  T offset_y, offset_x, step_y, step_x, half_w, half_h;
  bool clip;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    const T cy = (static_cast<T>(k / width) + offset_y) * step_y, cx = (static_cast<T>(k % width) + offset_x) * step_x;
    const T box[4] = {cx - half_w, cy - half_h, cx + half_w, cy + half_h};
    for (int i = 0; i < 4; ++i) y[(k * each + number) * 4 + i] = clip ? std::min(std::max(box[i], T(0)), T(1)) : box[i];
  }
};

// Every size with the first ratio, then the first size with the other ratios.
template <class Place>
void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.out[0].dtype, "MultiBoxPrior", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t height = r.in[0].shape[2], width = r.in[0].shape[3], each = p.anchors(),
                  sizes = static_cast<int64_t>(p.sizes.size());
    const T aspect = static_cast<T>(height) / static_cast<T>(width);
    const T step_y = p.steps[0] > 0 ? static_cast<T>(p.steps[0]) : 1 / static_cast<T>(height);
    const T step_x = p.steps[1] > 0 ? static_cast<T>(p.steps[1]) : 1 / static_cast<T>(width);
    for (int64_t a = 0; a < each; ++a) {
      const T size = static_cast<T>(p.sizes[static_cast<size_t>(a < sizes ? a : 0)]);
      const T ratio = std::sqrt(static_cast<T>(p.ratios[static_cast<size_t>(a < sizes ? 0 : a - sizes + 1)]));
      Place::each(
          r, height * width, 4096,
          Anchor<T>{r.out[0].as<T>(), each, a, width, static_cast<T>(p.offsets[0]), static_cast<T>(p.offsets[1]),
                    step_y, step_x, size * aspect * ratio / 2, size / ratio / 2, p.clip});
    }
  });
}

}  // namespace mixnet::op::multibox_prior
