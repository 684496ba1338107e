// The boxes of an image, as shares of its extents, and what happens to them.
#pragma once
#include <vector>

#include "io/det_augmenter.h"

namespace mixnet {

// Left, top, right, bottom; the whole image is 0, 0, 1, 1.
struct DetBox {
  double left = 0, top = 0, right = 1, bottom = 1;
  double area() const { return right > left && bottom > top ? (right - left) * (bottom - top) : 0; }
};

double common_area(const DetBox& a, const DetBox& b);

// Labels taken apart, and put together again.
class DetObjects {
 public:
  // Throws Code::io for labels of another form.
  explicit DetObjects(const std::vector<float>& labels);
  std::vector<float> labels() const;

  const std::vector<DetBox>& boxes() const { return boxes_; }
  void mirror();
  // As seen from a part of the image, or a canvas around it. With `emit`, objects that are outside are dropped and the others cut at the edge.
  void look_from(const DetBox& part, const DetAugmentParams* emit = nullptr);

 private:
  std::vector<float> header_;
  int64_t width_;
  std::vector<std::vector<float>> objects_;
  std::vector<DetBox> boxes_;
};

// Whether an object is still one of those in the part.
bool stays(const DetBox& object, const DetBox& part, const DetAugmentParams& params);

}  // namespace mixnet
