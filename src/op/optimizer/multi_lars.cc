// multi_lars: learning rates scaled layer by layer (LARS, You et al., 2017).
#include "op/optimizer/multi_lars.h"

#include "op/core/wide.h"

namespace mixnet::op::multi_lars {
namespace {

// (lrs, weights_sum_sq, grads_sum_sq, wds).
void body(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "multi_lars", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (int64_t i = 0; i < r.out[0].size(); ++i) {
      r.out[0].as<T>()[i] = rate(p, r.in[0].as<T>()[i], r.in[1].as<T>()[i], r.in[2].as<T>()[i], r.in[3].as<T>()[i]);
    }
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, body, 0); }

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "multi_lars");
  op.param("eta", &Params::eta).required().doc("Trust coefficient.");
  op.param("eps", &Params::eps).required().doc("Added to the divisor.");
  op.param("rescale_grad", &Params::rescale_grad).doc("Multiplies the norms of the gradients.");
  op.input("lrs", "(n,): learning rates.").input("weights_sum_sq", "(n,): sums of squares of the weights.");
  op.input("grads_sum_sq", "(n,): sums of squares of the gradients.").input("wds", "(n,): weight decays.");
  op.inplace(0, 0).prepare(prepare).no_gradient("an optimizer's step has no gradient");
  //[full
  op.doc(
      "LARS (You et al., 2017): lr eta |w| / (|g| + wd |w| + eps) with the norms of weight and gradient; lr where one "
      "of them is 0.");
  op.sample({{3}, {3}, {3}, {3}}, {{"eta", 0.1}, {"eps", 1e-3}, {"rescale_grad", 0.5}}).range(0.1, 2);
  op.sample({{1}, {1}, {1}, {1}}, {{"eta", 0.1}, {"eps", 1e-3}}).range(0.1, 2);
  op.sample({{0}, {0}, {0}, {0}}, {{"eta", 0.1}, {"eps", 1e-3}});
  //]
}

}  // namespace mixnet::op::multi_lars
