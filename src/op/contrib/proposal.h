// The parameters of _contrib_Proposal and _contrib_MultiProposal, and how boxes come of anchors.
#pragma once
#include <cmath>

#include "op/contrib/boxes.h"

namespace mixnet::op::proposal {

struct Params {
  int64_t rpn_pre_nms_top_n = 6000, rpn_post_nms_top_n = 300, rpn_min_size = 16, feature_stride = 16;
  double threshold = 0.7;
  std::vector<double> scales{4, 8, 16, 32}, ratios{0.5, 1, 2};
  bool output_score = false, iou_loss = false;
  int64_t anchors() const { return static_cast<int64_t>(scales.size() * ratios.size()); }
  // How many of so many boxes are looked at.
  int64_t best_of(int64_t count) const { return rpn_pre_nms_top_n > 0 ? std::min(count, rpn_pre_nms_top_n) : count; }
};

// Areas are counted in pixels here: a box from 0 to 0 is one pixel.
template <class T>
MIXNET_ON_DEVICE T pixel_overlap(const Box<T>& a, const Box<T>& b) {
  const T w = std::min(a.x2, b.x2) - std::max(a.x1, b.x1) + 1, h = std::min(a.y2, b.y2) - std::max(a.y1, b.y1) + 1;
  if (!(w > 0 && h > 0)) return T(0);
  return w * h / ((a.width() + 1) * (a.height() + 1) + (b.width() + 1) * (b.height() + 1) - w * h);
}

// The anchor of a ratio and a scale at the first pixel; extents are rounded to pixels before they are scaled.
template <class T>
Box<T> base_anchor(const Params& p, int64_t a) {
  const int64_t n = static_cast<int64_t>(p.scales.size());
  const double ratio = p.ratios[static_cast<size_t>(a / n)], scale = p.scales[static_cast<size_t>(a % n)];
  const double side = static_cast<double>(p.feature_stride), centre = 0.5 * (side - 1);
  const double w = std::floor(std::sqrt(std::floor(side * side / ratio)) + 0.5), h = std::floor(w * ratio + 0.5);
  const double x = 0.5 * (w * scale - 1), y = 0.5 * (h * scale - 1);
  return {static_cast<T>(centre - x), static_cast<T>(centre - y), static_cast<T>(centre + x),
          static_cast<T>(centre + y)};
}

// Places anchor number `number` at all pixels: box and score of pixel k, of all images' pixels, are those at k anchors + number.
template <class T>
struct Placement {
  const T *scores, *deltas, *info;  // info: height, width, scale of every image
  Box<T>* boxes;
  T* score;
  int64_t height, width, anchors, number;
  T stride, least;
  bool iou_loss;
  Box<T> base;
  Placement(const Params& p, const RunContext& r, Box<T>* boxes_, T* score_)
      : scores(r.in[0].as<T>()),
        deltas(r.in[1].as<T>()),
        info(r.in[2].as<T>()),
        boxes(boxes_),
        score(score_),
        height(r.in[0].shape[2]),
        width(r.in[0].shape[3]),
        anchors(p.anchors()),
        number(0),
        stride(static_cast<T>(p.feature_stride)),
        least(static_cast<T>(p.rpn_min_size)),
        iou_loss(p.iou_loss),
        base() {}
  Placement of_anchor(const Params& p, int64_t a) const {
    Placement other = *this;
    other.number = a;
    other.base = base_anchor<T>(p, a);
    return other;
  }

  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    const int64_t area = height * width, image = k / area, at = k % area;
    const T *of_image = info + image * 3, row = static_cast<T>(at / width), column = static_cast<T>(at % width);
    const T x = column * stride, y = row * stride, smallest = least * of_image[2];
    const Box<T> b = moved({base.x1 + x, base.y1 + y, base.x2 + x, base.y2 + y},
                           deltas + (image * anchors + number) * 4 * area + at, area);
    Box<T> box = {inside(b.x1, of_image[1]), inside(b.y1, of_image[0]), inside(b.x2, of_image[1]),
                  inside(b.y2, of_image[0])};
    T s = scores[((2 * image + 1) * anchors + number) * area + at];
    if (row >= std::trunc(of_image[0] / stride) || column >= std::trunc(of_image[1] / stride)) s = T(-1);
    if (!(box.width() + 1 >= smallest && box.height() + 1 >= smallest)) {
      box = {box.x1 - smallest / 2, box.y1 - smallest / 2, box.x2 + smallest / 2, box.y2 + smallest / 2};
      s = T(-1);
    }
    boxes[k * anchors + number] = box;
    score[k * anchors + number] = s;
  }

 private:
  MIXNET_ON_DEVICE static T inside(T v, T extent) { return std::max(T(0), std::min(v, extent - 1)); }
  MIXNET_ON_DEVICE Box<T> moved(const Box<T>& a, const T* delta, int64_t step) const {
    const T dx = delta[0], dy = delta[step], dw = delta[2 * step], dh = delta[3 * step];
    if (iou_loss) return {a.x1 + dx, a.y1 + dy, a.x2 + dw, a.y2 + dh};
    const T w = a.width() + 1, h = a.height() + 1;
    const T x = dx * w + a.x1 + T(0.5) * (w - 1), y = dy * h + a.y1 + T(0.5) * (h - 1);
    const T half_w = T(0.5) * (std::exp(dw) * w - 1), half_h = T(0.5) * (std::exp(dh) * h - 1);
    return {x - half_w, y - half_h, x + half_w, y + half_h};
  }
};

// A row of the output: image, x1, y1, x2, y2.
template <class T>
MIXNET_ON_DEVICE void write_region(int64_t image, const Box<T>& b, T* row) {
  row[0] = static_cast<T>(image);
  row[1] = b.x1;
  row[2] = b.y1;
  row[3] = b.x2;
  row[4] = b.y2;
}

}  // namespace mixnet::op::proposal
