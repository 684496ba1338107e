// _contrib_Proposal and _contrib_MultiProposal on GPUs; see proposal.cc. The boxes of all images are sorted at once, then a group of threads
// chooses those of each.
#include "op/contrib/proposal.h"

#include "op/contrib/by_score_on_gpu.h"
#include "op/contrib/suppress_on_gpu.h"
#include "op/core/gpu/launch.h"
#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::proposal {
namespace {

template <class T>
struct ScoreKey {
  const T* score;
  MIXNET_ON_DEVICE uint64_t operator()(int64_t k) const { return falling_key(score[k]); }
};

// Of one image.
template <class T>
struct Choose {
  const Box<T>* boxes;
  const T* score;
  const int64_t* order;
  int64_t count, best, most;
  T threshold;
  uint8_t* gone;
  int64_t* kept;
  T *regions, *scores;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t image, G group) const {
    const int64_t at = image * count;
    const int64_t* const ranked = order + at;
    int64_t* const stay = kept + at;
    const int64_t n = suppress(
        group, best, most, gone + at,
        [&](int64_t i, int64_t j) { return pixel_overlap(boxes[ranked[i]], boxes[ranked[j]]) > threshold; },
        [&](int64_t k, int64_t i) {
          if (group.rank() == 0) stay[k] = ranked[i];
        });
    // Where too few stay they are written again from the first.
    for (int64_t i = group.rank(); i < most; i += group.size()) {
      const int64_t row = image * most + i, k = n > 0 ? stay[i % n] : -1;
      write_region(image, k < 0 ? Box<T>{0, 0, 0, 0} : boxes[k], regions + row * 5);
      if (scores) scores[row] = k < 0 ? T(0) : score[k];
    }
  }
};

struct Sizes {
  int64_t images, area, count;  // count: boxes of an image
  Sizes(const Params& p, const Shape& s) : images(s[0]), area(s[2] * s[3]), count(p.anchors() * area) {}
  ByScore sort() const { return ByScore(images, count); }
};
// Behind the sort's: numbers, boxes, scores, flags.
size_t scratch(const PrepareContext& c) {
  const Sizes s(c.params<Params>(), c.inputs[0].shape);
  const size_t item = c.inputs[0].dtype == DType::f64 ? sizeof(double) : sizeof(float);
  return s.sort().workspace() + static_cast<size_t>(s.images * s.count) * (8 + 5 * item + 1);
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "Proposal", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(p, r.in[0].shape);
    const ByScore sort = s.sort();
    const int64_t all = s.images * s.count;
    int64_t* kept = reinterpret_cast<int64_t*>(static_cast<char*>(r.context.workspace) + sort.workspace());
    Box<T>* boxes = reinterpret_cast<Box<T>*>(kept + all);
    T* score = reinterpret_cast<T*>(boxes + all);
    const Placement<T> placement(p, r, boxes, score);
    for (int64_t a = 0; a < p.anchors(); ++a) OnGpu::each(r, s.images * s.area, 1, placement.of_anchor(p, a));
    const int64_t* order = sort.run<T>(r, r.context.workspace, ScoreKey<T>{score});
    gpu::for_each_row(
        *r.context.stream, s.images, s.count,
        Choose<T>{boxes, score, order, s.count, p.best_of(s.count), p.rpn_post_nms_top_n, static_cast<T>(p.threshold),
                  reinterpret_cast<uint8_t*>(score + all), kept, r.out[0].as<T>(), r.out[1].as<T>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  for (const char* name : {"_contrib_Proposal", "_contrib_MultiProposal"})
    gpu::wide<Params>(registry, name, forward, scratch);
}

}  // namespace mixnet::op::proposal
