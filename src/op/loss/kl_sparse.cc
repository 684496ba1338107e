// IdentityAttachKLSparseReg: passes activations on; backward adds the gradient of a penalty that keeps their mean at a small target.
#include "op/loss/kl_sparse.h"

#include <cstring>

#include "device/stream.h"
#include "op/core/wide.h"

namespace mixnet::op::kl_sparse {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("sparseness_target", &Params::sparseness_target).range(0, 1).doc("The mean activation that is aimed at.");
  op.param("penalty", &Params::penalty).doc("Multiplies the penalty.");
  op.param("momentum", &Params::momentum).range(0, 1).doc("Share of the moving average that is kept.");
}

void forward(const Params&, const RunContext& r) {
  if (r.out[0].size() > 0 && r.out[0].data != r.in[0].data)
    std::memcpy(r.out[0].data, r.in[0].data, static_cast<size_t>(r.out[0].bytes()));
}
void forward_gpu(const Params&, const RunContext& r) {
  if (r.out[0].data != r.in[0].data)
    r.context.stream->copy(r.out[0].data, r.in[0].data, static_cast<size_t>(r.out[0].bytes()));
}
void infer(InferShape& c) {
  c.expect_ndim(0, 2, Shape::max_ndim);
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (c.in[0].ndim_known()) c.set_in(1, Shape{c.in[0][1]});
}

//[full
// (dy, activations, moving average): the average takes part of the batch's mean, then dx = dy + penalty (-t / m + (1 - t) / (1 - m)).
void backward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "IdentityAttachKLSparseReg", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const Shape& s = r.in[1].shape;
    const int64_t units = s[1], inner = s.size(2, s.ndim()), count = s[0] * inner;
    for (int64_t u = 0; count > 0 && u < units; ++u) {
      A sum = 0;
      for (int64_t k = 0; k < count; ++k)
        sum += static_cast<A>(r.in[1].as<T>()[(k / inner * units + u) * inner + k % inner]);
      const A mean = moved(p, static_cast<A>(r.in[2].as<T>()[u]), sum / static_cast<A>(count)), extra = slope(p, mean);
      r.in[2].as<T>()[u] = static_cast<T>(mean);
      for (int64_t k = 0; k < count; ++k) {
        const int64_t e = (k / inner * units + u) * inner + k % inner;
        r.out[0].as<T>()[e] = static_cast<T>(static_cast<A>(r.in[0].as<T>()[e]) + extra);
      }
    }
  });
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
void gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_IdentityAttachKLSparseReg", {g.output_grad(0), g.output(0), g.input(1)})[0]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "IdentityAttachKLSparseReg");
  add_params(op);
  op.input("data", "(N, units, ...), activations between 0 and 1.")
      .input("moving_avg", "(units,): their moving average, changed in backward.");
  op.auxiliary({1}).shape_only({1}).inplace(0, 0).infer_shape(infer).kernel(forward).gpu_kernel(forward_gpu);
  //[full
  op.doc(
      "Passes data on; backward adds the gradient of the Kullback-Leibler divergence between the target and the moving "
      "average of every unit's activation.");
  op.gradient(gradient);
  op.sample({{3, 2}, {2}}, {{"penalty", 0.01}}).range(0.1, 0.9).not_differentiable();
  op.sample({{2, 2, 3}, {2}}).range(0.1, 0.9).not_differentiable();
  op.sample({{1, 1}, {1}}).range(0.1, 0.9).not_differentiable();
  op.sample({{0, 2}, {2}}).range(0.1, 0.9).not_differentiable();
  OpBuilder<Params> grad(registry, "_backward_IdentityAttachKLSparseReg");
  add_params(grad);
  grad.hidden()
      .input("output_grad")
      .input("data")
      .input("moving_avg")
      .mutates({2})
      .inplace(0, 0)
      .infer_shape(infer_backward)
      .kernel(backward);
  grad.no_gradient("changes the moving average");
  //]
}

}  // namespace mixnet::op::kl_sparse
