// Work on many arrays in few launches: what is done with each, an object says, as for map_lanes. Nets have hundreds of small arrays, and a launch
// costs more than most of them.
//
//   gpu::Many<Sum<float>, float> many(stream);
//   for (...) many.add(n, Sum<float>{x, y});  // has `bool even() const` beside run
//   many.launch();
//
// Reductions of many arrays to one value each likewise, by ManyTotals.
#pragma once
#include <utility>
#include <vector>

#include "op/core/gpu/lanes.h"
#include "op/core/gpu/reduction.h"
#include "op/core/kernel.h"

namespace mixnet::gpu {

// What a launch may be told: the least that all of CUDA's devices take.
constexpr size_t parameter_bytes = 4096 - 64;

// The number of the array that unit `at` belongs to; ends[k] is the first unit behind array k.
MIXNET_ON_DEVICE inline int array_of(const int64_t* ends, int count, int64_t at) {
  int first = 0, last = count - 1;
  while (first < last) {
    const int middle = (first + last) / 2;
    if (at < ends[middle]) last = middle;
    else first = middle + 1;
  }
  return first;
}

// Units are pieces of V elements of one array, or its last elements one by one.
template <int V, int Most, class F>
struct Arrays {
  int count;
  int64_t ends[Most], whole[Most];
  F fs[Most];
  MIXNET_ON_DEVICE void operator()(int64_t at) const {
    const int k = array_of(ends, count, at);
    OverLanes<V, F>::run(fs[k], whole[k], k ? at - ends[k - 1] : at);
  }
};

template <class F, class... Ts>
class Many {
 public:
  explicit Many(Stream& stream) : stream_(stream) {}

  // f.run over [0, n), at the latest with launch.
  void add(int64_t n, const F& f) {
    if (n == 0) return;
    if (given_.size() == static_cast<size_t>(most)) launch();
    given_.push_back({n, f});
  }

  void launch() {
    if (given_.empty()) return;
    Arrays<V, most, F> arrays = filled(std::make_index_sequence<most>());
    arrays.count = static_cast<int>(given_.size());
    int64_t units = 0;
    for (size_t k = 0; k < given_.size(); ++k) {
      const int64_t n = given_[k].size, whole = given_[k].f.even() ? n / V : 0;
      arrays.whole[k] = whole;
      arrays.ends[k] = units += whole + (n - whole * V);
    }
    given_.clear();
    map(stream_, units, arrays);
  }

 private:
  static constexpr int V = lanes_of<Ts...>;
  static constexpr int most =
      static_cast<int>(std::min<size_t>(64, parameter_bytes / (sizeof(F) + 2 * sizeof(int64_t))));
  struct Given {
    int64_t size;
    F f;
  };

  template <size_t... I>
  Arrays<V, most, F> filled(std::index_sequence<I...>) const {
    return {0, {}, {}, {given_[std::min(I, given_.size() - 1)].f...}};
  }

  Stream& stream_;
  std::vector<Given> given_;
};

// Parts of arrays, a group each; ends[k] is the first part behind array k.
template <int Most, class R>
struct PartsOfArrays {
  int count;
  int64_t ends[Most];
  R rs[Most];
  typename R::Value* partial;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t at, G group) const {
    const int k = array_of(ends, count, at);
    const int64_t begin = k ? ends[k - 1] : 0, parts = ends[k] - begin, members = group.size();
    const auto mine = rs[k].over(0, (at - begin) * members + group.rank(), parts * members);
    const auto value = group.reduce(mine, Joined<R>());
    if (group.rank() == 0) partial[at] = value;
  }
};
template <int Most, class R>
struct JoinArrays {
  PartsOfArrays<Most, R> of;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t k, G group) const {
    auto mine = R::start();
    for (int64_t at = (k ? of.ends[k - 1] : 0) + group.rank(); at < of.ends[k]; at += group.size())
      mine = R::join(mine, of.partial[at]);
    const auto value = group.reduce(mine, Joined<R>());
    if (group.rank() == 0) of.rs[k].finish(0, value);
  }
};

// r.finish(0, value) for each array, where the value is joined from r.over(0, first, step), see reduction.h. How an array is cut depends on its size alone.
template <class R>
class ManyTotals {
 public:
  static size_t workspace(Span<const TensorView> arrays) {
    int64_t parts = 0;
    for (const TensorView& v : arrays) parts += parts_of(v.size());
    return static_cast<size_t>(parts) * Reduction::value_bytes;
  }

  // `workspace` is for all that is added.
  ManyTotals(Stream& stream, void* workspace) : stream_(stream), partial_(static_cast<typename R::Value*>(workspace)) {}

  void add(int64_t n, const R& r) {
    if (given_.size() == static_cast<size_t>(most)) launch();
    given_.push_back({n, r});
  }

  void launch() {
    if (given_.empty()) return;
    PartsOfArrays<most, R> arrays = filled(std::make_index_sequence<most>());
    arrays.count = static_cast<int>(given_.size());
    int64_t parts = 0;
    for (size_t k = 0; k < given_.size(); ++k) arrays.ends[k] = parts += parts_of(given_[k].size);
    for_each_row(stream_, parts, part_elements, arrays);
    for_each_row(stream_, arrays.count, 1, JoinArrays<most, R>{arrays});
    partial_ += parts;
    given_.clear();
  }

 private:
  static constexpr int most = static_cast<int>(std::min<size_t>(64, parameter_bytes / (sizeof(R) + sizeof(int64_t))));
  static constexpr int64_t part_elements = 4096;
  struct Given {
    int64_t size;
    R r;
  };

  static int64_t parts_of(int64_t n) { return std::clamp<int64_t>(n / part_elements, 1, 1024); }
  template <size_t... I>
  PartsOfArrays<most, R> filled(std::index_sequence<I...>) const {
    return {0, {}, {given_[std::min(I, given_.size() - 1)].r...}, partial_};
  }

  Stream& stream_;
  typename R::Value* partial_;
  std::vector<Given> given_;
};

// f(tag of the dtype, first, last) for each stretch of neighbours that have one dtype.
template <class F>
void for_stretches(Span<const TensorView> arrays, const char* place, F f) {
  for (size_t first = 0, last; first < arrays.size(); first = last) {
    for (last = first + 1; last < arrays.size() && arrays[last].dtype == arrays[first].dtype;) ++last;
    dispatch_float(arrays[first].dtype, place, [&](auto tag) { f(tag, first, last); });
  }
}

}  // namespace mixnet::gpu
