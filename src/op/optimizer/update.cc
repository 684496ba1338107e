// Fused optimizer steps: weight and gradient in, weight out, states changed in place, in float for 16-bit data.
#include "op/core/builder.h"
#include "op/optimizer/step.h"

namespace mixnet::op::update {
namespace {

template <class F, bool Master>
void kernel(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "optimizer",
                 [&](auto tag) { lanes::each(r.out[0].size(), Step<F, typename decltype(tag)::type, Master>(p, r)); });
}
//[full
// A row_sparse gradient with lazy_update: only the rows that it has. Weights and states are dense while the kernel runs.
bool lazy(InferStorage& c) {
  if (c.in[1] != StorageKind::row_sparse || !c.params<Params>().lazy_update) return false;
  c.out[0] = StorageKind::dense;
  for (size_t i = 0; i < c.in.size(); ++i) c.in[i] = i == 1 ? StorageKind::row_sparse : StorageKind::dense;
  return true;
}
// FTRL is lazy where the weight is row_sparse too.
bool lazy_rows(InferStorage& c) { return c.in[0] == StorageKind::row_sparse && lazy(c); }

template <class F>
void lazy_kernel(const Params& p, const RunContext& r) {
  const TensorView &weights = r.in[0], &grad = r.in[1];
  if (r.out[0].data != weights.data && weights.size() > 0)
    std::memcpy(r.out[0].data, weights.data, static_cast<size_t>(weights.bytes()));
  const SparseView& stored = *grad.sparse;
  const int64_t width = stored::width(grad);
  dispatch_float(weights.dtype, "optimizer", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    T* out = r.out[0].as<T>();
    parallel_for(stored.count, std::max<int64_t>(1, 8192 / std::max<int64_t>(1, width)), [&](int64_t a, int64_t b) {
      for (int64_t k = a * width; k < b * width; ++k) {
        const int64_t i = stored.indices[k / width] * width + k % width;
        A weight = static_cast<A>(out[i]), state[3] = {};
        for (int s = 0; s < F::states; ++s)
          state[s] = static_cast<A>(r.in[static_cast<size_t>(2 + s)].template as<T>()[i]);
        F::step(p, weight, static_cast<A>(stored.as<T>()[k]), state);
        for (int s = 0; s < F::states; ++s)
          r.in[static_cast<size_t>(2 + s)].template as<T>()[i] = static_cast<T>(state[s]);
        out[i] = static_cast<T>(weight);
      }
    });
  });
}
//]

void infer_master(InferType& c) {
  c.set_in(1, c.in[0]);
  c.set_out(0, c.in[0]);
  for (int i = 2; i < c.num_inputs(); ++i) c.set_in(i, DType::f32);
}

template <template <class T> class F>
void lamb(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "lamb_update",
                 [&](auto tag) { lanes::each(r.out[0].size(), F<typename decltype(tag)::type>(p, r)); });
}
void infer_lamb2(InferShape& c) {
  c.set_out(0, c.in[0]);
  c.set_in(1, c.in[0]);
  c.set_in(2, Shape{1});
  c.set_in(3, Shape{1});
}

struct Extra {
  const char* name;
  double Params::* member;
  const char* doc;
};
const Extra momentum{"momentum", &Params::momentum, "Share of the last step that is kept."};
const Extra beta1{"beta1", &Params::beta1, "Decay of the first moment."};
const Extra beta2{"beta2", &Params::beta2, "Decay of the second moment."};
const Extra epsilon{"epsilon", &Params::epsilon, "Keeps the division finite."};
const Extra gamma1{"gamma1", &Params::gamma1, "Decay of the squared gradient."};
const Extra gamma2{"gamma2", &Params::gamma2, "Momentum of the step."};
const Extra clip_weights{"clip_weights", &Params::clip_weights, "Limits weights to [-c, c]; off below 0."};
const Extra lamda1{"lamda1", &Params::lamda1, "L1 regularisation."};
const Extra beta{"beta", &Params::beta, "Per-coordinate learning rate parameter."};
const Extra wd_lh{"wd_lh", &Params::wd_lh, "Decoupled weight decay."};
const Extra lr{"lr", &Params::lr, "Learning rate."};
const Extra clip_grad{"clip_grad", &Params::clip_grad, "Limits gradients to [-c, c]; off below 0."};

struct Row {
  const char* name;
  std::vector<std::string> states;
  std::vector<Extra> extras;
  void (*kernel)(const Params&, const RunContext&);
  bool master;
  const char* doc;
};
const Row rows[] = {
    {"sgd_update", {}, {}, kernel<Sgd, false>, false, "w = (1 - lr wd) w - lr clip(rescale g)"},
    {"mp_sgd_update", {}, {}, kernel<Sgd, true>, true, "sgd_update on a float32 copy of the weight"},
    {"sgd_mom_update",
     {"mom"},
     {momentum},
     kernel<SgdMomentum, false>,
     false,
     "m = momentum m - lr wd w - lr clip(rescale g), w += m"},
    {"mp_sgd_mom_update",
     {"mom"},
     {momentum},
     kernel<SgdMomentum, true>,
     true,
     "sgd_mom_update on a float32 copy of the weight"},
    {"nag_mom_update", {"mom"}, {momentum}, kernel<Nag, false>, false, "SGD with Nesterov's momentum"},
    {"mp_nag_mom_update",
     {"mom"},
     {momentum},
     kernel<Nag, true>,
     true,
     "nag_mom_update on a float32 copy of the weight"},
    {"adam_update",
     {"mean", "var"},
     {beta1, beta2, epsilon},
     kernel<Adam, false>,
     false,
     "Adam (Kingma and Ba, 2015); the caller folds the bias correction into lr"},
    {"rmsprop_update",
     {"n"},
     {gamma1, epsilon, clip_weights},
     kernel<RmsProp, false>,
     false,
     "RMSProp (Tieleman and Hinton, 2012)"},
    {"rmspropalex_update",
     {"n", "g", "delta"},
     {gamma1, gamma2, epsilon, clip_weights},
     kernel<RmsPropAlex, false>,
     false,
     "RMSProp, centred (Graves, 2013)"},
    {"ftrl_update", {"z", "n"}, {lamda1, beta}, kernel<Ftrl, false>, false, "FTRL-proximal (McMahan et al., 2013)"},
    {"ftml_update",
     {"d", "v", "z"},
     {beta1, beta2, epsilon, clip_grad},
     kernel<Ftml, false>,
     false,
     "FTML (Zheng and Kwok, 2017)"},
    {"signsgd_update", {}, {}, kernel<SignSgd, false>, false, "w = (1 - lr wd) w - lr sign(g)"},
    {"signum_update",
     {"mom"},
     {momentum, wd_lh},
     kernel<Signum, false>,
     false,
     "SignSGD with momentum (Bernstein et al., 2018)"},
};

void add_common(OpBuilder<Params>& op, const std::vector<Extra>& extras, bool with_lr) {
  auto field = [&op](const Extra& e) -> FieldBuilder { return op.param(e.name, e.member).doc(e.doc); };
  if (with_lr) field(lr).required();
  for (const Extra& e : extras) field(e);
  op.param("wd", &Params::wd).doc("Weight decay.");
  op.param("rescale_grad", &Params::rescale_grad).doc("Multiplies the gradient first.");
  op.param("clip_gradient", &Params::clip_gradient).doc("Limits gradients to [-c, c]; off below 0.");
  op.param("lazy_update", &Params::lazy_update)
      .doc("With a row_sparse gradient only the rows that it has are updated; else it counts as zero elsewhere.");
}

void register_lamb(Registry& registry) {
  OpBuilder<Params> one(registry, "lamb_update_phase1");
  add_common(one, {beta1, beta2, epsilon}, false);
  one.param("t", &Params::t).required().range(1).doc("Number of the step, from 1.");
  one.param("bias_correction", &Params::bias_correction).doc("Divides the moments by 1 - beta^t.");
  one.defaults([](Params& p) { p.epsilon = 1e-6; });
  one.input("weight", "Any shape, float.")
      .input("grad", "Its gradient.")
      .input("mean", "First moment.")
      .input("var", "Second moment.");
  one.mutates({2, 3}).kernel(lamb<LambDirection>).no_gradient("an optimizer's step has no gradient");
  OpBuilder<Params> two(registry, "lamb_update_phase2");
  two.param("lr", &Params::lr).required().doc("Learning rate.");
  two.param("lower_bound", &Params::lower_bound).doc("Least norm of the weight; off below 0.");
  two.param("upper_bound", &Params::upper_bound).doc("Largest norm of the weight; off below 0.");
  two.input("weight", "Any shape, float.")
      .input("g", "The direction of phase 1.")
      .input("r1", "(1,): norm of the weight.")
      .input("r2", "(1,): norm of g.");
  two.inplace(0, 0).infer_shape(infer_lamb2).kernel(lamb<LambStep>).no_gradient("an optimizer's step has no gradient");
  //[full
  one.doc("LAMB (You et al., 2020), the direction of the step.");
  two.doc("LAMB (You et al., 2020), the step scaled by r1 / r2.");
  for (const Shape& shape : {Shape{2, 3}, Shape{1}, Shape{0}}) {
    one.sample({shape, shape, shape, shape}, {{"t", 1}}).range(0.5, 2);
    two.sample({shape, shape, {1}, {1}}, {{"lr", 0.1}}).range(0.5, 2);
  }
  //]
}

}  // namespace

void register_ops(Registry& registry) {
  for (const Row& row : rows) {
    OpBuilder<Params> op(registry, row.name);
    add_common(op, row.extras, true);
    const std::string name = row.name;
    if (name == "ftml_update") op.param("t", &Params::t).required().range(1).doc("Number of the step, from 1.");
    if (name == "ftml_update") op.defaults([](Params& p) { p.beta1 = 0.6; });
    op.input("weight", "Any shape, float.").input("grad", "Its gradient.");
    std::vector<int> mutated;
    auto state = [&](const std::string& input) {
      mutated.push_back(static_cast<int>(mutated.size()) + 2);
      op.input(input, "A state of the optimizer, changed in place.");
    };
    for (const std::string& s : row.states) state(s);
    if (row.master) state("weight32");
    op.mutates(mutated).inplace(0, 0).kernel(row.kernel).no_gradient("an optimizer's step has no gradient");
    if (row.master) op.infer_type(infer_master);
    //[full
    if (name == "sgd_update") op.sparse(lazy, lazy_kernel<Sgd>);
    if (name == "sgd_mom_update") op.sparse(lazy, lazy_kernel<SgdMomentum>);
    if (name == "adam_update") op.sparse(lazy, lazy_kernel<Adam>);
    if (name == "ftrl_update") op.sparse(lazy_rows, lazy_kernel<Ftrl>);
    op.doc(std::string(row.doc) + ". Write the output over the weight with out=weight.");
    for (const Shape& shape : {Shape{2, 3}, Shape{1}, Shape{0}}) {
      Attributes attributes{{"lr", 0.1}};
      if (name == "ftml_update") attributes.emplace_back("t", 1);
      op.sample(std::vector<Shape>(2 + mutated.size(), shape), attributes).range(0.5, 2);
    }
    //]
  }
  register_lamb(registry);
}

}  // namespace mixnet::op::update
