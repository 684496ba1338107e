// Slices that go to rows of an output, several perhaps to one, on GPUs: they are brought together by row, so that every element of the
// output is made by one thread, from its slices in their order. A row that gets very many slices is made slowly.
#pragma once
#include "op/core/gpu/launch.h"
#include "op/core/gpu/sort.h"
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

// dx (outer, rows, inner), zeros so far: every row gets the sum of its slices of dy (outer, count, inner).
template <class T>
struct SumSlices {
  Groups groups;
  int64_t inner;
  const T* dy;
  T* dx;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = accumulator_t<T>;
    const int64_t c = i % inner, line = i / inner, o = line / groups.count;
    int64_t j = line - o * groups.count;
    if (!groups.first(j) || groups.nowhere(j)) return;
    T* const to = dx + (o * groups.rows + static_cast<int64_t>(groups.row[j])) * inner + c;
    const T* const from = dy + o * groups.count * inner + c;
    A sum = 0;
    for (;; ++j) {
      sum += static_cast<A>(from[groups.slice[j] * inner]);
      if (groups.last(j)) break;
    }
    *to = static_cast<T>(sum);
  }
};

// out (rows, inner): every row becomes the last of its slices of x (count, inner).
template <class W>
struct LastSlice {
  Groups groups;
  int64_t inner;
  const W* x;
  W* out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t j = i / inner, c = i - j * inner;
    if (groups.last(j) && !groups.nowhere(j))
      out[static_cast<int64_t>(groups.row[j]) * inner + c] = x[groups.slice[j] * inner + c];
  }
};

}  // namespace mixnet::op
