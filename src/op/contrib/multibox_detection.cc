// _contrib_MultiBoxDetection (Liu et al., 2016): boxes from class probabilities and offsets, with non-maximum suppression; SSD's output.
#include "op/contrib/multibox_detection.h"

namespace mixnet::op::multibox_detection {
namespace {

// Sorts the rows by score; rows that are suppressed, or beyond the limit, lose their class.
template <class T>
void suppress(const Params& p, int64_t n, T* y, T* copy, int64_t* order) {
  std::copy_n(y, n * 6, copy);
  for (int64_t i = 0; i < n; ++i) order[i] = i;
  std::sort(order, order + n,
            [&](int64_t i, int64_t j) { return scores_before(copy[i * 6 + 1], i, copy[j * 6 + 1], j); });
  const int64_t keep = p.nms_topk > 0 ? std::min(p.nms_topk, n) : n;
  for (int64_t k = 0; k < keep; ++k) std::copy_n(copy + order[k] * 6, 6, y + k * 6);
  for (int64_t k = keep; k < n; ++k) y[k * 6] = T(-1);
  const Suppression<T> suppression(p);
  for (int64_t i = 0; i < keep; ++i) {
    const T* best = y + i * 6;
    for (int64_t j = i + 1; best[0] >= 0 && j < keep; ++j) {
      T* other = y + j * 6;
      if (other[0] >= 0 && suppression.covers(best, other)) other[0] = T(-1);
    }
  }
}

template <class T>
size_t scratch(int64_t anchors) {
  return static_cast<size_t>(anchors) * (8 + 6 * sizeof(T));
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "MultiBoxDetection", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Finder<T> finder(p, r);
    const int64_t count = finder.count;
    parallel_for(r.in[0].shape[0], 1, [&](int64_t first, int64_t last) {
      for (int64_t b = first; b < last; ++b) {
        char* own = static_cast<char*>(r.context.workspace) + static_cast<size_t>(b) * scratch<T>(count);
        T* y = r.out[0].as<T>() + b * count * 6;
        std::fill_n(y, count * 6, T(-1));
        int64_t n = 0;
        for (int64_t i = 0; i < count; ++i) n += finder.image(b).find(i, y + n * 6);
        int64_t* order = reinterpret_cast<int64_t*>(own);
        if (p.suppresses()) suppress(p, n, y, reinterpret_cast<T*>(order + count), order);
      }
    });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  const Shape& s = c.inputs[0].shape;
  const size_t each = c.inputs[0].dtype == DType::f64 ? scratch<double>(s[2]) : scratch<float>(s[2]);
  return std::make_unique<WideKernel<Params>>(c, forward, static_cast<size_t>(s[0]) * each);
}

void infer(InferShape& c) {
  c.expect_ndim(0, 3, 3);
  c.expect_ndim(1, 2, 2);
  c.expect_ndim(2, 3, 3);
  c.set_in(0, Shape{c.in[1].ndim_known() ? c.in[1][0] : -1, -1, c.in[2].ndim_known() ? c.in[2][1] : -1});
  const int64_t n = c.in[0][0], anchors = c.in[0][2];
  c.set_in(1, Shape{n, anchors < 0 ? -1 : anchors * 4});
  c.set_in(2, Shape{1, anchors, 4});
  c.set_out(0, Shape{n, anchors, 6});
}
void check(const Params& p) {
  MIXNET_CHECK(p.variances.size() == 4, invalid, "variances: expected 4 numbers, got ", p.variances.size());
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_MultiBoxDetection");
  op.param("clip", &Params::clip).doc("Cuts boxes off at the borders of the image.");
  op.param("threshold", &Params::threshold).doc("Boxes whose best class has a lower probability are background.");
  op.param("background_id", &Params::background_id).doc("Accepted and not used, as in MXNet: class 0 is background.");
  op.param("nms_threshold", &Params::nms_threshold)
      .doc("Boxes that overlap a better one by this or more go; 0 or less, or above 1: none goes, none is sorted.");
  op.param("force_suppress", &Params::force_suppress).doc("Boxes suppress boxes of other classes too.");
  op.param("variances", &Params::variances).doc("Offsets are multiplied by these four numbers.");
  op.param("nms_topk", &Params::nms_topk).doc("Above 0: only so many of the best boxes stay.");
  op.check(check);
  op.input("cls_prob", "(N, classes, A), float: probabilities, background first.")
      .input("loc_pred", "(N, 4 A): offsets from the anchors.")
      .input("anchor", "(1, A, 4), corners.");
  op.infer_shape(infer).prepare(prepare).zero_gradient();
  //[full
  op.doc(
      "Boxes that were found, (N, A, 6): class without the background, probability, corners. A class of -1 means no "
      "box: suppressed, or the filling at the end.");
  op.sample({{2, 3, 4}, {2, 16}, {1, 4, 4}}).range(0, 1);
  op.sample({{2, 3, 4}, {2, 16}, {1, 4, 4}}, {{"nms_threshold", 0.1}, {"force_suppress", true}, {"clip", false}})
      .range(0, 1);
  op.sample({{1, 3, 4}, {1, 16}, {1, 4, 4}}, {{"nms_topk", 2}, {"threshold", 0.5}}).range(0, 1);
  op.sample({{1, 1, 1}, {1, 4}, {1, 1, 4}}).range(0, 1);
  op.sample({{0, 3, 2}, {0, 8}, {1, 2, 4}});
  //]
}

}  // namespace mixnet::op::multibox_detection
