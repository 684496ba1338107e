// Parameters of _histogram and the bins that they mean, shared with the device sibling.
#pragma once
#include <optional>
#include <vector>

#include "base/dtype.h"
#include "base/on_device.h"

namespace mixnet::op::histogram {

struct Params {
  std::optional<int64_t> bin_cnt;
  std::optional<std::vector<double>> range;
};

// `count` bins of one width.
struct Uniform {
  double low, high;
  int64_t count;
  explicit Uniform(const Params& p) : low((*p.range)[0]), high((*p.range)[1]), count(*p.bin_cnt) {}

  template <class T> MIXNET_ON_DEVICE T edge(int64_t i) const {
    const double at = low + (high - low) * static_cast<double>(i) / static_cast<double>(count);
    return static_cast<T>(static_cast<accumulator_t<T>>(at));
  }
  // The bin of a value, or -1. A bin holds its lower edge, the last one also its upper edge. The edges decide: as integers they lie
  // elsewhere than the widths say.
  template <class T> MIXNET_ON_DEVICE int64_t bin(const T* edges, T value) const {
    using A = accumulator_t<T>;
    const A v = static_cast<A>(value);
    const double x = static_cast<double>(v);
    if (!(x >= low && x <= high)) return -1;
    int64_t bin = static_cast<int64_t>((x - low) * static_cast<double>(count) / (high - low));
    if (bin > count - 1) bin = count - 1;
    while (bin > 0 && v < static_cast<A>(edges[bin])) --bin;
    while (bin < count - 1 && v >= static_cast<A>(edges[bin + 1])) ++bin;
    return bin;
  }
};

// The same for n bins with edges in ascending order.
template <class T>
MIXNET_ON_DEVICE int64_t given_bin(const T* edges, int64_t n, T value) {
  using A = accumulator_t<T>;
  const A v = static_cast<A>(value);
  if (n < 1 || !(v >= static_cast<A>(edges[0]) && v <= static_cast<A>(edges[n]))) return -1;
  int64_t low = 0, high = n + 1;  // of the first edge above the value
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (v < static_cast<A>(edges[middle])) high = middle;
    else low = middle + 1;
  }
  return low < 1 ? 0 : low > n ? n - 1 : low - 1;
}

}  // namespace mixnet::op::histogram
