// LayerNorm (Ba et al., 2016): normalises along one axis.
#include "op/nn/layer_norm.h"

namespace mixnet::op::layer_norm {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("axis", &Params::axis).doc("The axis along which mean and variance are taken.");
  op.param("eps", &Params::eps).doc("Added to the variance.");
  op.param("output_mean_var", &Params::output_mean_var)
      .doc("Shows mean and standard deviation as outputs too; no gradient flows through them.");
}

using Rows = Normalize<Params, rows>;

void infer(InferShape& c) {
  c.expect_ndim(0, 1, Shape::max_ndim);
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (!c.in[0].ndim_known()) return;
  const int axis = normalize_axis(c.params<Params>().axis, c.in[0].ndim(), c.place().c_str());
  for (int i : {1, 2}) c.set_in(i, Shape{c.in[0][axis]});
  Shape statistics = c.in[0];
  statistics[axis] = 1;
  for (int i : {1, 2}) c.set_out(i, statistics);
}
int visible(const Params& p) { return p.output_mean_var ? 3 : 1; }

//[full
void gradient(GradientContext& g) { Rows::gradient(g, "_backward_LayerNorm"); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "LayerNorm");
  add_params(op);
  op.input("data", "Any shape, float.")
      .input("gamma", "Scale, one number per position along axis.")
      .input("beta", "Shift, the same.");
  op.outputs({"output", "mean", "std"}).visible_outputs(visible).infer_shape(infer).prepare(Rows::prepare);
  //[full
  op.doc(
        "Layer normalisation (Ba et al., 2016): (data - mean) / sqrt(var + eps) * gamma + beta with mean and variance "
        "along axis.")
      .gradient(gradient);
  op.sample({{3, 4}, {4}, {4}});
  op.sample({{2, 3, 4}, {3}, {3}}, {{"axis", 1}, {"eps", 0.1}});
  op.sample({{2, 3}, {3}, {3}}, {{"output_mean_var", true}}).not_differentiable();
  op.sample({{1}, {1}, {1}});
  op.sample({{0, 3}, {3}, {3}});
  OpBuilder<Params> grad(registry, "_backward_LayerNorm");
  add_params(grad);
  Rows::add_backward(grad);
  //]
}

}  // namespace mixnet::op::layer_norm
