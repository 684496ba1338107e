// reverse: a tensor backwards along some of its axes.
#include "op/core/builder.h"
#include "op/core/movement.h"

namespace mixnet::op::reverse {
namespace {

struct Params {
  Shape axis;
};

void forward(const Params& p, const RunContext& r) {
  const Shape& in = r.in[0].shape;
  if (in.size() == 0) return;
  const auto strides = row_major_strides(in);
  auto step = strides;
  int64_t offset = 0;
  for (int64_t a : p.axis) {
    const size_t i = static_cast<size_t>(normalize_axis(a, in.ndim(), "reverse"));
    offset += (in[static_cast<int>(i)] - 1) * strides[i];
    step[i] = -strides[i];
  }
  StridedLoop<2> loop;
  for (int i = 0; i < in.ndim(); ++i) loop.add(in[i], {strides[static_cast<size_t>(i)], step[static_cast<size_t>(i)]});
  const int64_t item = dtype_size(r.in[0].dtype);
  copy_strided(r.context.stream, loop, r.out[0].data, r.in[0].as<char>() + offset * item, item);
}

void infer(InferShape& c) {
  c.all_same();
  if (!c.in[0].ndim_known()) return;
  const std::string place = c.place();
  uint32_t seen = 0;
  for (int64_t a : c.params<Params>().axis) {
    const uint32_t bit = 1u << normalize_axis(a, c.in[0].ndim(), place.c_str());
    if (seen & bit) c.fail(Code::invalid, concat("axis: expected every axis once, got ", c.params<Params>().axis));
    seen |= bit;
  }
}

//[full
void gradient(GradientContext& g) {
  g.set(0, g.make("reverse", {g.output_grad(0)}, {{"axis", g.params<Params>().axis}}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "reverse");
  op.alias("flip");
  op.param("axis", &Params::axis).required().doc("Axes to run backwards.");
  op.input("data", "Any shape and dtype.").infer_shape(infer).kernel(forward).gpu_kernel(forward);
  //[full
  op.doc("data backwards along axes.").gradient(gradient);
  op.sample({{2, 3, 2}}, {{"axis", Shape{0, 2}}});
  op.sample({{2, 3}}, {{"axis", Shape{-1}}});
  op.sample({{1}}, {{"axis", Shape{0}}});
  op.sample({{0, 2}}, {{"axis", Shape{1}}});
  //]
}

}  // namespace mixnet::op::reverse
