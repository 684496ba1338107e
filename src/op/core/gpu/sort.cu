#include "op/core/gpu/sort.h"

#include <limits>

#include "op/core/gpu/launch.h"
#if defined(__CUDACC__)
#include <cub/device/device_radix_sort.cuh>
#else
#include <algorithm>
#include <vector>
#endif

namespace mixnet::gpu {

PairSort::Pairs PairSort::place(void* workspace, int i) const {
  char* const at = static_cast<char*>(workspace) + static_cast<size_t>(2 * i) * place_;
  return {reinterpret_cast<uint64_t*>(at), reinterpret_cast<int64_t*>(at + place_)};
}

#if defined(__CUDACC__)

namespace {

void check(cudaError_t code) { MIXNET_CHECK(code == cudaSuccess, device, "[gpu] sort: ", cudaGetErrorString(code)); }

}  // namespace

PairSort::PairSort(int64_t n) : n_(n), place_(static_cast<size_t>(n + 7) / 8 * 64) {
  MIXNET_CHECK(n <= std::numeric_limits<int>::max(), unsupported, "[gpu] sort: expected less than 2^31 elements, got ",
               n);
  cub::DoubleBuffer<uint64_t> keys;
  cub::DoubleBuffer<int64_t> values;
  check(cub::DeviceRadixSort::SortPairs(nullptr, scratch_, keys, values, static_cast<int>(n)));
  scratch_ = (scratch_ + 7) / 8 * 8;
}

PairSort::Pairs PairSort::run(Stream& stream, void* workspace, int i, int low, int high) const {
  const Pairs from = place(workspace, i), to = place(workspace, 1 - i);
  if (n_ == 0 || low >= high) return from;
  cub::DoubleBuffer<uint64_t> keys(from.key, to.key);
  cub::DoubleBuffer<int64_t> values(from.value, to.value);
  size_t scratch = scratch_;
  check(cub::DeviceRadixSort::SortPairs(static_cast<char*>(workspace) + 4 * place_, scratch, keys, values,
                                        static_cast<int>(n_), low, high, native(stream)));
  return {keys.Current(), values.Current()};
}

#else

PairSort::PairSort(int64_t n) : n_(n), place_(static_cast<size_t>(n + 7) / 8 * 64) {}

PairSort::Pairs PairSort::run(Stream& stream, void* workspace, int i, int low, int high) const {
  const Pairs from = place(workspace, i), to = place(workspace, 1 - i);
  if (n_ == 0 || low >= high) return from;
  const uint64_t below = high == 64 ? ~uint64_t{0} : (uint64_t{1} << high) - 1;
  static_cast<EmulatedStream&>(stream).push([n = n_, from, to, low, below] {
    std::vector<int64_t> order(static_cast<size_t>(n));
    for (int64_t k = 0; k < n; ++k) order[static_cast<size_t>(k)] = k;
    const auto bits = [&](int64_t k) { return (from.key[k] & below) >> low; };
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return bits(a) < bits(b); });
    for (int64_t k = 0; k < n; ++k) {
      to.key[k] = from.key[order[static_cast<size_t>(k)]];
      to.value[k] = from.value[order[static_cast<size_t>(k)]];
    }
  });
  return to;
}

#endif

}  // namespace mixnet::gpu
