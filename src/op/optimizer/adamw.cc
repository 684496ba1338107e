// AdamW (Loshchilov and Hutter, 2019): Adam with decoupled weight decay, for one or several weights, with or without float32 copies.
//
// The gradient's scale is a tensor of one number; a step whose scale is 0, infinite or NaN is left out, as loss scaling wants it.
#include "op/optimizer/adamw.h"

#include "op/core/builder.h"

namespace mixnet::op::adamw {
namespace {

// With a scale that is known, so that loops need not ask.
template <class Step>
struct Scaled {
  Step step;
  typename Step::A scale;
  template <int V> void run(int64_t at) const { step.template take<V>(at, scale); }
};

template <bool Multi, bool Master>
void kernel(const Params& p, const RunContext& r) {
  constexpr size_t group = 4 + Master;
  const float* scale = r.in[r.out.size() * group].as<float>();
  for (size_t k = 0; k < r.out.size(); ++k) {
    dispatch_float(r.out[k].dtype, "adamw_update", [&](auto tag) {
      using T = typename decltype(tag)::type;
      using A = accumulator_t<T>;
      const Step<T, Master> step(Rule<A>(p, rates_of<Multi>(p, k)), scale, r.in.subspan(k * group, group), r.out[k]);
      if (leaves_out(static_cast<double>(*scale))) lanes::each(r.out[k].size(), step);
      else lanes::each(r.out[k].size(), Scaled<Step<T, Master>>{step, static_cast<A>(*scale)});
    });
  }
}

template <int Group>
void infer(InferShape& c) {
  const int n = static_cast<int>(c.out.size());
  for (int k = 0; k < n; ++k) {
    for (int i = 0; i < Group; ++i) c.set_out(k, c.in[static_cast<size_t>(k * Group + i)]);
    for (int i = 0; i < Group; ++i) c.set_in(k * Group + i, c.out[static_cast<size_t>(k)]);
  }
  const Shape& scale = c.in[static_cast<size_t>(n * Group)];
  if (!scale.known()) c.set_in(n * Group, Shape{1});
  else if (scale.size() != 1) c.fail(Code::shape, concat("rescale_grad: expected one number, got ", scale));
}
template <int Group, bool Master>
void infer_type(InferType& c) {
  const int n = static_cast<int>(c.out.size());
  for (int k = 0; k < n; ++k) {
    c.set_out(k, c.in[static_cast<size_t>(k * Group)]);
    for (int i = 0; i < Group; ++i)
      c.set_in(k * Group + i, Master && i >= 2 ? DType::f32 : c.out[static_cast<size_t>(k)]);
  }
  c.set_in(n * Group, DType::f32);
}

void check(const Params& p) {
  const size_t n = static_cast<size_t>(p.num_weights);
  auto one_each = [n](const char* name, const std::vector<double>& list) {
    MIXNET_CHECK(list.size() == n, invalid, name, ": expected one number per weight, ", n, ", got ", list.size());
  };
  one_each("lrs", p.lrs);
  one_each("wds", p.wds);
  one_each("etas", p.etas);
}

//[full
template <bool Multi, bool Master>
void add_documentation(OpBuilder<Params>& op) {
  constexpr size_t group = 4 + Master;
  op.doc(std::string("AdamW (Loshchilov and Hutter, 2019): Adam's moments of rescale_grad * grad, clipped, then w -= "
                     "eta (lr m / (sqrt(v) + epsilon) + wd w)") +
         (Multi ? ", for several weights" : "") + (Master ? ", on float32 copies" : "") +
         ". A rescale_grad of 0, infinity or NaN leaves everything as it is.");
  for (const std::vector<Shape>& shapes : {std::vector<Shape>{{2, 3}, {4}}, {{1}}, {{0}}}) {
    const size_t n = Multi ? shapes.size() : 1;
    std::vector<Shape> inputs;
    for (size_t k = 0; k < n; ++k) inputs.insert(inputs.end(), group, shapes[k]);
    inputs.push_back({1});
    const std::vector<double> rates(n, 0.1);
    if (Multi) op.sample(inputs, {{"lrs", rates}, {"wds", rates}, {"etas", rates}}).range(0.5, 2);
    else op.sample(inputs, {{"lr", 0.1}, {"eta", 0.5}, {"wd", 0.01}, {"clip_gradient", 1.0}}).range(0.5, 2);
  }
}
//]

template <bool Multi, bool Master>
void add(Registry& registry, const std::string& name, const std::string& alias) {
  constexpr int group = 4 + Master;
  OpBuilder<Params> op(registry, name);
  op.alias(alias);
  if (Multi) op.param("lrs", &Params::lrs).required().doc("Learning rate of every weight.");
  else op.param("lr", &Params::lr).required().doc("Learning rate.");
  op.param("beta1", &Params::beta1).doc("Decay of the first moment.");
  op.param("beta2", &Params::beta2).doc("Decay of the second moment.");
  op.param("epsilon", &Params::epsilon).doc("Keeps the division finite.");
  if (Multi) op.param("wds", &Params::wds).required().doc("Weight decay of every weight.");
  else op.param("wd", &Params::wd).doc("Weight decay, not multiplied by lr.");
  if (Multi) op.param("etas", &Params::etas).required().doc("Schedule multiplier of every weight.");
  else op.param("eta", &Params::eta).required().doc("Schedule multiplier of step and decay.");
  op.param("clip_gradient", &Params::clip_gradient).doc("Limits gradients to [-c, c]; off below 0.");
  op.input("weight", "Any shape, float.")
      .input("grad", "Its gradient.")
      .input("mean", "First moment, changed in place.")
      .input("var", "Second moment, changed in place.");
  std::vector<std::string> names{"weight", "grad", "mean", "var"};
  if (Master) op.input("weight32", "The weight in float32, changed in place.");
  if (Master) names.push_back("weight32");
  op.input("rescale_grad", "One number, multiplies the gradient.");
  if (Multi) {
    op.param("num_weights", &Params::num_weights).range(1).doc("Number of weights.");
    op.variadic_groups(names, {"rescale_grad"}, "num_weights", &Params::num_weights).check(check);
  }
  op.mutates(Master ? std::vector<int>{2, 3, 4} : std::vector<int>{2, 3}).inplace(0, 0);
  op.infer_shape(infer<group>).infer_type(infer_type<group, Master>).kernel(kernel<Multi, Master>);
  op.no_gradient("an optimizer's step has no gradient");
  //[full
  add_documentation<Multi, Master>(op);
  //]
}

}  // namespace

void register_ops(Registry& registry) {
  add<false, false>(registry, "_adamw_update", "_contrib_adamw_update");
  add<false, true>(registry, "_mp_adamw_update", "_contrib_mp_adamw_update");
  add<true, false>(registry, "_multi_adamw_update", "_contrib_multi_adamw_update");
  add<true, true>(registry, "_multi_mp_adamw_update", "_contrib_multi_mp_adamw_update");
}

}  // namespace mixnet::op::adamw
