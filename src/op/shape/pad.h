// Parameters of Pad, and what stands where in a border, shared with the device sibling.
#pragma once
#include "base/on_device.h"
#include "base/shape.h"

namespace mixnet::op::pad {

enum class Mode { constant, edge, reflect };
struct Params {
  Mode mode = Mode::constant;
  Shape pad_width;
  double constant_value = 0;
};

constexpr int64_t outside = -1;

// One spatial axis of `n` elements with its border.
struct Axis {
  Mode mode;
  int64_t n, before, after;

  MIXNET_ON_DEVICE int64_t padded() const { return before + n + after; }
  // Of a coordinate of the padded axis: the one that it is a copy of.
  MIXNET_ON_DEVICE int64_t source(int64_t padded) const {
    const int64_t i = padded - before;
    if (i >= 0 && i < n) return i;
    if (mode == Mode::constant) return outside;
    if (mode == Mode::edge) return i < 0 ? 0 : n - 1;
    return i < 0 ? -i : 2 * (n - 1) - i;
  }

  // The copies of a coordinate: [begin, end) for the border before, the axis itself and the border after, in ascending order.
  struct Copies {
    int64_t begin[3], end[3];
  };
  MIXNET_ON_DEVICE Copies copies(int64_t i) const {
    Copies c{{0, before + i, 0}, {0, before + i + 1, 0}};
    if (mode == Mode::edge) {
      if (i == 0) c.end[0] = before;
      if (i == n - 1) {
        c.begin[2] = before + n;
        c.end[2] = padded();
      }
    } else if (mode == Mode::reflect) {
      const int64_t mirrored = 2 * (n - 1) - i;
      if (i > 0 && i <= before) {
        c.begin[0] = before - i;
        c.end[0] = before - i + 1;
      }
      if (i < n - 1 && mirrored < n + after) {
        c.begin[2] = before + mirrored;
        c.end[2] = before + mirrored + 1;
      }
    }
    return c;
  }
};

// data as (planes, depth, height, width); an image without depth has depth 1.
struct Volume {
  int64_t planes;
  Axis axis[3];

  Volume(const Params& p, const Shape& s) : planes(s.size(0, 2)) {
    for (int k = 0; k < 3; ++k) {
      const int a = s.ndim() - 3 + k;
      axis[k] = a >= 2 ? Axis{p.mode, s[a], p.pad_width[2 * a], p.pad_width[2 * a + 1]} : Axis{p.mode, 1, 0, 0};
    }
  }
};

}  // namespace mixnet::op::pad
