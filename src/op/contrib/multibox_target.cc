// _contrib_MultiBoxTarget (Liu et al., 2016): which anchor has which box to find, and where it is from there; training targets of SSD.
//
// Cost per image: anchors times boxes, and the same again for every box that is matched.
#include "op/contrib/multibox_target.h"

namespace mixnet::op::multibox_target {
namespace {

// Of one image: `overlap` is (anchors, boxes); `match` is the box of an anchor, none or background, `best` the overlap it has.
template <class T>
struct Matching {
  const Params& p;
  const Image<T> image;
  int64_t count, boxes;
  T *overlap, *best;
  int64_t *match, *order;

  // Every box takes the free anchor that it overlaps most, the best pair first.
  void match_boxes(bool* taken) {
    std::fill_n(taken, boxes, false);
    for (int64_t n = 0; n < boxes; ++n) {
      T top = T(1e-6);
      int64_t at = -1;
      for (int64_t i = 0; i < count; ++i) {
        for (int64_t j = 0; match[i] < 0 && j < boxes; ++j) {
          if (taken[j] || !(overlap[i * boxes + j] > top)) continue;
          top = overlap[i * boxes + j];
          at = i * boxes + j;
        }
      }
      if (at < 0) return;
      match[at / boxes] = at % boxes;
      best[at / boxes] = top;
      taken[at % boxes] = true;
    }
  }
  // The other anchors take the box that they overlap most, if it is enough.
  void match_anchors() {
    for (int64_t i = 0; i < count; ++i) {
      if (match[i] >= 0) continue;
      const T* row = overlap + i * boxes;
      const int64_t j = most_overlapped(row, boxes);
      best[i] = row[j];
      if (p.overlap_threshold > 0 && row[j] > static_cast<T>(p.overlap_threshold)) match[i] = j;
    }
  }
  // Marks the anchors without a box that the net is least sure of as background.
  void mine(T* probability) {
    int64_t positive = 0, n = 0;
    for (int64_t i = 0; i < count; ++i) positive += match[i] >= 0;
    for (int64_t i = 0; i < count; ++i) {
      if (match[i] >= 0 || !(best[i] < static_cast<T>(p.negative_mining_thresh))) continue;
      probability[i] = image.of_background(i);
      order[n++] = i;
    }
    std::sort(order, order + n,
              [&](int64_t i, int64_t j) { return scores_before(-probability[i], i, -probability[j], j); });
    const int64_t wanted = mined(p.negative_mining_ratio, positive, n);
    for (int64_t k = 0; k < wanted; ++k) match[order[k]] = background;
  }
};

template <class T>
void assign(Matching<T>& m, T* target, T* mask, T* label, T* probability, bool* taken) {
  if (m.boxes == 0) {
    std::fill_n(target, m.count * 4, T(0));
    std::fill_n(mask, m.count * 4, T(0));
    std::fill_n(label, m.count, static_cast<T>(m.p.ignore_label));
    return;
  }
  std::fill_n(m.match, m.count, none);
  for (int64_t i = 0; i < m.count; ++i)
    for (int64_t j = 0; j < m.boxes; ++j) m.overlap[i * m.boxes + j] = box_overlap(m.image.anchor(i), m.image.box(j));
  m.match_boxes(taken);
  m.match_anchors();
  if (m.p.mines()) m.mine(probability);
  for (int64_t i = 0; i < m.count; ++i) m.image.write(i, m.match[i], target + i * 4, mask + i * 4, label + i);
}

// Of one image, in this order: overlaps, best overlaps, probabilities; matches, order; flags.
template <class T>
size_t scratch(int64_t anchors, int64_t boxes) {
  const size_t n = static_cast<size_t>(anchors), m = static_cast<size_t>(boxes);
  return (n * m * sizeof(T) + 2 * n * sizeof(T) + 2 * n * 8 + m + 127) / 64 * 64;
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "MultiBoxTarget", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Image<T> whole(p, r);
    const int64_t n = whole.count, rows = whole.rows;
    parallel_for(r.in[1].shape[0], 1, [&](int64_t first, int64_t last) {
      for (int64_t b = first; b < last; ++b) {
        char* own = static_cast<char*>(r.context.workspace) + static_cast<size_t>(b) * scratch<T>(n, rows);
        int64_t* match = reinterpret_cast<int64_t*>(own);
        T *overlap = reinterpret_cast<T*>(match + 2 * n), *best = overlap + n * rows;
        const Image<T> image = whole.image(b);
        Matching<T> m{p, image, n, image.boxes(), overlap, best, match, match + n};
        assign(m, r.out[0].as<T>() + b * n * 4, r.out[1].as<T>() + b * n * 4, r.out[2].as<T>() + b * n, best + n,
               reinterpret_cast<bool*>(best + 2 * n));
      }
    });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  const int64_t n = c.inputs[0].shape[1], rows = c.inputs[1].shape[1];
  const size_t each = c.inputs[0].dtype == DType::f64 ? scratch<double>(n, rows) : scratch<float>(n, rows);
  return std::make_unique<WideKernel<Params>>(c, forward, static_cast<size_t>(c.inputs[1].shape[0]) * each);
}

void infer(InferShape& c) {
  for (int i = 0; i < 3; ++i) c.expect_ndim(i, 3, 3);
  c.set_in(0, Shape{1, -1, 4});
  c.set_in(2, Shape{c.in[1].ndim_known() ? c.in[1][0] : -1, -1, c.in[0][1]});
  c.set_in(1, Shape{c.in[2][0], -1, -1});
  c.set_in(0, Shape{1, c.in[2][2], 4});
  if (c.in[1][2] >= 0 && c.in[1][2] < 5)
    c.fail(Code::shape, concat("label: expected rows of class and four coordinates, got ", c.in[1]));
  if (c.in[2][1] == 0) c.fail(Code::shape, concat("cls_pred: expected at least one class, got ", c.in[2]));
  const int64_t n = c.in[0][1], batch = c.in[1][0];
  c.set_out(0, Shape{batch, n < 0 ? -1 : n * 4});
  c.set_out(1, Shape{batch, n < 0 ? -1 : n * 4});
  c.set_out(2, Shape{batch, n});
}
void check(const Params& p) {
  MIXNET_CHECK(p.variances.size() == 4, invalid, "variances: expected 4 numbers, got ", p.variances.size());
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_MultiBoxTarget");
  op.param("overlap_threshold", &Params::overlap_threshold)
      .doc("Anchors that overlap a box by more than this have it to find.");
  op.param("ignore_label", &Params::ignore_label).doc("The class target of anchors that do not count.");
  op.param("negative_mining_ratio", &Params::negative_mining_ratio)
      .doc("Above 0: so many background anchors per anchor with a box count, those with the worst predictions.");
  op.param("negative_mining_thresh", &Params::negative_mining_thresh)
      .doc("Anchors that overlap a box by this or more are not taken for background then.");
  op.param("minimum_negative_samples", &Params::minimum_negative_samples).doc("Accepted and not used, as in MXNet.");
  op.param("variances", &Params::variances).doc("Offsets are divided by these four numbers.");
  op.check(check);
  op.input("anchor", "(1, A, 4), corners.")
      .input("label", "(N, M, 5 or more): class, corners; a class of -1 ends the list.")
      .input("cls_pred", "(N, classes, A): scores before softmax, background first.");
  op.outputs({"loc_target", "loc_mask", "cls_target"}).infer_shape(infer).prepare(prepare).zero_gradient();
  //[full
  op.doc(
      "Training targets: offsets of boxes from their anchors, (N, 4 A), 1 where there are such, (N, 4 A), and classes, "
      "(N, A), background 0. An image without boxes is ignored as a whole.");
  op.sample({{1, 4, 4}, {2, 2, 5}, {2, 3, 4}}).range(0, 1).integers({1}, 2);
  op.sample({{1, 4, 4}, {2, 2, 6}, {2, 3, 4}}, {{"negative_mining_ratio", 1.5}}).range(0, 1);
  op.sample({{1, 4, 4}, {1, 2, 5}, {1, 3, 4}}, {{"overlap_threshold", -1.0}, {"ignore_label", -3.0}}).range(0, 1);
  op.sample({{1, 1, 4}, {1, 1, 5}, {1, 1, 1}}).range(0, 1);
  op.sample({{1, 3, 4}, {0, 2, 5}, {0, 3, 3}}).range(0, 1);
  //]
}

}  // namespace mixnet::op::multibox_target
