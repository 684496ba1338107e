// _contrib_MultiBoxDetection on GPUs; see multibox_detection.cc. What anchors show is sorted twice for all images: what was found before what
// was not, which leaves the anchors' order, and by score.
#include "op/contrib/multibox_detection.h"

#include "op/contrib/by_score_on_gpu.h"
#include "op/contrib/suppress_on_gpu.h"
#include "op/core/gpu/launch.h"
#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::multibox_detection {
namespace {

// Anchors that show background get a row of class -1.
template <class T>
struct Find {
  Finder<T> finder;
  T* found;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    if (!finder.image(k / finder.count).find(k % finder.count, found + k * 6)) found[k * 6] = T(-1);
  }
};

template <class T>
struct FoundKey {
  const T* found;
  MIXNET_ON_DEVICE uint64_t operator()(int64_t k) const { return found[k * 6] >= 0 ? 0 : no_key; }
};
template <class T>
struct ScoreKey {
  const T* found;
  MIXNET_ON_DEVICE uint64_t operator()(int64_t k) const {
    return found[k * 6] >= 0 ? falling_key(found[k * 6 + 1]) : no_key;
  }
};

template <class T>
struct Write {
  const T* found;
  const int64_t* order;
  T* y;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    const T* const from = found + order[k] * 6;
    for (int i = 0; i < 6; ++i) y[k * 6 + i] = from[0] >= 0 ? from[i] : T(-1);
  }
};

// Of one image: the rows become those of `order`, of which some lose their class. Rows beyond the limit stay as they are, without class.
template <class T>
struct Suppress {
  const T* found;
  const int64_t* order;
  int64_t count, topk;
  Suppression<T> suppression;
  uint8_t* gone;
  T* y;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t image, G group) const {
    const int64_t at = image * count;
    T* const rows = y + at * 6;
    int64_t n = 0;
    for (int64_t k = group.rank(); k < count; k += group.size()) n += found[(at + k) * 6] >= 0 ? 1 : 0;
    n = group.reduce(n, gpu::Plus());
    const int64_t keep = topk > 0 ? std::min(topk, n) : n;
    for (int64_t k = group.rank(); k < n; k += group.size()) {
      const T* const from = found + order[at + k] * 6;
      for (int i = 0; k < keep && i < 6; ++i) rows[k * 6 + i] = from[i];
      if (k >= keep) rows[k * 6] = T(-1);
    }
    group.wait();
    const auto covers = [&](int64_t i, int64_t j) { return suppression.covers(rows + i * 6, rows + j * 6); };
    suppress(group, keep, keep, gone + at, covers, [](int64_t, int64_t) {});
    for (int64_t k = group.rank(); k < keep; k += group.size()) {
      if (gone[at + k]) rows[k * 6] = T(-1);
    }
  }
};

ByScore order_of(const Shape& s) { return ByScore(s[0], s[2]); }
// Behind the sort's: rows that were found, and flags.
size_t scratch(const PrepareContext& c) {
  const Shape& s = c.inputs[0].shape;
  const size_t row = 6 * (c.inputs[0].dtype == DType::f64 ? sizeof(double) : sizeof(float));
  return order_of(s).workspace() + static_cast<size_t>(s[0] * s[2]) * (row + 1);
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "MultiBoxDetection", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    const int64_t images = s[0], count = s[2], all = images * count;
    const ByScore sort = order_of(s);
    T *found = reinterpret_cast<T*>(static_cast<char*>(r.context.workspace) + sort.workspace()), *y = r.out[0].as<T>();
    OnGpu::each(r, all, 1, Find<T>{Finder<T>(p, r), found});
    const int64_t* order = sort.run<T>(r, r.context.workspace, FoundKey<T>{found});
    OnGpu::each(r, all, 1, Write<T>{found, order, y});
    if (!p.suppresses()) return;
    order = sort.run<T>(r, r.context.workspace, ScoreKey<T>{found});
    gpu::for_each_row(*r.context.stream, images, count,
                      Suppress<T>{found, order, count, p.nms_topk, Suppression<T>(p),
                                  reinterpret_cast<uint8_t*>(found + all * 6), y});
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::wide<Params>(registry, "_contrib_MultiBoxDetection", forward, scratch); }

}  // namespace mixnet::op::multibox_detection
