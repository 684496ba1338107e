// The parameters of _contrib_box_nms, and what it sees of a row.
#pragma once
#include <cmath>

#include "op/contrib/boxes.h"

namespace mixnet::op::box_nms {

struct Params {
  double overlap_thresh = 0.5, valid_thresh = 0;
  int64_t topk = -1, coord_start = 2, score_index = 1, id_index = -1, background_id = -1;
  bool force_suppress = false;
  BoxFormat in_format = BoxFormat::corner, out_format = BoxFormat::corner;
};

// Rows of one batch or of all, `count` in each.
template <class T>
struct Rows {
  Params p;
  const T* data;
  int64_t count, width;
  MIXNET_ON_DEVICE const T* row(int64_t i) const { return data + i * width; }
  MIXNET_ON_DEVICE T score(int64_t i) const { return row(i)[p.score_index]; }
  // Classes are whole numbers; what is behind the point does not count.
  MIXNET_ON_DEVICE T id(int64_t i) const { return std::trunc(row(i)[p.id_index]); }
  MIXNET_ON_DEVICE Box<T> box(int64_t i) const { return load_box(row(i) + p.coord_start, p.in_format); }
  MIXNET_ON_DEVICE bool valid(int64_t i) const {
    if (!(score(i) > static_cast<T>(p.valid_thresh))) return false;
    return p.id_index < 0 || p.background_id < 0 || row(i)[p.id_index] != static_cast<T>(p.background_id);
  }
  MIXNET_ON_DEVICE bool compete(int64_t i, int64_t j) const {
    return p.force_suppress || p.id_index < 0 || id(i) == id(j);
  }
  // Whether row i, which stays, takes row j away.
  MIXNET_ON_DEVICE bool covers(int64_t i, int64_t j) const {
    return compete(j, i) && box_overlap(box(i), box(j)) > static_cast<T>(p.overlap_thresh);
  }
  // Row i as it leaves.
  MIXNET_ON_DEVICE void copy(int64_t i, T* to) const {
    for (int64_t c = 0; c < width; ++c) to[c] = row(i)[c];
    if (p.topk != 0 && p.in_format != p.out_format) store_box(box(i), p.out_format, to + p.coord_start);
  }
};

}  // namespace mixnet::op::box_nms
