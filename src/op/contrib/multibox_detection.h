// The parameters of _contrib_MultiBoxDetection, and what an anchor shows.
#pragma once
#include <cmath>

#include "op/contrib/boxes.h"

namespace mixnet::op::multibox_detection {

struct Params {
  bool clip = true, force_suppress = false;
  double threshold = 0.01, nms_threshold = 0.5;
  int64_t background_id = 0, nms_topk = -1;
  std::vector<double> variances{0.1, 0.1, 0.2, 0.2};
  bool suppresses() const { return nms_threshold > 0 && nms_threshold <= 1; }
};

// Of one image; reads (classes, count), (count, 4), (count, 4).
template <class T>
struct Finder {
  const T *scores, *offsets, *anchors;
  int64_t classes, count;
  T variances[4], threshold;
  bool clip;
  // Of the first image.
  Finder(const Params& p, const RunContext& r)
      : scores(r.in[0].as<T>()),
        offsets(r.in[1].as<T>()),
        anchors(r.in[2].as<T>()),
        classes(r.in[0].shape[1]),
        count(r.in[0].shape[2]),
        threshold(static_cast<T>(p.threshold)),
        clip(p.clip) {
    for (int i = 0; i < 4; ++i) variances[i] = static_cast<T>(p.variances[static_cast<size_t>(i)]);
  }
  MIXNET_ON_DEVICE Finder image(int64_t b) const {
    Finder other = *this;
    other.scores += b * classes * count;
    other.offsets += b * count * 4;
    return other;
  }

  MIXNET_ON_DEVICE Box<T> decode(const T* anchor, const T* offset) const {
    T a[4], box[4];
    store_box(load_box(anchor, BoxFormat::corner), BoxFormat::center, a);
    for (int i = 0; i < 4; ++i) {
      const T scaled = offset[i] * variances[i];
      box[i] = i < 2 ? scaled * a[i + 2] + a[i] : std::exp(scaled) * a[i];
    }
    return load_box(box, BoxFormat::center);
  }
  // The row (class, score, corners) of anchor i; false, and no row, where that shows background.
  MIXNET_ON_DEVICE bool find(int64_t i, T* row) const {
    T top = T(-1);
    int64_t id = 0;
    for (int64_t c = 1; c < classes; ++c) {
      if (!(scores[c * count + i] > top)) continue;
      top = scores[c * count + i];
      id = c;
    }
    if (id == 0 || top < threshold) return false;
    row[0] = static_cast<T>(id - 1);
    row[1] = top;
    store_box(decode(anchors + i * 4, offsets + i * 4), BoxFormat::corner, row + 2);
    for (int k = 2; clip && k < 6; ++k) row[k] = std::max(T(0), std::min(T(1), row[k]));
    return true;
  }
};

// What takes others away among rows that were found.
template <class T>
struct Suppression {
  T limit;
  bool force;
  explicit Suppression(const Params& p) : limit(static_cast<T>(p.nms_threshold)), force(p.force_suppress) {}
  MIXNET_ON_DEVICE bool covers(const T* best, const T* other) const {
    if (!force && other[0] != best[0]) return false;
    return box_overlap(load_box(best + 2, BoxFormat::corner), load_box(other + 2, BoxFormat::corner)) >= limit;
  }
};

}  // namespace mixnet::op::multibox_detection
