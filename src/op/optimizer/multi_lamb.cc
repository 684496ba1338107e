// LAMB steps (You et al., 2020) of several weights in one call, both phases, with or without a float32 copy of each weight.
//
// Two passes per weight: moments and norms, then the step, whose direction is computed again instead of being stored.
#include "op/optimizer/multi_lamb.h"

#include "op/core/builder.h"
#include "op/optimizer/parts.h"

namespace mixnet::op::multi_lamb {
namespace {

template <class W>
Norms take(const W& weight, int64_t n) {
  return sum_of_parts(n, [&](int64_t first, int64_t last) {
    constexpr int V = 64;
    Norms sum{0, 0};
    int64_t i = first;
    for (; i + V <= last; i += V) sum = sum + weight.template take<V>(i);
    for (; i < last; ++i) sum = sum + weight.template take<1>(i);
    return sum;
  });
}

template <bool Master>
void kernel(const Params& p, const RunContext& r) {
  constexpr size_t group = 4 + Master;
  for (size_t k = 0; k < r.out.size(); ++k) {
    dispatch_float(r.out[k].dtype, "multi_lamb", [&](auto tag) {
      using T = typename decltype(tag)::type;
      const Weight<T, Master> weight(p, k, r.in.subspan(k * group, group), r.out[k]);
      const Norms norms = take(weight, r.out[k].size());
      const double rate = Rate(p, k)(norms.weight, norms.step);
      lanes::each(r.out[k].size(), Step<T, Master>{weight, &rate});
    });
  }
}

template <int Group>
void infer(InferShape& c) {
  for (int k = 0; k < static_cast<int>(c.out.size()); ++k) {
    for (int i = 0; i < Group; ++i) c.set_out(k, c.in[static_cast<size_t>(k * Group + i)]);
    for (int i = 0; i < Group; ++i) c.set_in(k * Group + i, c.out[static_cast<size_t>(k)]);
  }
}
template <int Group, bool Master>
void infer_type(InferType& c) {
  for (int k = 0; k < static_cast<int>(c.out.size()); ++k) {
    c.set_out(k, c.in[static_cast<size_t>(k * Group)]);
    for (int i = 0; i < Group; ++i)
      c.set_in(k * Group + i, Master && i >= 2 ? DType::f32 : c.out[static_cast<size_t>(k)]);
  }
}

void check(const Params& p) {
  const size_t n = static_cast<size_t>(p.num_tensors);
  MIXNET_CHECK(p.learning_rates.size() == n, invalid, "learning_rates: expected one number per weight, ", n, ", got ",
               p.learning_rates.size());
  MIXNET_CHECK(p.wds.size() == n, invalid, "wds: expected one number per weight, ", n, ", got ", p.wds.size());
  MIXNET_CHECK(p.step_count.size() == n, invalid, "step_count: expected one number per weight, ", n, ", got ",
               p.step_count.size());
  for (const double t : p.step_count)
    MIXNET_CHECK(t == std::floor(t), invalid, "step_count: expected whole numbers, got ", t);
}

template <bool Master>
void add(Registry& registry, const std::string& name) {
  constexpr int group = 4 + Master;
  OpBuilder<Params> op(registry, "_" + name);
  op.param("learning_rates", &Params::learning_rates).required().doc("Learning rate of every weight.");
  op.param("beta1", &Params::beta1).doc("Decay of the first moment.");
  op.param("beta2", &Params::beta2).doc("Decay of the second moment.");
  op.param("epsilon", &Params::epsilon).doc("Keeps the division finite.");
  op.param("wds", &Params::wds).required().doc("Weight decay of every weight.");
  op.param("rescale_grad", &Params::rescale_grad).doc("Multiplies the gradients first.");
  op.param("lower_bound", &Params::lower_bound).doc("Least norm of a weight; off below 0.");
  op.param("upper_bound", &Params::upper_bound).doc("Largest norm of a weight; off below 0.");
  op.param("clip_gradient", &Params::clip_gradient).doc("Limits gradients to [-c, c]; off below 0.");
  op.param("bias_correction", &Params::bias_correction).doc("Divides the moments by 1 - beta^t.");
  op.param("step_count", &Params::step_count).required().range(1).doc("Number of the step of every weight, from 1.");
  op.param("num_tensors", &Params::num_tensors).range(1).doc("Number of weights.");
  op.input("weight", "Any shape, float.")
      .input("grad", "Its gradient.")
      .input("mean", "First moment, changed in place.")
      .input("var", "Second moment, changed in place.");
  std::vector<std::string> names{"weight", "grad", "mean", "var"};
  if (Master) op.input("weight32", "The weight in float32, changed in place.");
  if (Master) names.push_back("weight32");
  op.variadic_groups(names, {}, "num_tensors", &Params::num_tensors).inplace(0, 0);
  op.mutates(Master ? std::vector<int>{2, 3, 4} : std::vector<int>{2, 3});
  op.check(check).infer_shape(infer<group>).infer_type(infer_type<group, Master>).kernel(kernel<Master>);
  op.no_gradient("an optimizer's step has no gradient");
  //[full
  op.doc(
      std::string("LAMB (You et al., 2020) for several weights") + (Master ? " with float32 copies" : "") +
      ": lamb_update_phase1 and phase2 with the norms of weight and direction. Inputs come in groups, one per weight.");
  for (const std::vector<Shape>& shapes : {std::vector<Shape>{{2, 3}, {4}}, {{1}}, {{0}, {2}}}) {
    std::vector<Shape> inputs;
    for (const Shape& s : shapes) inputs.insert(inputs.end(), group, s);
    const std::vector<double> rates(shapes.size(), 0.1);
    const Shape steps = Shape::filled(static_cast<int>(shapes.size()), 3);
    op.sample(inputs, {{"learning_rates", rates}, {"wds", rates}, {"step_count", steps}}).range(0.5, 2);
    op.sample(inputs, {{"learning_rates", rates},
                       {"wds", rates},
                       {"step_count", steps},
                       {"bias_correction", false},
                       {"upper_bound", 1.0}})
        .range(0.5, 2);
  }
  //]
}

}  // namespace

void register_ops(Registry& registry) {
  add<false>(registry, "multi_lamb_update");
  add<true>(registry, "multi_mp_lamb_update");
}

}  // namespace mixnet::op::multi_lamb
