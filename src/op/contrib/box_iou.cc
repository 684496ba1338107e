// _contrib_box_iou: intersection over union of every box of one array with every box of another.
#include "op/contrib/box_iou.h"

namespace mixnet::op::box_iou {
namespace {

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "box_iou", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T *a = r.in[0].as<T>(), *b = r.in[1].as<T>();
    const int64_t n = r.in[1].size() / 4;
    parallel_for(r.in[0].size() / 4, std::max<int64_t>(1, 4096 / std::max<int64_t>(1, n)),
                 [&](int64_t first, int64_t last) {
                   for (int64_t i = first; i < last; ++i) {
                     const Box<T> left = load_box(a + i * 4, p.format);
                     for (int64_t j = 0; j < n; ++j)
                       r.out[0].as<T>()[i * n + j] = box_overlap(left, load_box(b + j * 4, p.format));
                   }
                 });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, forward, 0); }

void infer(InferShape& c) {
  Shape out;
  for (int i = 0; i < 2; ++i) {
    c.expect_ndim(i, 1, Shape::max_ndim);
    if (!c.in[static_cast<size_t>(i)].ndim_known()) return;
    Shape boxes = Shape::filled(c.in[static_cast<size_t>(i)].ndim(), -1);
    boxes[boxes.ndim() - 1] = 4;
    c.set_in(i, boxes);
    const Shape& s = c.in[static_cast<size_t>(i)];
    for (int k = 0; k < s.ndim() - 1; ++k) out.push_back(s[k]);
  }
  c.set_out(0, out);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_box_iou");
  op.param("format", &Params::format, box_formats()).doc("Corners, or centre and size.");
  op.input("lhs", "(..., 4), float: boxes.").input("rhs", "(..., 4): boxes.");
  op.infer_shape(infer).prepare(prepare).zero_gradient();
  //[full
  op.doc(
      "Intersection over union of all pairs of boxes: the leading extents of lhs, then those of rhs. Boxes that cover "
      "nothing have 0 with everything. No gradient flows, as in MXNet.");
  op.sample({{3, 4}, {2, 2, 4}});
  op.sample({{3, 4}, {2, 4}}, {{"format", "center"}}).range(0, 1);
  op.sample({{4}, {1, 4}}).range(0, 1);
  op.sample({{0, 4}, {2, 4}});
  //]
}

}  // namespace mixnet::op::box_iou
