// Boxes on a plane, as the detection operators write them: four numbers, corners (x1, y1, x2, y2) or centre and size (x, y, w, h).
//
// A box with a corner the wrong way round, or with a NaN, covers nothing.
#pragma once
#include <algorithm>

#include "op/core/on_host.h"
#include "op/core/wide.h"

namespace mixnet::op {

enum class BoxFormat { corner, center };
inline Choices box_formats() { return {"corner", "center"}; }

template <class T>
struct Box {
  T x1, y1, x2, y2;
  MIXNET_ON_DEVICE T width() const { return x2 - x1; }
  MIXNET_ON_DEVICE T height() const { return y2 - y1; }
  MIXNET_ON_DEVICE T area() const { return width() > 0 && height() > 0 ? width() * height() : T(0); }
};

template <class T>
MIXNET_ON_DEVICE Box<T> load_box(const T* v, BoxFormat format) {
  if (format == BoxFormat::corner) return {v[0], v[1], v[2], v[3]};
  return {v[0] - v[2] / 2, v[1] - v[3] / 2, v[0] + v[2] / 2, v[1] + v[3] / 2};
}
template <class T>
MIXNET_ON_DEVICE void store_box(const Box<T>& box, BoxFormat format, T* v) {
  const bool corner = format == BoxFormat::corner;
  v[0] = corner ? box.x1 : (box.x1 + box.x2) / 2;
  v[1] = corner ? box.y1 : (box.y1 + box.y2) / 2;
  v[2] = corner ? box.x2 : box.width();
  v[3] = corner ? box.y2 : box.height();
}

// Area of the intersection over that of the union; 0 where the boxes do not meet.
template <class T>
MIXNET_ON_DEVICE T box_overlap(const Box<T>& a, const Box<T>& b) {
  const T w = std::min(a.x2, b.x2) - std::max(a.x1, b.x1), h = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  if (!(w > 0 && h > 0)) return T(0);
  const T common = w * h, all = a.area() + b.area() - common;
  return all > 0 ? common / all : T(0);
}

// Whether x comes before y: the larger score first, NaN last, and the first of equals first.
template <class T>
MIXNET_ON_DEVICE bool scores_before(T x, int64_t i, T y, int64_t j) {
  if (x != x || y != y) return x == x || (y != y && i < j);
  return x > y || (x == y && i < j);
}

}  // namespace mixnet::op
