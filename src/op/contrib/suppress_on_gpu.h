// Greedy non-maximum suppression by a group of threads.
//
// Cost: a pass of the group over the candidates for each of those that stay.
#pragma once
#include <cstdint>

#include "base/on_device.h"

namespace mixnet::op {

// Of n candidates, the best first, the first that is left stays and takes away those behind it that it covers, until `most` stay; returns
// how many do. Every member of the group calls covers(i, j) for some j > i, and stays(k, i) for candidate i, the k-th that stays. What
// was taken away by those that stay is marked in `gone`, of n flags; all members see it, and what stays() wrote.
template <class G, class Covers, class Stays>
MIXNET_ON_DEVICE int64_t suppress(const G& group, int64_t n, int64_t most, uint8_t* gone, Covers covers, Stays stays) {
  for (int64_t j = group.rank(); j < n; j += group.size()) gone[j] = 0;
  group.wait();
  int64_t kept = 0;
  for (int64_t i = 0; i < n && kept < most; ++i) {
    if (gone[i]) continue;  // nobody writes it any more: marks are behind the candidate that stays
    stays(kept++, i);
    for (int64_t j = i + 1 + group.rank(); j < n; j += group.size()) {
      if (!gone[j] && covers(i, j)) gone[j] = 1;
    }
    group.wait();
  }
  return kept;
}

}  // namespace mixnet::op
