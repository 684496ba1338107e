// Convolution of 8-bit numbers, shared by its operators and their device siblings.
#pragma once
#include "op/core/int8_finish.h"
#include "op/core/int8_product.h"
#include "op/nn/convolution.h"

namespace mixnet::op::quantized_conv {

struct JoinedParams : ConvParams, Int8Finish {};

// Strips of positions of one image and group: a matrix of patches times the filters.
class Int8Convolution {
 public:
  Int8Convolution(const ConvParams& p, const Shape& data, const Shape& out)
      : w_(aligned(p.window())),
        m_(conv_image(p.window(), data, out, data[1] / p.num_group)),
        images_(data[0] * p.num_group),
        groups_(p.num_group),
        filters_(p.num_filter / p.num_group),
        depth_(m_.channels * w_.volume()),
        positions_(m_.out_size()) {
    check_int8_depth(depth_);
    width_ = std::clamp<int64_t>(32768 / std::max<int64_t>(1, depth_), 16, 256);
    width_ = std::max<int64_t>(1, std::min(width_, positions_));
    strips_ = (positions_ + width_ - 1) / width_;
    slots_ = std::max<int64_t>(1, std::min<int64_t>(parallel_threads(), images_ * strips_));
  }
  size_t workspace() const { return weights() + static_cast<size_t>(slots_) * slot(); }

  // store(channel, place of the first, number, distance, sums) for all results.
  template <class Q, class Store>
  void run(const Q* data, const int8_t* weight, void* workspace, Store store) const {
    int16_t* wide = static_cast<int16_t*>(workspace);
    widen_to_int16(weight, groups_ * filters_ * depth_, wide);
    parallel_for(slots_, 1, [&](int64_t first, int64_t last) {
      for (int64_t s = first; s < last; ++s) {
        char* space = static_cast<char*>(workspace) + weights() + static_cast<size_t>(s) * slot();
        const int64_t tasks = images_ * strips_;
        for (int64_t task = s * tasks / slots_; task < (s + 1) * tasks / slots_; ++task)
          strip(data, wide, task / strips_, task % strips_ * width_, space, store);
      }
    });
  }

 private:
  static size_t lines(int64_t bytes) { return static_cast<size_t>((bytes + 63) / 64 * 64); }
  size_t weights() const { return lines(groups_ * filters_ * depth_ * 2); }
  size_t slot() const { return lines(depth_ * width_) + lines(depth_ * width_ * 2) + lines(filters_ * width_ * 4); }

  template <class Q, class Store>
  void strip(const Q* data, const int16_t* weight, int64_t image, int64_t first, char* space, Store& store) const {
    const int64_t width = std::min(width_, positions_ - first), group = image % groups_;
    Q* columns = reinterpret_cast<Q*>(space);
    int16_t* patches = reinterpret_cast<int16_t*>(space + lines(depth_ * width_));
    int32_t* sums = reinterpret_cast<int32_t*>(space + lines(depth_ * width_) + lines(depth_ * width_ * 2));
    image_to_columns(m_, w_, {0, m_.channels, first, first + width}, data + image * m_.channels * m_.in_size(),
                     columns);
    constexpr int64_t tile = 16;
    for (int64_t k = 0; k < depth_; k += tile) {
      for (int64_t j = 0; j < width; ++j) {
        for (int64_t i = k; i < std::min(depth_, k + tile); ++i) patches[j * depth_ + i] = columns[i * width + j];
      }
    }
    int8_product(filters_, width, depth_, weight + group * filters_ * depth_, patches, sums, width);
    for (int64_t f = 0; f < filters_; ++f)
      store(group * filters_ + f, (image * filters_ + f) * positions_ + first, width, int64_t{1}, sums + f * width);
  }

  Window w_;
  Image m_;
  int64_t images_, groups_, filters_, depth_, positions_, width_ = 1, strips_ = 1, slots_ = 1;
};

}  // namespace mixnet::op::quantized_conv
