// _contrib_MultiBoxTarget on GPUs; see multibox_target.cc. A group of threads matches the anchors and boxes of an image; candidates for
// background are sorted for all images at once.
#include "op/contrib/multibox_target.h"

#include "op/contrib/by_score_on_gpu.h"
#include "op/core/gpu/launch.h"
#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::multibox_target {
namespace {

// All anchors of all images with all rows of labels, boxes or not.
template <class T>
struct Overlaps {
  Image<T> first;
  T* overlap;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    const int64_t each = first.count * first.rows, i = k % each;
    const Image<T> image = first.image(k / each);
    overlap[k] = box_overlap(image.anchor(i / first.rows), image.box(i % first.rows));
  }
};

template <class T>
struct Pairing {
  T overlap;
  int64_t at;  // below 0: none
};
// The larger overlap, the first of equals.
struct Better {
  template <class T> MIXNET_ON_DEVICE Pairing<T> operator()(Pairing<T> a, Pairing<T> b) const {
    if (a.at < 0 || b.at < 0) return a.at < 0 ? b : a;
    return b.overlap > a.overlap || (b.overlap == a.overlap && b.at < a.at) ? b : a;
  }
};

// `match` is the box of an anchor or none, `best` the overlap it has; `mined` how many anchors of an image are background, below 0 where it
// has no boxes.
template <class T>
struct Match {
  Image<T> first;
  double overlap_threshold, ratio;
  T mining_threshold;
  const T* overlaps;
  T* bests;
  int64_t *matches, *mined_of;
  uint8_t* taken_of;

  template <class G> MIXNET_ON_DEVICE void operator()(int64_t b, G group) const {
    const Image<T> image = first.image(b);
    const int64_t count = image.count, boxes = image.boxes();
    const T* const overlap = overlaps + b * count * image.rows;
    T* const best = bests + b * count;
    int64_t* const match = matches + b * count;
    for (int64_t i = group.rank(); i < count; i += group.size()) {
      match[i] = none;
      best[i] = T(0);
    }
    if (group.rank() == 0) mined_of[b] = -1;
    if (boxes == 0) return;  // for all members
    match_boxes(group, image, boxes, overlap, best, match, taken_of + b * image.rows);
    int64_t positive = 0, candidates = 0;
    for (int64_t i = group.rank(); i < count; i += group.size()) {
      if (match[i] < 0) {
        const T* const row = overlap + i * image.rows;
        const int64_t j = most_overlapped(row, boxes);
        best[i] = row[j];
        if (overlap_threshold > 0 && row[j] > static_cast<T>(overlap_threshold)) match[i] = j;
      }
      positive += match[i] >= 0 ? 1 : 0;
      candidates += match[i] < 0 && best[i] < mining_threshold ? 1 : 0;
    }
    positive = group.reduce(positive, gpu::Plus());
    candidates = group.reduce(candidates, gpu::Plus());
    if (group.rank() == 0) mined_of[b] = ratio > 0 ? mined(ratio, positive, candidates) : 0;
  }

 private:
  // Every box takes the free anchor that it overlaps most, the best pair first.
  template <class G>
  MIXNET_ON_DEVICE static void match_boxes(G group, const Image<T>& image, int64_t boxes, const T* overlap, T* best,
                                           int64_t* match, uint8_t* taken) {
    for (int64_t j = group.rank(); j < boxes; j += group.size()) taken[j] = 0;
    group.wait();
    for (int64_t n = 0; n < boxes; ++n) {
      Pairing<T> top{T(1e-6), -1};
      for (int64_t i = group.rank(); i < image.count; i += group.size()) {
        for (int64_t j = 0; match[i] < 0 && j < boxes; ++j) {
          const int64_t at = i * image.rows + j;
          if (!taken[j] && overlap[at] > top.overlap) top = {overlap[at], at};
        }
      }
      top = group.reduce(top, Better());
      if (top.at < 0) return;
      if (group.rank() == 0) {
        match[top.at / image.rows] = top.at % image.rows;
        best[top.at / image.rows] = top.overlap;
        taken[top.at % image.rows] = 1;
      }
      group.wait();
    }
  }
};

template <class T>
struct LeastSureKey {
  Image<T> first;
  T mining_threshold;
  const T* best;
  const int64_t* match;
  MIXNET_ON_DEVICE uint64_t operator()(int64_t k) const {
    if (match[k] >= 0 || !(best[k] < mining_threshold)) return no_key;
    return falling_key(-first.image(k / first.count).of_background(k % first.count));
  }
};
struct Mine {
  int64_t count;
  const int64_t *order, *mined_of;
  int64_t* match;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    if (k % count < mined_of[k / count]) match[order[k]] = background;
  }
};

template <class T>
struct Write {
  Image<T> first;
  T ignored;
  const int64_t *match, *mined_of;
  T *target, *mask, *of_class;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    const int64_t b = k / first.count;
    first.image(b).write(k % first.count, match[k], target + k * 4, mask + k * 4, of_class + k);
    if (mined_of[b] < 0) of_class[k] = ignored;
  }
};

// The workspace: the sort's; matches, numbers of images; overlaps, best overlaps; flags.
struct Sizes {
  int64_t images, count, rows;
  explicit Sizes(Span<const TensorView> in) : images(in[1].shape[0]), count(in[0].shape[1]), rows(in[1].shape[1]) {}
  int64_t anchors() const { return images * count; }
  ByScore sort() const { return ByScore(images, count); }
};
size_t scratch(const PrepareContext& c) {
  const Sizes s(c.inputs);
  const size_t item = c.inputs[0].dtype == DType::f64 ? sizeof(double) : sizeof(float);
  return s.sort().workspace() + static_cast<size_t>(s.anchors() + s.images) * 8 +
         static_cast<size_t>(s.anchors() * (s.rows + 1)) * item + static_cast<size_t>(s.images * s.rows);
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "MultiBoxTarget", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(r.in);
    const ByScore sort = s.sort();
    int64_t *match = reinterpret_cast<int64_t*>(static_cast<char*>(r.context.workspace) + sort.workspace()),
            *mined_of = match + s.anchors();
    T *overlap = reinterpret_cast<T*>(mined_of + s.images), *best = overlap + s.anchors() * s.rows;
    const Image<T> first(p, r);
    const T mining = static_cast<T>(p.negative_mining_thresh);
    OnGpu::each(r, s.anchors() * s.rows, 1, Overlaps<T>{first, overlap});
    gpu::for_each_row(*r.context.stream, s.images, s.count,
                      Match<T>{first, p.overlap_threshold, p.negative_mining_ratio, mining, overlap, best, match,
                               mined_of, reinterpret_cast<uint8_t*>(best + s.anchors())});
    if (p.mines()) {
      const int64_t* order = sort.run<T>(r, r.context.workspace, LeastSureKey<T>{first, mining, best, match});
      OnGpu::each(r, s.anchors(), 1, Mine{s.count, order, mined_of, match});
    }
    OnGpu::each(r, s.anchors(), 1,
                Write<T>{first, static_cast<T>(p.ignore_label), match, mined_of, r.out[0].as<T>(), r.out[1].as<T>(),
                         r.out[2].as<T>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::wide<Params>(registry, "_contrib_MultiBoxTarget", forward, scratch); }

}  // namespace mixnet::op::multibox_target
