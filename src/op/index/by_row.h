// Slices that go to rows of an output, several perhaps to one, on GPUs: they are brought together by row, so that every element of the
// output is made by one thread, from its slices in their order. A row that gets very many slices is made slowly.
#pragma once
#include <algorithm>

#include "op/core/gpu/lanes.h"
#include "op/core/gpu/sort.h"
#include "op/core/gpu/split.h"
#include "op/core/kernel.h"

namespace mixnet::op {

struct Groups {
  const uint64_t* row;   // ascending
  const int64_t* slice;  // of each, its number
  int64_t count;
  int64_t rows;  // a slice with a row from here on goes nowhere

  MIXNET_ON_DEVICE bool first(int64_t j) const { return j == 0 || row[j - 1] != row[j]; }
  MIXNET_ON_DEVICE bool last(int64_t j) const { return j + 1 == count || row[j + 1] != row[j]; }
  MIXNET_ON_DEVICE bool nowhere(int64_t j) const { return row[j] >= static_cast<uint64_t>(rows); }
};

// Number: operator[] gives the row of slice i, not negative.
template <class Number>
struct NumberSlices {
  Number number;
  gpu::PairSort::Pairs pairs;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    pairs.key[i] = static_cast<uint64_t>(number[i]);
    pairs.value[i] = i;
  }
};

// A kernel that sorts `count` pairs.
template <class P>
class SortingKernel : public Kernel {
 public:
  using Fn = void (*)(const P&, const RunContext&, const gpu::PairSort&);
  SortingKernel(const PrepareContext& c, int64_t count, Fn fn) : params_(c.params<P>()), sort_(count), fn_(fn) {}
  size_t workspace() const override { return sort_.workspace(); }
  void run(const RunContext& r) const override { fn_(params_, r, sort_); }

 private:
  const P params_;
  const gpu::PairSort sort_;
  Fn fn_;
};

// In the workspace of `sort`, which is for as many pairs as there are slices.
template <class Number>
Groups group_by_row(const RunContext& r, const gpu::PairSort& sort, const Number& number, int64_t rows) {
  gpu::map(*r.context.stream, sort.size(), NumberSlices<Number>{number, sort.place(r.context.workspace, 0)});
  const auto pairs = sort.run(*r.context.stream, r.context.workspace, 0, gpu::bits_for(rows));
  return {pairs.key, pairs.value, sort.size(), rows};
}

// dx (outer, rows, inner), zeros so far: every row gets the sum of its slices of dy (outer, count, inner), one after the other.
template <class T>
struct SumSlices {
  Groups groups;
  gpu::Split inner, lines;  // elements of a slice, slices of one of the outer parts
  const T* dy;
  T* dx;
  // Of the slice that comes first in its row, elements at, ..., at + V - 1 of dy's.
  template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {
    using A = accumulator_t<T>;
    constexpr int flight = 4;  // slices on their way at once
    const int64_t line = inner.number(at), c = at - line * inner.length(), o = lines.number(line);
    int64_t j = line - o * groups.count;
    if (!groups.first(j) || groups.nowhere(j)) return;
    const uint64_t row = groups.row[j];
    const T* const from = dy + o * groups.count * inner.length() + c;
    A sum[V] = {};
    for (bool more = true; more; j += flight) {
      gpu::Lanes<T, V> held[flight];
      bool mine[flight];
      MIXNET_UNROLL
      for (int k = 0; k < flight; ++k) {
        const int64_t at_most = j + k < groups.count ? j + k : groups.count - 1, slice = groups.slice[at_most];
        mine[k] = at_most == j + k && groups.row[at_most] == row;
        if (mine[k]) held[k] = gpu::load<V>(from + slice * inner.length());
      }
      MIXNET_UNROLL
      for (int k = 0; k < flight; ++k) {
        for (int v = 0; v < V && mine[k]; ++v) sum[v] += static_cast<A>(held[k].at[v]);
      }
      more = mine[flight - 1];
    }
    gpu::Lanes<T, V> made;
    for (int v = 0; v < V; ++v) made.at[v] = static_cast<T>(sum[v]);
    gpu::store(dx + (o * groups.rows + static_cast<int64_t>(row)) * inner.length() + c, made);
  }
};

template <class T>
void sum_slices(Stream& stream, const Groups& groups, int64_t inner, const TensorView& dy, const TensorView& dx) {
  constexpr int V = std::min(8, gpu::lanes_of<T>);  // sums of bytes are wide
  const int64_t n = dy.size(), whole = inner % V == 0 && gpu::even({dy.data, dx.data}) ? n / V : 0;
  const SumSlices<T> sum{groups, gpu::Split(inner, n), gpu::Split(groups.count, n), dy.as<T>(), dx.as<T>()};
  gpu::map(stream, n - whole * (V - 1), gpu::OverLanes<V, SumSlices<T>>{sum, whole});
}

// out (rows, inner): every row becomes the last of its slices of x (count, inner), as words.
template <class W>
struct LastSlice {
  Groups groups;
  gpu::Split words;
  const W* x;
  W* out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t j = words.number(i), inner = words.length(), c = i - j * inner;
    if (groups.last(j) && !groups.nowhere(j))
      out[static_cast<int64_t>(groups.row[j]) * inner + c] = x[groups.slice[j] * inner + c];
  }
};

}  // namespace mixnet::op
