// transpose and SwapAxis: the axes in another order.
#include "op/core/builder.h"
#include "op/core/strided_loop.h"

namespace mixnet::op::transpose {
namespace {

struct Params {
  Shape axes;
};
struct SwapParams {
  int64_t dim1 = 0, dim2 = 0;
};

Shape order_of(const Params& p, int ndim) {
  Shape order = p.axes;
  if (order.ndim() == 0) for (int i = ndim - 1; i >= 0; --i) order.push_back(i);
  MIXNET_CHECK(order.ndim() == ndim, invalid, "[transpose] axes: expected ", ndim, " numbers, got ", p.axes);
  uint32_t seen = 0;
  for (int i = 0; i < ndim; ++i) {
    order[i] = normalize_axis(order[i], ndim, "transpose");
    seen |= 1u << order[i];
  }
  MIXNET_CHECK(seen == (1u << ndim) - 1, invalid, "[transpose] axes: expected every axis once, got ", p.axes);
  return order;
}
Shape order_of(const SwapParams& p, int ndim) {
  Shape order;
  for (int i = 0; i < ndim; ++i) order.push_back(i);
  std::swap(order[normalize_axis(p.dim1, ndim, "SwapAxis")], order[normalize_axis(p.dim2, ndim, "SwapAxis")]);
  return order;
}

template <class P>
void forward(const P& p, const RunContext& r) {
  const Shape &in = r.in[0].shape, &out = r.out[0].shape, order = order_of(p, in.ndim());
  const auto so = row_major_strides(out), si = row_major_strides(in);
  StridedLoop<2> loop;
  for (int i = 0; i < out.ndim(); ++i) loop.add(out[i], {so[static_cast<size_t>(i)], si[static_cast<size_t>(order[i])]});
  copy_strided(loop, r.out[0].data, r.in[0].data, dtype_size(r.in[0].dtype));
}
template <class P>
void infer(InferShape& c) {
  if (c.in[0].ndim_known()) {
    const Shape order = order_of(c.params<P>(), c.in[0].ndim());
    Shape out;
    for (int64_t axis : order) out.push_back(c.in[0][static_cast<int>(axis)]);
    c.set_out(0, out);
  }
  if (c.out[0].ndim_known()) {
    const Shape order = order_of(c.params<P>(), c.out[0].ndim());
    Shape in = Shape::filled(order.ndim(), -1);
    for (int i = 0; i < order.ndim(); ++i) in[static_cast<int>(order[i])] = c.out[0][i];
    c.set_in(0, in);
  }
}
//[full
void gradient(GradientContext& g) {
  const Shape& axes = g.params<Params>().axes;
  Shape inverse = axes;
  for (int i = 0; i < axes.ndim(); ++i) inverse[static_cast<int>(axes[i] < 0 ? axes[i] + axes.ndim() : axes[i])] = i;
  g.set(0, g.make("transpose", {g.output_grad(0)}, {{"axes", inverse}}));
}
void swap_gradient(GradientContext& g) {
  const SwapParams& p = g.params<SwapParams>();
  g.set(0, g.make("SwapAxis", {g.output_grad(0)}, {{"dim1", p.dim1}, {"dim2", p.dim2}}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "transpose");
  op.param("axes", &Params::axes).doc("Which input axis stands where; all reversed when empty.");
  op.input("data", "Any shape and dtype.").infer_shape(infer<Params>).kernel(forward<Params>);
  OpBuilder<SwapParams> swap(registry, "SwapAxis");
  swap.alias("swapaxes");
  swap.param("dim1", &SwapParams::dim1).doc("One axis.");
  swap.param("dim2", &SwapParams::dim2).doc("The other axis.");
  swap.input("data", "Any shape and dtype.").infer_shape(infer<SwapParams>).kernel(forward<SwapParams>);
  //[full
  op.doc("data with its axes in another order.").gradient(gradient);
  op.sample({{2, 3, 4}});
  op.sample({{2, 3, 4}}, {{"axes", Shape{1, 2, 0}}});
  op.sample({{1}});
  op.sample({{0, 3}});
  swap.doc("data with two axes exchanged.").gradient(swap_gradient);
  swap.sample({{2, 3, 4}}, {{"dim1", 0}, {"dim2", 2}});
  swap.sample({{1}});
  swap.sample({{0, 2}}, {{"dim1", 0}, {"dim2", 1}});
  //]
}

}  // namespace mixnet::op::transpose
