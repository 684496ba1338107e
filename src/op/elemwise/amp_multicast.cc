// amp_multicast: brings several arrays to one float dtype. Integers stay what they are.
#include "op/core/builder.h"
#include "op/core/convert.h"

namespace mixnet::op::amp_multicast {
namespace {

struct Params {
  int64_t num_outputs = 1;
  bool cast_narrow = false;
};

void kernel(const Params&, const RunContext& r) {
  for (size_t k = 0; k < r.in.size(); ++k) convert(r.in[k], r.out[k]);
}

void infer(InferShape& c) {
  for (int i = 0; i < c.num_inputs(); ++i) {
    c.set_out(i, c.in[static_cast<size_t>(i)]);
    c.set_in(i, c.out[static_cast<size_t>(i)]);
  }
}
// Waits until all dtypes are known. float16 and bfloat16 have one width: together they become float32.
void infer_type(InferType& c) {
  DType chosen = DType::unknown;
  for (DType t : c.in) {
    if (t == DType::unknown) return;
    if (!dtype_is_float(t)) continue;
    const bool wider = chosen != DType::unknown && dtype_size(t) > dtype_size(chosen);
    const bool narrower = chosen != DType::unknown && dtype_size(t) < dtype_size(chosen);
    if (chosen == DType::unknown || (c.params<Params>().cast_narrow ? narrower : wider)) chosen = t;
    else if (!wider && !narrower && t != chosen) chosen = DType::f32;
  }
  for (int i = 0; i < c.num_inputs(); ++i)
    c.set_out(i, dtype_is_float(c.in[static_cast<size_t>(i)]) ? chosen : c.in[static_cast<size_t>(i)]);
}

//[full
void gradient(GradientContext& g) {
  for (int i = 0; i < g.num_inputs(); ++i) {
    if (g.wants(i) && g.has_output_grad(i)) g.set(i, g.make("_cast_like", {g.output_grad(i), g.input(i)}));
  }
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "amp_multicast");
  op.param("num_outputs", &Params::num_outputs).required().range(1).doc("Number of arrays.");
  op.param("cast_narrow", &Params::cast_narrow).doc("Casts to the narrowest float dtype instead of the widest.");
  op.variadic_groups({"data"}, {}, "num_outputs", &Params::num_outputs)
      .input("data", "Any shape and dtype; each its own.");
  op.infer_shape(infer).infer_type(infer_type).kernel(kernel);
  //[full
  op.doc("Casts all float arrays to the widest dtype among them, or to the narrowest. Integers are passed on.")
      .gradient(gradient);
  op.sample({{2, 3}, {4}});
  op.sample({{1}}, {{"cast_narrow", true}});
  op.sample({{0}, {2}});
  //]
}

}  // namespace mixnet::op::amp_multicast
