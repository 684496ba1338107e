#include "io/det_boxes.h"

#include <algorithm>
#include <cmath>

namespace mixnet {

double common_area(const DetBox& a, const DetBox& b) {
  return DetBox{std::max(a.left, b.left), std::max(a.top, b.top), std::min(a.right, b.right),
                std::min(a.bottom, b.bottom)}
      .area();
}

DetObjects::DetObjects(const std::vector<float>& labels) {
  const auto count = static_cast<int64_t>(labels.size());
  const auto whole = [&](size_t i, float least) {
    MIXNET_CHECK(count >= 2 && labels[i] >= least && labels[i] <= 1e6f && labels[i] == std::floor(labels[i]), io,
                 "labels: expected the widths of a header (2 or more) and an object (5 or more) first, got ",
                 count < 2 ? concat(count, " labels") : concat(labels[0], " and ", labels[1]));
    return static_cast<int64_t>(labels[i]);
  };
  const int64_t header = whole(0, 2);
  width_ = whole(1, 5);
  MIXNET_CHECK(count >= header && (count - header) % width_ == 0, io, "labels: expected a header of ", header,
               " and objects of ", width_, ", got ", count, " labels");
  header_.assign(labels.begin(), labels.begin() + header);
  for (int64_t i = header; i < count; i += width_) {
    objects_.emplace_back(labels.begin() + i, labels.begin() + i + width_);
    const std::vector<float>& o = objects_.back();
    for (size_t k = 1; k < 5; ++k) MIXNET_CHECK(std::isfinite(o[k]), io, "labels: expected numbers, got ", o[k]);
    boxes_.push_back({o[1], o[2], o[3], o[4]});
  }
}

std::vector<float> DetObjects::labels() const {
  std::vector<float> all = header_;
  for (size_t i = 0; i < objects_.size(); ++i) {
    std::vector<float> object = objects_[i];
    const DetBox& b = boxes_[i];
    object[1] = static_cast<float>(b.left);
    object[2] = static_cast<float>(b.top);
    object[3] = static_cast<float>(b.right);
    object[4] = static_cast<float>(b.bottom);
    all.insert(all.end(), object.begin(), object.end());
  }
  return all;
}

void DetObjects::mirror() {
  for (DetBox& b : boxes_) b = {1 - b.right, b.top, 1 - b.left, b.bottom};
}

void DetObjects::look_from(const DetBox& part, const DetAugmentParams* emit) {
  size_t kept = 0;
  for (size_t i = 0; i < boxes_.size(); ++i) {
    if (emit && !stays(boxes_[i], part, *emit)) continue;
    const double width = part.right - part.left, height = part.bottom - part.top;
    DetBox b{(boxes_[i].left - part.left) / width, (boxes_[i].top - part.top) / height,
             (boxes_[i].right - part.left) / width, (boxes_[i].bottom - part.top) / height};
    if (emit) {
      for (double* edge : {&b.left, &b.top, &b.right, &b.bottom}) *edge = std::clamp(*edge, 0.0, 1.0);
    }
    objects_[kept] = objects_[i];
    boxes_[kept++] = b;
  }
  objects_.resize(kept);
  boxes_.resize(kept);
}

bool stays(const DetBox& object, const DetBox& part, const DetAugmentParams& p) {
  if (p.crop_emit_mode == CropEmit::overlap) {
    return object.area() > 0 && common_area(object, part) / object.area() > p.emit_overlap_thresh;
  }
  const double x = (object.left + object.right) / 2, y = (object.top + object.bottom) / 2;
  return x >= part.left && x <= part.right && y >= part.top && y <= part.bottom;
}

}  // namespace mixnet
