// Parameters of UpSampling and the window of its bilinear form, shared with its device siblings.
#pragma once
#include "op/core/builder.h"

namespace mixnet::op::upsampling {

enum class Kind { bilinear, nearest };
enum class Join { concat, sum };
struct Params {
  int64_t scale = 1, num_filter = 0, num_args = 1, workspace = 512;
  Kind kind = Kind::nearest;
  Join join = Join::concat;
};

// The window of bilinear: its extent and how far it reaches before a pixel's own square.
inline int64_t window_size(const Params& p) { return 2 * p.scale - p.scale % 2; }
inline int64_t window_pad(const Params& p) { return p.scale / 2; }

}  // namespace mixnet::op::upsampling
