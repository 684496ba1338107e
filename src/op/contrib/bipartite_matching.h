// The parameters of _contrib_bipartite_matching, and what they say of pairs.
#pragma once
#include <limits>

#include "op/contrib/boxes.h"

namespace mixnet::op::bipartite_matching {

struct Params {
  bool is_ascend = false;
  double threshold = 0;
  int64_t topk = -1;
};

template <class T>
struct Pairs {
  const T* scores;
  T limit;
  bool ascend;
  int64_t most;  // pairs that are made
  // MXNet counts after it has matched, so one more than topk are made; files rely on the results.
  Pairs(const Params& p, const T* scores_)
      : scores(scores_),
        limit(static_cast<T>(p.threshold)),
        ascend(p.is_ascend),
        most(p.topk > 0 && p.topk < std::numeric_limits<int64_t>::max() ? p.topk + 1
                                                                        : std::numeric_limits<int64_t>::max()) {}
  // NaN is on neither side of the threshold.
  MIXNET_ON_DEVICE bool good(int64_t i) const { return ascend ? scores[i] <= limit : scores[i] >= limit; }
  // The larger the better.
  MIXNET_ON_DEVICE T score(int64_t i) const { return ascend ? -scores[i] : scores[i]; }
};

}  // namespace mixnet::op::bipartite_matching
