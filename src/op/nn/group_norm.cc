// GroupNorm (Wu and He, 2018): normalises groups of channels of every instance.
#include "op/nn/group_norm.h"

namespace mixnet::op::group_norm {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("num_groups", &Params::num_groups).range(1).doc("Number of groups; divides the channels.");
  op.param("eps", &Params::eps).doc("Added to the variance.");
  op.param("output_mean_var", &Params::output_mean_var)
      .doc("Shows mean and standard deviation as outputs too; no gradient flows through them.");
}

using Rows = Normalize<Params, rows>;

void infer(InferShape& c) {
  const int64_t groups = c.params<Params>().num_groups;
  c.expect_ndim(0, 3, Shape::max_ndim);
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  for (int i : {1, 2}) c.set_in(i, Shape{groups});
  if (!c.in[0].ndim_known()) return;
  if (c.in[0][1] >= 0 && c.in[0][1] % groups != 0)
    c.fail(Code::shape, concat("num_groups: expected a divisor of ", c.in[0][1], " channels, got ", groups));
  for (int i : {1, 2}) c.set_out(i, Shape{c.in[0][0], groups});
}
int visible(const Params& p) { return p.output_mean_var ? 3 : 1; }

//[full
void gradient(GradientContext& g) { Rows::gradient(g, "_backward_GroupNorm"); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "GroupNorm");
  add_params(op);
  op.input("data", "(N, C, ...), float.")
      .input("gamma", "(num_groups,): scale.")
      .input("beta", "(num_groups,): shift.");
  op.outputs({"output", "mean", "std"}).visible_outputs(visible).infer_shape(infer).prepare(Rows::prepare);
  //[full
  op.doc(
      "Group normalisation (Wu and He, 2018): (data - mean) / sqrt(var + eps) * gamma + beta with mean and variance "
      "over each group of channels of each instance.");
  op.gradient(gradient);
  op.sample({{2, 4, 3}, {2}, {2}}, {{"num_groups", 2}});
  op.sample({{2, 3, 2, 2}, {1}, {1}}, {{"eps", 0.1}});
  op.sample({{2, 2, 3}, {2}, {2}}, {{"num_groups", 2}, {"output_mean_var", true}}).not_differentiable();
  op.sample({{1, 1, 1}, {1}, {1}});
  op.sample({{0, 2, 3}, {1}, {1}});
  OpBuilder<Params> grad(registry, "_backward_GroupNorm");
  add_params(grad);
  Rows::add_backward(grad);
  //]
}

}  // namespace mixnet::op::group_norm
