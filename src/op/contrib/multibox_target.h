// The parameters of _contrib_MultiBoxTarget, and what is asked about the anchors and boxes of an image.
#pragma once
#include <cmath>

#include "op/contrib/boxes.h"

namespace mixnet::op::multibox_target {

struct Params {
  double overlap_threshold = 0.5, ignore_label = -1, negative_mining_ratio = -1, negative_mining_thresh = 0.5;
  int64_t minimum_negative_samples = 0;
  std::vector<double> variances{0.1, 0.1, 0.2, 0.2};
  bool mines() const { return negative_mining_ratio > 0; }
};

// What an anchor has instead of a box.
constexpr int64_t none = -1, background = -2;

// Reads (count, 4), (rows, width), (classes, count).
template <class T>
struct Image {
  const T *anchors, *labels, *scores;
  int64_t count, rows, width, classes;
  T variances[4], unmatched;  // unmatched: the class of an anchor without a box
  // The first one.
  Image(const Params& p, const RunContext& r)
      : anchors(r.in[0].as<T>()),
        labels(r.in[1].as<T>()),
        scores(r.in[2].as<T>()),
        count(r.in[0].shape[1]),
        rows(r.in[1].shape[1]),
        width(r.in[1].shape[2]),
        classes(r.in[2].shape[1]),
        unmatched(p.mines() ? static_cast<T>(p.ignore_label) : T(0)) {
    for (int i = 0; i < 4; ++i) variances[i] = static_cast<T>(p.variances[static_cast<size_t>(i)]);
  }
  MIXNET_ON_DEVICE Image image(int64_t b) const {
    Image other = *this;
    other.labels += b * rows * width;
    other.scores += b * classes * count;
    return other;
  }

  MIXNET_ON_DEVICE Box<T> anchor(int64_t i) const { return load_box(anchors + i * 4, BoxFormat::corner); }
  MIXNET_ON_DEVICE const T* label(int64_t j) const { return labels + j * width; }
  MIXNET_ON_DEVICE Box<T> box(int64_t j) const { return load_box(label(j) + 1, BoxFormat::corner); }
  // How many there are: a class of -1 ends the list.
  MIXNET_ON_DEVICE int64_t boxes() const {
    int64_t n = 0;
    while (n < rows && label(n)[0] != T(-1)) ++n;
    return n;
  }
  // Probability of the background.
  MIXNET_ON_DEVICE T of_background(int64_t i) const {
    T top = scores[i], sum = 0;
    for (int64_t c = 1; c < classes; ++c) top = std::max(top, scores[c * count + i]);
    for (int64_t c = 0; c < classes; ++c) sum += std::exp(scores[c * count + i] - top);
    return std::exp(scores[i] - top) / sum;
  }
  MIXNET_ON_DEVICE void encode(int64_t i, int64_t j, T* target) const {
    T from[4], to[4];
    store_box(anchor(i), BoxFormat::center, from);
    store_box(box(j), BoxFormat::center, to);
    for (int k = 0; k < 4; ++k) {
      const T raw = k < 2 ? (to[k] - from[k]) / from[k + 2] : std::log(std::max(to[k] / from[k], T(1e-8)));
      target[k] = raw / variances[k];
    }
  }
  // What anchor i is to learn in an image with boxes: `match` is one of them, or none, or background.
  MIXNET_ON_DEVICE void write(int64_t i, int64_t match, T* target, T* mask, T* of_class) const {
    for (int k = 0; k < 4; ++k) {
      target[k] = T(0);
      mask[k] = match >= 0 ? T(1) : T(0);
    }
    *of_class = match >= 0 ? label(match)[0] + 1 : match == background ? T(0) : unmatched;
    if (match >= 0) encode(i, match, target);
  }
};

// The box that an anchor overlaps most, the first of equals; `overlap` has one number per box.
template <class T>
MIXNET_ON_DEVICE int64_t most_overlapped(const T* overlap, int64_t boxes) {
  int64_t best = 0;
  for (int64_t j = 1; j < boxes; ++j) {
    if (overlap[best] < overlap[j]) best = j;
  }
  return best;
}

// How many anchors are taken for background: a multiple of those with a box, as far as there are candidates.
MIXNET_ON_DEVICE inline int64_t mined(double ratio, int64_t positive, int64_t candidates) {
  return static_cast<int64_t>(std::min(static_cast<double>(positive) * ratio, static_cast<double>(candidates)));
}

}  // namespace mixnet::op::multibox_target
