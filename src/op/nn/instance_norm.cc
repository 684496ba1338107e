// InstanceNorm (Ulyanov et al., 2016): normalises every channel of every instance.
#include "op/nn/instance_norm.h"

namespace mixnet::op::instance_norm {
namespace {

using Rows = Normalize<Params, rows>;

void infer(InferShape& c) {
  c.expect_ndim(0, 3, Shape::max_ndim);
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (!c.in[0].ndim_known()) return;
  for (int i : {1, 2}) c.set_in(i, Shape{c.in[0][1]});
  for (int i : {1, 2}) c.set_out(i, Shape{c.in[0][0], c.in[0][1]});
}

//[full
void gradient(GradientContext& g) { Rows::gradient(g, "_backward_InstanceNorm"); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "InstanceNorm");
  op.param("eps", &Params::eps).doc("Added to the variance.");
  op.input("data", "(N, C, ...), float.").input("gamma", "(C,): scale.").input("beta", "(C,): shift.");
  op.outputs({"output", "mean", "std"}, 1).infer_shape(infer).prepare(Rows::prepare);
  //[full
  op.doc(
      "Instance normalisation (Ulyanov et al., 2016): (data - mean) / sqrt(var + eps) * gamma + beta with mean and "
      "variance over the positions of each channel of each instance.");
  op.gradient(gradient);
  op.sample({{2, 3, 4}, {3}, {3}});
  op.sample({{2, 2, 2, 3}, {2}, {2}}, {{"eps", 0.1}});
  op.sample({{1, 1, 1}, {1}, {1}});
  op.sample({{0, 2, 3}, {2}, {2}});
  op.sample({{1, 2, 0}, {2}, {2}});
  OpBuilder<Params> grad(registry, "_backward_InstanceNorm");
  grad.param("eps", &Params::eps);
  Rows::add_backward(grad);
  //]
}

}  // namespace mixnet::op::instance_norm
