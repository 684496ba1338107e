// Rows that a group of threads, or one thread, goes through 16 bytes at a time.
#pragma once
#include <type_traits>

#include "op/core/gpu/lanes.h"

namespace mixnet::gpu {

// f(lanes, k) for the elements k, ..., k + lanes - 1 of a row of n, shared out among the members of a group: V at once, or one by one, as `pieces` says. Either
// way a member gets the same elements in the same order.
template <int V, class G, class F>
MIXNET_ON_DEVICE void over_row(const G& group, int64_t n, bool pieces, F f) {
  const int64_t step = static_cast<int64_t>(group.size()) * V;
  for (int64_t k = static_cast<int64_t>(group.rank()) * V; k < n; k += step) {
    if (pieces) {
      f(std::integral_constant<int, V>(), k);
      continue;
    }
    const int64_t end = k + V < n ? k + V : n;
    for (int64_t i = k; i < end; ++i) f(std::integral_constant<int, 1>(), i);
  }
}

// A thread that has a row to itself.
struct Alone {
  MIXNET_ON_DEVICE int rank() const { return 0; }
  MIXNET_ON_DEVICE int size() const { return 1; }
  template <class T, class Merge> MIXNET_ON_DEVICE T reduce(T mine, Merge) const { return mine; }
};
template <class F>
struct RowAlone {
  F f;
  MIXNET_ON_DEVICE void operator()(int64_t row) const { f(row, Alone()); }
};

// f(row, group) for `rows` rows of n elements of type T, which are `inner` apart: by a thread each where neighbouring threads read neighbouring rows then, and are
// many or soon done.
template <class T, class F>
void map_rows(Stream& stream, int64_t rows, int64_t n, int64_t inner, const F& f) {
  constexpr int64_t V = lanes_of<T>, side_by_side = 32, many = 1 << 13, few = 64;
  if (inner >= side_by_side && (rows >= many || n <= few)) map(stream, rows, RowAlone<F>{f});
  else for_each_row(stream, rows, (n + V - 1) / V, f);
}
// Whether rows can be read in whole pieces.
template <class T>
bool whole_pieces(int64_t n, int64_t inner, std::initializer_list<const void*> addresses) {
  return inner == 1 && n % lanes_of<T> == 0 && even(addresses);
}

}  // namespace mixnet::gpu
