// _contrib_box_nms: greedy non-maximum suppression. Boxes are visited by falling score; what overlaps a kept box too much goes.
//
// Cost per batch: sorting, then kept boxes times candidates.
#include "op/contrib/box_nms.h"

namespace mixnet::op::box_nms {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("overlap_thresh", &Params::overlap_thresh).doc("Boxes that overlap a kept box by more than this go.");
  op.param("valid_thresh", &Params::valid_thresh).doc("Boxes whose score is not above this go.");
  op.param("topk", &Params::topk)
      .doc("Only so many of the best valid boxes are looked at; all below 0, 0 copies data.");
  op.param("coord_start", &Params::coord_start).doc("Where the four coordinates begin in a row.");
  op.param("score_index", &Params::score_index).doc("Where the score is in a row.");
  op.param("id_index", &Params::id_index).doc("Where the class is in a row; below 0 all boxes are of one class.");
  op.param("background_id", &Params::background_id).doc("Boxes of this class go.");
  op.param("force_suppress", &Params::force_suppress).doc("Boxes suppress boxes of other classes too.");
  op.param("in_format", &Params::in_format, box_formats()).doc("How data has boxes: corners, or centre and size.");
  op.param("out_format", &Params::out_format, box_formats()).doc("How the output has boxes.");
}

// Fills `kept` with the rows that stay, in order; returns their number.
template <class T>
int64_t suppress(const Rows<T>& rows, int64_t* kept) {
  const Params& p = rows.p;
  int64_t candidates = 0, n = 0;
  for (int64_t i = 0; i < rows.count; ++i)
    if (rows.valid(i)) kept[candidates++] = i;
  std::sort(kept, kept + candidates,
            [&](int64_t i, int64_t j) { return scores_before(rows.score(i), i, rows.score(j), j); });
  if (p.topk > 0) candidates = std::min(candidates, p.topk);
  for (int64_t k = 0; k < candidates; ++k) {
    const int64_t i = kept[k];
    bool stays = true;
    for (int64_t j = 0; stays && j < n; ++j) stays = !rows.covers(kept[j], i);
    if (stays) kept[n++] = i;
  }
  return n;
}

template <class T>
void batch(const Rows<T>& rows, int64_t* kept, T* y, int64_t* record) {
  const Params& p = rows.p;
  int64_t n = rows.count;
  if (p.topk == 0) {
    for (int64_t i = 0; i < n; ++i) kept[i] = i;
  } else {
    n = suppress(rows, kept);
  }
  std::fill_n(y, rows.count * rows.width, T(-1));
  for (int64_t k = 0; k < n; ++k) rows.copy(kept[k], y + k * rows.width);
  if (record) std::copy_n(kept, n, record);
  if (record) std::fill_n(record + n, rows.count - n, int64_t{-1});
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "box_nms", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    const int64_t count = s[s.ndim() - 2], width = s.back();
    parallel_for(s.size(0, s.ndim() - 2), 1, [&](int64_t first, int64_t last) {
      for (int64_t b = first; b < last; ++b) {
        const int64_t at = b * count;
        int64_t* record = r.out[1].data ? r.out[1].as<int64_t>() + at : nullptr;
        const Rows<T> rows{p, r.in[0].as<T>() + at * width, count, width};
        batch(rows, static_cast<int64_t*>(r.context.workspace) + at, r.out[0].as<T>() + at * width, record);
      }
    });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  const Shape& s = c.inputs[0].shape;
  return std::make_unique<WideKernel<Params>>(c, forward, static_cast<size_t>(s.size(0, s.ndim() - 1)) * 8);
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  c.expect_ndim(0, 2, Shape::max_ndim);
  c.set_in(0, c.out[0]);
  c.set_out(0, c.in[0]);
  const Shape& s = c.in[0];
  if (!s.ndim_known()) return;
  Shape record = s;
  record[s.ndim() - 1] = 1;
  c.set_out(1, record);
  if (s.back() < 0) return;
  auto inside = [&](const char* name, int64_t index, int64_t items) {
    if (index < 0 || index > s.back() - items)
      c.fail(Code::invalid, concat(name, ": expected a place in rows of ", s.back(), ", got ", index));
  };
  inside("coord_start", p.coord_start, 4);
  inside("score_index", p.score_index, 1);
  if (p.id_index >= 0) inside("id_index", p.id_index, 1);
}
void infer_type(InferType& c) {
  c.expect_float(0);
  c.set_in(0, c.out[0]);
  c.set_out(0, c.in[0]);
  c.set_out(1, DType::i64);
}

//[full
// (dy, record): every row's gradient goes back to where it came from.
void backward(const Params&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "box_nms", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    const int64_t count = s[s.ndim() - 2], width = s.back();
    std::fill_n(r.out[0].as<T>(), r.out[0].size(), T(0));
    const int64_t* record = r.in[1].as<int64_t>();
    for (int64_t k = 0; k < s.size(0, s.ndim() - 1); ++k) {
      if (record[k] < 0 || record[k] >= count) continue;
      std::copy_n(r.in[0].as<T>() + k * width, width, r.out[0].as<T>() + (k / count * count + record[k]) * width);
    }
  });
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, 0);
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[0]); }
void infer_backward_type(InferType& c) { c.set_out(0, c.in[0]); }
void gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_contrib_box_nms", {g.output_grad(0), g.output(1)})[0]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_box_nms");
  op.alias("_contrib_box_non_maximum_suppression");
  add_params(op);
  op.input("data", "(..., boxes, row), float: a row has four coordinates, a score and perhaps a class.");
  op.outputs({"output0", "record"}, 1).optional_outputs();
  op.infer_shape(infer).infer_type(infer_type).prepare(prepare);
  //[full
  op.doc(
      "Non-maximum suppression: the rows that stay, by falling score, then rows of -1. The gradient goes to the rows "
      "that stay; with other formats in and out it is passed on as it is, as in MXNet.");
  op.gradient(gradient);
  op.sample({{2, 6, 6}}, {{"overlap_thresh", 0.1}, {"valid_thresh", -0.5}});
  op.sample({{6, 6}}, {{"id_index", 0}, {"overlap_thresh", 0.1}, {"background_id", 1}}).range(0.1, 1);
  op.sample({{5, 5}}, {{"coord_start", 1}, {"score_index", 0}, {"topk", 2}}).range(0.1, 1);
  op.sample({{1, 4, 6}}, {{"id_index", 0}, {"force_suppress", true}, {"in_format", "center"}})
      .range(0.1, 1)
      .not_differentiable();
  op.sample({{4, 6}}, {{"out_format", "center"}}).range(0.1, 1).not_differentiable();
  op.sample({{4, 6}}, {{"topk", 0}});
  op.sample({{1, 0, 6}});
  op.sample({{0, 4, 6}});
  OpBuilder<Params> grad(registry, "_backward_contrib_box_nms");
  add_params(grad);
  grad.hidden().input("output_grad").input("record");
  grad.infer_shape(infer_backward).infer_type(infer_backward_type).prepare(prepare_backward);
  grad.no_gradient("linear; use gather_nd for higher orders");
  //]
}

}  // namespace mixnet::op::box_nms
