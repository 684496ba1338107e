// mp_lamb_update_phase1 and phase2: LAMB (You et al., 2020) on a float32 copy of a 16-bit weight.
#include "op/optimizer/mp_lamb.h"

#include "op/core/builder.h"

namespace mixnet::op::mp_lamb {
namespace {

void first_phase(const Params& p, const RunContext& r) {
  dispatch_float(r.in[1].dtype, "mp_lamb_update_phase1",
                 [&](auto tag) { lanes::each(r.out[0].size(), FirstPhase<typename decltype(tag)::type>(p, r)); });
}
void second_phase(const Params& p, const RunContext& r) {
  dispatch_float(r.out[0].dtype, "mp_lamb_update_phase2",
                 [&](auto tag) { lanes::each(r.out[0].size(), SecondPhase<typename decltype(tag)::type>(p, r)); });
}

void infer_step(InferShape& c) {
  for (int i : {0, 1, 4}) c.set_out(0, c.in[static_cast<size_t>(i)]);
  for (int i : {0, 1, 4}) c.set_in(i, c.out[0]);
  c.set_in(2, Shape{1});
  c.set_in(3, Shape{1});
}
void infer_direction_type(InferType& c) {
  c.set_in(1, c.in[0]);
  c.set_in(0, c.in[1]);
  for (int i = 2; i < 5; ++i) c.set_in(i, DType::f32);
  c.set_out(0, DType::f32);
}
void infer_step_type(InferType& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  for (int i = 1; i < 5; ++i) c.set_in(i, DType::f32);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> one(registry, "mp_lamb_update_phase1");
  one.param("beta1", &Params::beta1).doc("Decay of the first moment.");
  one.param("beta2", &Params::beta2).doc("Decay of the second moment.");
  one.param("epsilon", &Params::epsilon).doc("Keeps the division finite.");
  one.param("t", &Params::t).required().range(1).doc("Number of the step, from 1.");
  one.param("bias_correction", &Params::bias_correction).doc("Divides the moments by 1 - beta^t.");
  one.param("wd", &Params::wd).required().doc("Weight decay.");
  one.param("rescale_grad", &Params::rescale_grad).doc("Multiplies the gradient first.");
  one.param("clip_gradient", &Params::clip_gradient).doc("Limits gradients to [-c, c]; off below 0.");
  one.input("weight", "Any shape, float.").input("grad", "Its gradient.").input("mean", "First moment, float32.");
  one.input("var", "Second moment, float32.").input("weight32", "The weight in float32.").shape_only({0});
  one.mutates({2, 3})
      .infer_type(infer_direction_type)
      .kernel(first_phase)
      .no_gradient("an optimizer's step has no gradient");
  OpBuilder<Params> two(registry, "mp_lamb_update_phase2");
  two.param("lr", &Params::lr).required().doc("Learning rate.");
  two.param("lower_bound", &Params::lower_bound).doc("Least norm of the weight; off below 0.");
  two.param("upper_bound", &Params::upper_bound).doc("Largest norm of the weight; off below 0.");
  two.input("weight", "Any shape, float.")
      .input("g", "The direction of phase 1, float32.")
      .input("r1", "(1,): norm of the weight.");
  two.input("r2", "(1,): norm of g.").input("weight32", "The weight in float32, changed in place.").shape_only({0});
  two.mutates({4})
      .infer_shape(infer_step)
      .infer_type(infer_step_type)
      .kernel(second_phase)
      .no_gradient("an optimizer's step has no gradient");
  //[full
  one.doc("LAMB (You et al., 2020) on a float32 copy of the weight: the direction of the step, float32.");
  two.doc(
      "LAMB (You et al., 2020): the step on weight32, scaled by r1 / r2; the output is weight32 in the weight's "
      "dtype.");
  for (const Shape& shape : {Shape{2, 3}, Shape{1}, Shape{0}}) {
    one.sample({shape, shape, shape, shape, shape}, {{"t", 2}, {"wd", 0.1}}).range(0.5, 2);
    two.sample({shape, shape, {1}, {1}, shape}, {{"lr", 0.1}}).range(0.5, 2);
  }
  //]
}

}  // namespace mixnet::op::mp_lamb
