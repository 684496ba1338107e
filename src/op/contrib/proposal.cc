// _contrib_Proposal and _contrib_MultiProposal (Ren et al., 2015): regions worth a look, from a region proposal network's scores and offsets.
//
// Cost per image: sorting the anchors, then kept boxes times candidates.
#include "op/contrib/proposal.h"

namespace mixnet::op::proposal {
namespace {

// The first of `order` become the boxes that stay; returns their number.
template <class T>
int64_t choose(const Params& p, const Box<T>* boxes, const T* score, int64_t n, int64_t* order) {
  const int64_t best = p.best_of(n);
  for (int64_t i = 0; i < n; ++i) order[i] = i;
  std::partial_sort(order, order + best, order + n,
                    [&](int64_t i, int64_t j) { return scores_before(score[i], i, score[j], j); });
  int64_t kept = 0;
  for (int64_t k = 0; k < best && kept < p.rpn_post_nms_top_n; ++k) {
    bool stays = true;
    for (int64_t j = 0; stays && j < kept; ++j)
      stays = !(pixel_overlap(boxes[order[j]], boxes[order[k]]) > static_cast<T>(p.threshold));
    if (stays) std::swap(order[kept++], order[k]);
  }
  return kept;
}

// Boxes, scores and numbers.
template <class T>
size_t scratch(int64_t count) {
  return static_cast<size_t>((count + 1) / 2 * 2) * (sizeof(Box<T>) + sizeof(T) + 8);
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "Proposal", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    const int64_t area = s[2] * s[3], count = p.anchors() * area, rows = p.rpn_post_nms_top_n;
    Box<T>* const boxes = static_cast<Box<T>*>(r.context.workspace);
    T* const score = reinterpret_cast<T*>(boxes + s[0] * count);
    int64_t* const order = reinterpret_cast<int64_t*>(score + (s[0] * count + 1) / 2 * 2);
    const Placement<T> placement(p, r, boxes, score);
    parallel_for(s[0], 1, [&](int64_t first, int64_t last) {
      for (int64_t a = 0; a < p.anchors(); ++a) {
        const Placement<T> place = placement.of_anchor(p, a);
        for (int64_t k = first * area; k < last * area; ++k) place(k);
      }
      for (int64_t n = first; n < last; ++n) {
        const Box<T>* own = boxes + n * count;
        const int64_t kept = choose(p, own, score + n * count, count, order + n * count);
        // Where too few stay they are written again from the first.
        for (int64_t i = 0; i < rows; ++i) {
          const int64_t k = kept > 0 ? order[n * count + i % kept] : -1;
          write_region(n, k < 0 ? Box<T>{0, 0, 0, 0} : own[k], r.out[0].as<T>() + (n * rows + i) * 5);
          if (r.out[1].data) r.out[1].as<T>()[n * rows + i] = k < 0 ? T(0) : score[n * count + k];
        }
      }
    });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  const Shape& s = c.inputs[0].shape;
  const int64_t count = s[0] * c.params<Params>().anchors() * s[2] * s[3];
  const size_t bytes = c.inputs[0].dtype == DType::f64 ? scratch<double>(count) : scratch<float>(count);
  return std::make_unique<WideKernel<Params>>(c, forward, bytes);
}

template <bool Multi>
void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  c.expect_ndim(0, 4, 4);
  c.expect_ndim(1, 4, 4);
  c.expect_ndim(2, 2, 2);
  for (int i = 0; i < 2; ++i) {
    const size_t other = static_cast<size_t>(1 - i);
    const Shape& s = c.in[other].ndim_known() ? c.in[other] : c.in[static_cast<size_t>(i)];
    if (!s.ndim_known()) continue;
    c.set_in(i, Shape{s[0], p.anchors() * (i == 0 ? 2 : 4), s[2], s[3]});
  }
  const int64_t n = c.in[0].ndim_known() ? c.in[0][0] : Multi ? -1 : 1;
  if (!Multi && n > 1)
    c.fail(Code::shape, concat("cls_prob: expected one image, got ", c.in[0], "; use MultiProposal"));
  c.set_in(2, Shape{n, 3});
  c.set_out(0, Shape{n < 0 ? -1 : n * p.rpn_post_nms_top_n, 5});
  c.set_out(1, Shape{n < 0 ? -1 : n * p.rpn_post_nms_top_n, 1});
}
int visible(const Params& p) { return p.output_score ? 2 : 1; }
void check(const Params& p) {
  MIXNET_CHECK(!p.scales.empty() && !p.ratios.empty(), invalid, "scales and ratios: expected at least one number each");
  for (double v : p.ratios) MIXNET_CHECK(v > 0, invalid, "ratios: expected numbers above 0, got ", v);
}

void describe(OpBuilder<Params>& op) {
  op.param("rpn_pre_nms_top_n", &Params::rpn_pre_nms_top_n).doc("So many of the best boxes are looked at; 0: all.");
  op.param("rpn_post_nms_top_n", &Params::rpn_post_nms_top_n)
      .range(0, 1 << 24)
      .doc("Regions per image; where fewer are found they are repeated.");
  op.param("threshold", &Params::threshold).doc("Boxes that overlap a better one by more than this go.");
  op.param("rpn_min_size", &Params::rpn_min_size).doc("Smaller boxes, in pixels before im_info's scale, come last.");
  op.param("scales", &Params::scales).doc("Sizes of anchors, as multiples of feature_stride.");
  op.param("ratios", &Params::ratios).doc("Height over width of anchors.");
  op.param("feature_stride", &Params::feature_stride)
      .range(1, 1 << 24)
      .doc("Pixels of the image per pixel of the map.");
  op.param("output_score", &Params::output_score).doc("Shows the scores as a second output.");
  op.param("iou_loss", &Params::iou_loss).doc("Offsets are distances of the corners.");
  op.check(check);
  op.input("cls_prob", "(N, 2 A, H, W), float: background's probabilities, then the object's, for A anchors.")
      .input("bbox_pred", "(N, 4 A, H, W): offsets.")
      .input("im_info", "(N, 3): the image's height, width and scale.");
  op.outputs({"output", "score"}).visible_outputs(visible).optional_outputs().prepare(prepare).zero_gradient();
}

//[full
void document(OpBuilder<Params>& op, int64_t most) {
  op.doc(
      "Regions of images from a region proposal network: anchors moved by their offsets, cut off at the borders, "
      "without "
      "those that overlap a better one. (N rpn_post_nms_top_n, 5): image, x1, y1, x2, y2. No gradient flows.");
  const std::vector<double> one{2}, three{0.5, 1, 2};
  op.sample(
        {{most, 6, 2, 3}, {most, 12, 2, 3}, {most, 3}},
        {{"scales", one}, {"ratios", three}, {"rpn_post_nms_top_n", 4}, {"output_score", true}, {"rpn_min_size", 4}})
      .range(20, 40);
  op.sample({{1, 4, 2, 2}, {1, 8, 2, 2}, {1, 3}}, {{"scales", std::vector<double>{1, 2}},
                                                   {"ratios", std::vector<double>{1}},
                                                   {"rpn_post_nms_top_n", 3},
                                                   {"iou_loss", true},
                                                   {"rpn_pre_nms_top_n", 5}})
      .range(1, 40);
  op.sample({{1, 2, 1, 1}, {1, 4, 1, 1}, {1, 3}},
            {{"scales", one}, {"ratios", std::vector<double>{1}}, {"rpn_post_nms_top_n", 2}})
      .range(0, 1);
  op.sample({{1, 2, 0, 2}, {1, 4, 0, 2}, {1, 3}},
            {{"scales", one}, {"ratios", std::vector<double>{1}}, {"rpn_post_nms_top_n", 2}});
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> one(registry, "_contrib_Proposal"), many(registry, "_contrib_MultiProposal");
  describe(one);
  describe(many);
  one.infer_shape(infer<false>);
  many.infer_shape(infer<true>);
  //[full
  document(one, 1);
  document(many, 2);
  //]
}

}  // namespace mixnet::op::proposal
