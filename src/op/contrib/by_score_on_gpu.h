// Lines of scores put in order on GPUs, as scores_before (op/contrib/boxes.h) has it: the best first, NaN last, the first of equals first.
#pragma once
#include "op/core/gpu/launch.h"
#include "op/core/gpu/sort.h"
#include "op/core/kernel.h"
#include "op/core/sort_key.h"

namespace mixnet::op {

// Rises as scores fall.
template <class T>
MIXNET_ON_DEVICE uint64_t falling_key(T score) {
  return score != score ? uint64_t{0xfff8} << 48 : ~sort_key(score);
}
// Of what has no score: behind all that have.
constexpr uint64_t no_key = ~uint64_t{0};

template <class Key>
struct LoadKey {
  Key key;
  gpu::PairSort::Pairs pairs;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    pairs.key[i] = key(i);
    pairs.value[i] = i;
  }
};
struct LoadLineNumber {
  int64_t n;
  gpu::PairSort::Pairs pairs;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { pairs.key[i] = static_cast<uint64_t>(pairs.value[i] / n); }
};

// Of `lines` lines with n scores each.
class ByScore {
 public:
  ByScore(int64_t lines, int64_t n) : lines_(lines), n_(n), sort_(lines * n) {}
  // A multiple of 8.
  size_t workspace() const { return sort_.workspace(); }

  // key(i) for i in [0, lines n): a score's falling_key, of a T, or no_key. Those numbers, which are in the workspace: in [l n, (l + 1) n)
  // are line l's.
  template <class T, class Key>
  const int64_t* run(const RunContext& r, void* workspace, const Key& key) const {
    Stream& stream = *r.context.stream;
    constexpr int unused = sizeof(T) == 4 ? 52 - 23 : 0;  // bits of a double's significand that a float leaves alone
    const gpu::PairSort::Pairs first = sort_.place(workspace, 0);
    gpu::map(stream, sort_.size(), LoadKey<Key>{key, first});
    const gpu::PairSort::Pairs sorted = sort_.run(stream, workspace, unused, 64);
    if (lines_ <= 1) return sorted.value;
    gpu::map(stream, sort_.size(), LoadLineNumber{n_, sorted});
    const int place = sorted.key == first.key ? 0 : 1;
    return sort_.run(stream, workspace, place, 0, gpu::bits_for(lines_ - 1)).value;
  }

 private:
  const int64_t lines_, n_;
  const gpu::PairSort sort_;
};

}  // namespace mixnet::op
