// _contrib_bipartite_matching on GPUs; see bipartite_matching.cc. All pairs are sorted at once; a group of threads makes those of a batch.
#include "op/contrib/bipartite_matching.h"

#include "op/contrib/by_score_on_gpu.h"
#include "op/core/gpu/launch.h"
#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::bipartite_matching {
namespace {

template <class T>
struct ScoreKey {
  Pairs<T> pairs;
  MIXNET_ON_DEVICE uint64_t operator()(int64_t i) const { return pairs.good(i) ? falling_key(pairs.score(i)) : no_key; }
};

template <class T>
struct Match {
  Pairs<T> pairs;  // of all batches
  const int64_t* order;
  int64_t rows, columns;
  T *row_out, *column_out;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t batch, G group) const {
    const int64_t each = rows * columns, at = batch * each;
    T *row = row_out + batch * rows, *column = column_out + batch * columns;
    for (int64_t i = group.rank(); i < rows; i += group.size()) row[i] = T(-1);
    for (int64_t j = group.rank(); j < columns; j += group.size()) column[j] = T(-1);
    int64_t n = 0;
    for (int64_t k = group.rank(); k < each; k += group.size()) n += pairs.good(at + k) ? 1 : 0;
    n = group.reduce(n, gpu::Plus());  // which waits
    // The members look at so many pairs together; the best that is free is made, and the search goes on behind it.
    for (int64_t k = 0, matched = 0; k < n && matched < pairs.most;) {
      const int64_t mine = k + group.rank(), pair = mine < n ? order[at + mine] - at : 0;
      const bool open = mine < n && row[pair / columns] < 0 && column[pair % columns] < 0;
      const int64_t best = group.reduce(open ? mine : n, gpu::Least());
      if (best == n) {
        k += group.size();
        continue;
      }
      if (group.rank() == 0) {
        const int64_t made = order[at + best] - at;
        row[made / columns] = static_cast<T>(made % columns);
        column[made % columns] = static_cast<T>(made / columns);
      }
      group.wait();
      ++matched;
      k = best + 1;
    }
  }
};

ByScore order_of(const Shape& s) { return ByScore(s.size(0, s.ndim() - 2), s[s.ndim() - 2] * s.back()); }
size_t scratch(const PrepareContext& c) { return order_of(c.inputs[0].shape).workspace(); }

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "bipartite_matching", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    const int64_t rows = s[s.ndim() - 2], columns = s.back();
    const Pairs<T> pairs(p, r.in[0].as<T>());
    const int64_t* order = order_of(s).run<T>(r, r.context.workspace, ScoreKey<T>{pairs});
    gpu::for_each_row(*r.context.stream, s.size(0, s.ndim() - 2), rows * columns,
                      Match<T>{pairs, order, rows, columns, r.out[0].as<T>(), r.out[1].as<T>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::wide<Params>(registry, "_contrib_bipartite_matching", forward, scratch); }

}  // namespace mixnet::op::bipartite_matching
