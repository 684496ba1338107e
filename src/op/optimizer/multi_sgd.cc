// SGD steps of several weights in one call, plain or with momentum, with or without a float32 copy of each weight.
//
// Inputs are groups weight, grad, [mom], [weight32]. The preloaded forms take learning rates and weight decays as two tensors behind them.
#include "op/optimizer/multi_sgd.h"

#include "op/core/builder.h"

namespace mixnet::op::multi_sgd {
namespace {

template <bool Momentum, bool Master, bool Preloaded>
void kernel(const Params& p, const RunContext& r) {
  constexpr size_t group = 2 + Momentum + Master;
  for (size_t k = 0; k < r.out.size(); ++k) {
    const Span<const TensorView> in = r.in.subspan(k * group, group);
    dispatch_float(in[0].dtype, "multi_sgd", [&](auto tag) {
      using T = typename decltype(tag)::type;
      const Rule<accumulator_t<T>> rule(p);
      lanes::each(r.out[k].size(), Step<T, Momentum, Master>(rule, rates_of<Preloaded>(p, r, k), in, r.out[k]));
    });
  }
}

template <int Group>
void infer(InferShape& c) {
  const int n = static_cast<int>(c.out.size());
  for (int k = 0; k < n; ++k) {
    for (int pass = 0; pass < 2; ++pass) {
      for (int i = 0; i < Group; ++i) {
        c.set_out(k, c.in[static_cast<size_t>(k * Group + i)]);
        c.set_in(k * Group + i, c.out[static_cast<size_t>(k)]);
      }
    }
  }
  for (int i = n * Group; i < c.num_inputs(); ++i) c.set_in(i, Shape{n});
}
// The float32 copy makes mom and weight32 float32; otherwise a group has one dtype. Rates are float32.
template <int Group, bool Master>
void infer_type(InferType& c) {
  const int n = static_cast<int>(c.out.size());
  for (int k = 0; k < n; ++k) {
    c.set_out(k, c.in[static_cast<size_t>(k * Group)]);
    for (int i = 0; i < Group; ++i)
      c.set_in(k * Group + i, Master && i >= 2 ? DType::f32 : c.out[static_cast<size_t>(k)]);
  }
  for (int i = n * Group; i < c.num_inputs(); ++i) c.set_in(i, DType::f32);
}

void check(const Params& p) {
  const size_t n = static_cast<size_t>(p.num_weights);
  MIXNET_CHECK(p.lrs.size() == n, invalid, "lrs: expected one number per weight, ", n, ", got ", p.lrs.size());
  MIXNET_CHECK(p.wds.size() == n, invalid, "wds: expected one number per weight, ", n, ", got ", p.wds.size());
}

template <bool Momentum, bool Master, bool Preloaded>
void add(Registry& registry, const std::string& name) {
  constexpr int group = 2 + Momentum + Master;
  OpBuilder<Params> op(registry, name);
  if (!Preloaded) {
    op.param("lrs", &Params::lrs).required().doc("Learning rate of every weight.");
    op.param("wds", &Params::wds).required().doc("Weight decay of every weight.");
    op.check(check);
  }
  if (Momentum) op.param("momentum", &Params::momentum).doc("Share of the last step that is kept.");
  op.param("rescale_grad", &Params::rescale_grad).doc("Multiplies the gradients first.");
  op.param("clip_gradient", &Params::clip_gradient).doc("Limits gradients to [-c, c]; off below 0.");
  op.param("num_weights", &Params::num_weights).range(1).doc("Number of weights.");
  std::vector<std::string> names{"weight", "grad"}, trailing;
  std::vector<int> mutated;
  op.input("weight", "Any shape, float.").input("grad", "Its gradient.");
  if (Momentum) op.input("mom", "The last step, changed in place.");
  if (Master) op.input("weight32", "The weight in float32, changed in place.");
  if (Momentum) names.push_back("mom");
  if (Master) names.push_back("weight32");
  if (Preloaded) trailing = {"lrs", "wds"};
  if (Preloaded) op.input("lrs", "(num_weights,): learning rates.").input("wds", "(num_weights,): weight decays.");
  for (int i = 2; i < group; ++i) mutated.push_back(i);
  op.variadic_groups(names, trailing, "num_weights", &Params::num_weights).mutates(mutated).inplace(0, 0);
  op.infer_shape(infer<group>).infer_type(infer_type<group, Master>).kernel(kernel<Momentum, Master, Preloaded>);
  op.no_gradient("an optimizer's step has no gradient");
  //[full
  op.doc(std::string(Momentum ? "sgd_mom_update" : "sgd_update") + " of several weights" +
         (Master ? " with float32 copies" : "") + ". Inputs come in groups, one per weight" +
         (Preloaded ? ", then lrs and wds" : "") + ". Write the outputs over the weights with out=.");
  for (const std::vector<Shape>& shapes : {std::vector<Shape>{{2, 3}, {4}}, {{1}}, {{0}, {2}}}) {
    std::vector<Shape> inputs;
    for (const Shape& s : shapes) inputs.insert(inputs.end(), group, s);
    const int64_t n = static_cast<int64_t>(shapes.size());
    if (Preloaded) inputs.insert(inputs.end(), 2, Shape{n});
    Attributes attributes{{"clip_gradient", 0.7}};
    if (!Preloaded)
      attributes.insert(attributes.end(), {{"lrs", std::vector<double>(shapes.size(), 0.1)},
                                           {"wds", std::vector<double>(shapes.size(), 0.01)}});
    if (Momentum) attributes.emplace_back("momentum", 0.9);
    op.sample(inputs, attributes);
  }
  //]
}

}  // namespace

void register_ops(Registry& registry) {
  add<false, false, false>(registry, "multi_sgd_update");
  add<true, false, false>(registry, "multi_sgd_mom_update");
  add<false, true, false>(registry, "multi_mp_sgd_update");
  add<true, true, false>(registry, "multi_mp_sgd_mom_update");
  add<false, false, true>(registry, "preloaded_multi_sgd_update");
  add<true, false, true>(registry, "preloaded_multi_sgd_mom_update");
  add<false, true, true>(registry, "preloaded_multi_mp_sgd_update");
  add<true, true, true>(registry, "preloaded_multi_mp_sgd_mom_update");
}

}  // namespace mixnet::op::multi_sgd
