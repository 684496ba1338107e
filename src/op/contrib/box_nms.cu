// _contrib_box_nms on GPUs; see box_nms.cc. All batches are sorted at once, then a group of threads chooses the rows of each.
#include "op/contrib/box_nms.h"

#include "op/contrib/by_score_on_gpu.h"
#include "op/contrib/suppress_on_gpu.h"
#include "op/core/gpu/launch.h"
#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::box_nms {
namespace {

template <class T>
struct ScoreKey {
  Rows<T> rows;
  MIXNET_ON_DEVICE uint64_t operator()(int64_t i) const { return rows.valid(i) ? falling_key(rows.score(i)) : no_key; }
};

// The numbers of the rows that stay, in order, then -1.
template <class T>
struct Choose {
  Rows<T> rows;
  const int64_t* order;
  uint8_t* gone;
  int64_t* kept;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t batch, G group) const {
    const int64_t count = rows.count, at = batch * count;
    const int64_t* const best = order + at;
    int64_t n = 0;
    for (int64_t k = group.rank(); k < count; k += group.size()) n += rows.valid(at + k) ? 1 : 0;
    n = group.reduce(n, gpu::Plus());
    if (rows.p.topk > 0) n = std::min(n, rows.p.topk);
    const int64_t stay = suppress(
        group, n, n, gone + at, [&](int64_t i, int64_t j) { return rows.covers(best[i], best[j]); },
        [&](int64_t k, int64_t i) {
          if (group.rank() == 0) kept[at + k] = best[i] - at;
        });
    for (int64_t k = stay + group.rank(); k < count; k += group.size()) kept[at + k] = -1;
  }
};
struct All {
  int64_t count;
  int64_t* kept;
  MIXNET_ON_DEVICE void operator()(int64_t k) const { kept[k] = k % count; }
};

template <class T>
struct Write {
  Rows<T> rows;
  const int64_t* kept;
  T* y;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    T* const to = y + k * rows.width;
    if (kept[k] >= 0) return rows.copy(k / rows.count * rows.count + kept[k], to);
    for (int64_t c = 0; c < rows.width; ++c) to[c] = T(-1);
  }
};

ByScore order_of(const Shape& s) { return ByScore(s.size(0, s.ndim() - 2), s[s.ndim() - 2]); }
// Behind the sort's: the rows that stay, and flags.
size_t scratch(const PrepareContext& c) {
  const Shape& s = c.inputs[0].shape;
  return order_of(s).workspace() + static_cast<size_t>(s.size(0, s.ndim() - 1)) * 9;
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "box_nms", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    const int64_t count = s[s.ndim() - 2], all = s.size(0, s.ndim() - 1);
    const ByScore sort = order_of(s);
    int64_t* const own = reinterpret_cast<int64_t*>(static_cast<char*>(r.context.workspace) + sort.workspace());
    int64_t* const kept = r.out[1].data ? r.out[1].as<int64_t>() : own;
    const Rows<T> rows{p, r.in[0].as<T>(), count, s.back()};
    if (p.topk == 0) {
      OnGpu::each(r, all, 1, All{count, kept});
    } else {
      const int64_t* order = sort.run<T>(r, r.context.workspace, ScoreKey<T>{rows});
      gpu::for_each_row(*r.context.stream, s.size(0, s.ndim() - 2), count,
                        Choose<T>{rows, order, reinterpret_cast<uint8_t*>(own + all), kept});
    }
    OnGpu::each(r, all, 1, Write<T>{rows, kept, r.out[0].as<T>()});
  });
}

// No two rows of the output come from one.
template <class T>
struct PutBack {
  const T* dy;
  const int64_t* record;
  T* dx;
  int64_t count, width;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    if (record[k] < 0 || record[k] >= count) return;
    T* const to = dx + (k / count * count + record[k]) * width;
    for (int64_t c = 0; c < width; ++c) to[c] = dy[k * width + c];
  }
};

void backward(const Params&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "box_nms", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    OnGpu::zero(r, r.out[0]);
    OnGpu::each(r, s.size(0, s.ndim() - 1), 1,
                PutBack<T>{r.in[0].as<T>(), r.in[1].as<int64_t>(), r.out[0].as<T>(), s[s.ndim() - 2], s.back()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::wide<Params>(registry, "_contrib_box_nms", forward, scratch);
  gpu::wide<Params>(registry, "_backward_contrib_box_nms", backward);
}

}  // namespace mixnet::op::box_nms
