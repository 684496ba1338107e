// The rules. Fused steps are operators of the library; the rest is arithmetic on arrays.
#include <cmath>

#include "executor/invoke.h"
#include "op/core/registry.h"
#include "optimizer/rule.h"

namespace mixnet {
namespace {

void run(const char* op, std::vector<NDArray> inputs, const Attributes& attributes, std::vector<NDArray>& outputs) {
  const OpSchema& schema = registry().at(op);
  InvokeOptions options;
  options.device = inputs.empty() ? DeviceId{} : inputs[0].device();
  invoke(schema, schema.make_params(attributes), inputs, outputs, options);
}

void run_into(const NDArray& out, const char* op, std::vector<NDArray> inputs, const Attributes& attributes = {}) {
  std::vector<NDArray> outputs{out};
  run(op, std::move(inputs), attributes, outputs);
}

NDArray apply(const char* op, std::vector<NDArray> inputs, const Attributes& attributes = {}) {
  std::vector<NDArray> outputs;
  run(op, std::move(inputs), attributes, outputs);
  return outputs[0];
}

NDArray times(const NDArray& a, double factor) { return apply("_mul_scalar", {a}, {{"scalar", factor}}); }
NDArray plus(const NDArray& a, double term) { return apply("_plus_scalar", {a}, {{"scalar", term}}); }
NDArray plus(const NDArray& a, const NDArray& b) { return apply("elemwise_add", {a, b}); }
NDArray times(const NDArray& a, const NDArray& b) { return apply("elemwise_mul", {a, b}); }
NDArray over(const NDArray& a, const NDArray& b) { return apply("elemwise_div", {a, b}); }
NDArray root(const NDArray& a) { return apply("sqrt", {a}); }
void add_to(const NDArray& target, const NDArray& term) { run_into(target, "elemwise_add", {target, term}); }
// target = share target + (1 - share) value
void average_into(const NDArray& target, double share, const NDArray& value) {
  run_into(target, "elemwise_add", {times(target, share), times(value, 1 - share)});
}

NDArray clipped(const CommonOptions& o, const NDArray& grad) {
  if (o.clip_gradient < 0) return grad;
  return apply("clip", {grad}, {{"a_min", -o.clip_gradient}, {"a_max", o.clip_gradient}});
}
NDArray prepared(const CommonOptions& o, const NDArray& grad) { return clipped(o, times(grad, o.rescale_grad)); }

// What every fused step takes, and then its own.
Attributes fused(const CommonOptions& o, const OptimizerStep& s, Attributes own = {}) {
  own.insert(own.end(),
             {{"lr", s.lr}, {"wd", s.wd}, {"rescale_grad", o.rescale_grad}, {"clip_gradient", o.clip_gradient}});
  return own;
}
void run_fused(const char* op, const OptimizerStep& s, const Attributes& attributes) {
  std::vector<NDArray> inputs{s.weight, s.grad};
  inputs.insert(inputs.end(), s.states.begin(), s.states.end());
  run_into(s.weight, op, std::move(inputs), attributes);
}

struct Sgd : CommonOptions {
  double momentum = 0;
  int state_count() const { return momentum != 0; }
  void step(const OptimizerStep& s) const {
    if (s.states.empty()) return run_fused("sgd_update", s, fused(*this, s));
    run_fused("sgd_mom_update", s, fused(*this, s, {{"momentum", momentum}}));
  }
};

struct Nag : CommonOptions {
  double momentum = 0.9;
  Nag() { learning_rate = 0.1; }
  int state_count() const { return momentum != 0; }
  void step(const OptimizerStep& s) const {
    if (s.states.empty()) return run_fused("sgd_update", s, fused(*this, s));
    run_fused("nag_mom_update", s, fused(*this, s, {{"momentum", momentum}}));
  }
};

struct Sgld : CommonOptions {
  int state_count() const { return 0; }
  void step(const OptimizerStep& s) const {
    const NDArray slope = plus(prepared(*this, s.grad), times(s.weight, s.wd));
    const NDArray noise = apply("_random_normal_like", {s.weight}, {{"loc", 0.0}, {"scale", std::sqrt(s.lr)}});
    add_to(s.weight, plus(times(slope, -s.lr / 2), noise));
  }
};

struct Adam : CommonOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  Adam() { learning_rate = 0.001; }
  int state_count() const { return 2; }
  void step(const OptimizerStep& given) const {
    OptimizerStep s = given;
    const double t = static_cast<double>(s.t);
    s.lr *= std::sqrt(1 - std::pow(beta2, t)) / (1 - std::pow(beta1, t));
    run_fused("adam_update", s, fused(*this, s, {{"beta1", beta1}, {"beta2", beta2}, {"epsilon", epsilon}}));
  }
};

struct AdaGrad : CommonOptions {
  double eps = 1e-7;
  int state_count() const { return 1; }
  void step(const OptimizerStep& s) const {
    const NDArray grad = prepared(*this, s.grad);
    add_to(s.states[0], apply("square", {grad}));
    const NDArray slope = over(grad, root(plus(s.states[0], eps)));
    add_to(s.weight, times(plus(slope, times(s.weight, s.wd)), -s.lr));
  }
};

struct RmsProp : CommonOptions {
  double gamma1 = 0.9, gamma2 = 0.9, epsilon = 1e-8, clip_weights = -1;
  bool centered = false;
  RmsProp() { learning_rate = 0.001; }
  int state_count() const { return centered ? 3 : 1; }
  void step(const OptimizerStep& s) const {
    Attributes own = fused(*this, s, {{"gamma1", gamma1}, {"epsilon", epsilon}, {"clip_weights", clip_weights}});
    if (s.states.size() == 1) return run_fused("rmsprop_update", s, own);
    own.emplace_back("gamma2", gamma2);
    run_fused("rmspropalex_update", s, own);
  }
};

struct AdaDelta : CommonOptions {
  double rho = 0.9, epsilon = 1e-5;
  int state_count() const { return 2; }
  void step(const OptimizerStep& s) const {
    const NDArray grad = prepared(*this, s.grad);
    const NDArray &squares = s.states[0], &steps = s.states[1];
    average_into(squares, rho, apply("square", {grad}));
    const NDArray delta = times(over(root(plus(steps, epsilon)), root(plus(squares, epsilon))), grad);
    average_into(steps, rho, apply("square", {delta}));
    add_to(s.weight, times(plus(delta, times(s.weight, s.wd)), -1.0));
  }
};

struct Ftrl : CommonOptions {
  double lamda1 = 0.01, beta = 1;
  Ftrl() { learning_rate = 0.1; }
  int state_count() const { return 2; }
  void step(const OptimizerStep& s) const {
    run_fused("ftrl_update", s, fused(*this, s, {{"lamda1", lamda1}, {"beta", beta}}));
  }
};

struct AdaMax : CommonOptions {
  double beta1 = 0.9, beta2 = 0.999;
  AdaMax() { learning_rate = 0.002; }
  int state_count() const { return 2; }
  void step(const OptimizerStep& s) const {
    const NDArray grad = clipped(*this, plus(times(s.grad, rescale_grad), times(s.weight, s.wd)));
    const NDArray &mean = s.states[0], &largest = s.states[1];
    average_into(mean, beta1, grad);
    run_into(largest, "_maximum", {times(largest, beta2), apply("abs", {grad})});
    const double rate = s.lr / (1 - std::pow(beta1, static_cast<double>(s.t)));
    add_to(s.weight, times(over(mean, plus(largest, 1e-8)), -rate));
  }
};

struct Signum : CommonOptions {
  double momentum = 0.9, wd_lh = 0;
  int state_count() const { return momentum != 0; }
  void step(const OptimizerStep& s) const {
    if (s.states.empty()) return run_fused("signsgd_update", s, fused(*this, s));
    run_fused("signum_update", s, fused(*this, s, {{"momentum", momentum}, {"wd_lh", wd_lh}}));
  }
};

struct SignSgd : CommonOptions {
  int state_count() const { return 0; }
  void step(const OptimizerStep& s) const { run_fused("signsgd_update", s, fused(*this, s)); }
};

struct Ftml : CommonOptions {
  double beta1 = 0.6, beta2 = 0.999, epsilon = 1e-8;
  Ftml() { learning_rate = 0.0025; }
  int state_count() const { return 3; }
  void step(const OptimizerStep& s) const {
    run_fused("ftml_update", s,
              {{"lr", s.lr},
               {"wd", s.wd},
               {"t", s.t},
               {"beta1", beta1},
               {"beta2", beta2},
               {"epsilon", epsilon},
               {"rescale_grad", rescale_grad},
               {"clip_grad", clip_gradient}});
  }
};

struct Lamb : CommonOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-6, lower_bound = -1, upper_bound = -1;
  bool bias_correction = true;
  Lamb() { learning_rate = 0.001; }
  int state_count() const { return 2; }
  void step(const OptimizerStep& s) const {
    const NDArray direction = apply("lamb_update_phase1", {s.weight, s.grad, s.states[0], s.states[1]},
                                    {{"beta1", beta1},
                                     {"beta2", beta2},
                                     {"epsilon", epsilon},
                                     {"t", s.t},
                                     {"wd", s.wd},
                                     {"bias_correction", bias_correction},
                                     {"rescale_grad", rescale_grad},
                                     {"clip_gradient", clip_gradient}});
    run_into(s.weight, "lamb_update_phase2",
             {s.weight, direction, apply("norm", {s.weight}), apply("norm", {direction})},
             {{"lr", s.lr}, {"lower_bound", lower_bound}, {"upper_bound", upper_bound}});
  }
};

// Options are added with their texts one by one.
template <class P>
class RuleBuilder {
 public:
  RuleBuilder(std::vector<Rule>& rules, std::string name, std::string doc) : rule_(rules.emplace_back()) {
    rule_.name = std::move(name);
    rule_.doc = std::move(doc);
    rule_.make_options = [] { return std::make_shared<P>(); };
    rule_.state_count = [](const void* p) { return static_cast<const P*>(p)->state_count(); };
    rule_.state_counts = {P().state_count()};
    rule_.step = [](const void* p, const OptimizerStep& s) { static_cast<const P*>(p)->step(s); };
    add<double>("learning_rate", &P::learning_rate, "Size of a step.").range(0);
    add<double>("wd", &P::wd, "Weight decay, for keys that end in _weight or _gamma.");
    add<double>("rescale_grad", &P::rescale_grad, "Multiplies gradients first, usually by 1 / batch size.");
    add<double>("clip_gradient", &P::clip_gradient, "Limits rescaled gradients to [-c, c]; off below 0.");
    add<bool>("multi_precision", &P::multi_precision, "Makes the steps of 16-bit weights on float32 copies.");
  }
  template <class T>
  FieldBuilder add(const char* name, T P::* member, const char* doc) {
    rule_.fields.push_back(make_field<P, T>(name, member));
    FieldBuilder field(&rule_.fields.back());
    field.doc(doc);
    return field;
  }
  // Where the number of states depends on the options.
  RuleBuilder& states(std::vector<int> counts) {
    rule_.state_counts = std::move(counts);
    return *this;
  }
  RuleBuilder& option(const char* name, double P::* member, const char* doc) {
    add<double>(name, member, doc);
    return *this;
  }
  RuleBuilder& flag(const char* name, bool P::* member, const char* doc) {
    add<bool>(name, member, doc);
    return *this;
  }

 private:
  Rule& rule_;
};

template <class P>
void add_betas(RuleBuilder<P>& rule) {
  rule.option("beta1", &P::beta1, "Share of the first moment that is kept.")
      .option("beta2", &P::beta2, "Share of the second moment that is kept.");
}

std::vector<Rule> make_rules() {
  std::vector<Rule> rules;
  rules.reserve(16);
  RuleBuilder<Sgd>(rules, "sgd", "Stochastic gradient descent: m = momentum m - lr (g + wd w), w += m.")
      .states({0, 1})
      .option("momentum", &Sgd::momentum, "Share of the last step that is kept; 0: no state.");
  RuleBuilder<Nag>(rules, "nag", "SGD with Nesterov's momentum (Sutskever et al., 2013).")
      .states({0, 1})
      .option("momentum", &Nag::momentum, "Share of the last step that is kept.");
  RuleBuilder<Sgld>(rules, "sgld", "Stochastic gradient Langevin dynamics (Patterson and Teh, 2013).");
  RuleBuilder<Adam> adam(rules, "adam", "Adam (Kingma and Ba, 2015).");
  add_betas(adam);
  adam.option("epsilon", &Adam::epsilon, "Added to the root of the second moment.");
  RuleBuilder<AdaGrad>(rules, "adagrad", "AdaGrad (Duchi et al., 2011).")
      .option("eps", &AdaGrad::eps, "Added to the sum of squares.");
  RuleBuilder<RmsProp>(rules, "rmsprop", "RMSProp (Tieleman and Hinton, 2012), centered: Graves (2013).")
      .states({1, 3})
      .option("gamma1", &RmsProp::gamma1, "Share of the mean square that is kept.")
      .option("gamma2", &RmsProp::gamma2, "Momentum of the centered form.")
      .option("epsilon", &RmsProp::epsilon, "Added under the root.")
      .option("clip_weights", &RmsProp::clip_weights, "Limits weights to [-c, c]; off below 0.")
      .flag("centered", &RmsProp::centered, "Subtracts the squared mean from the mean square.");
  RuleBuilder<AdaDelta>(rules, "adadelta", "AdaDelta (Zeiler, 2012). learning_rate has no influence.")
      .option("rho", &AdaDelta::rho, "Share of the averages that is kept.")
      .option("epsilon", &AdaDelta::epsilon, "Added under the roots.");
  RuleBuilder<Ftrl>(rules, "ftrl", "FTRL-proximal (McMahan et al., 2013).")
      .option("lamda1", &Ftrl::lamda1, "Weight of the L1 term.")
      .option("beta", &Ftrl::beta, "Added to the root of the sum of squares.");
  RuleBuilder<AdaMax> adamax(rules, "adamax", "AdaMax (Kingma and Ba, 2015, section 7).");
  add_betas(adamax);
  RuleBuilder<Signum>(rules, "signum", "SignSGD with momentum (Bernstein et al., 2018).")
      .states({0, 1})
      .option("momentum", &Signum::momentum, "Share of the last direction that is kept.")
      .option("wd_lh", &Signum::wd_lh, "Weight decay of the form of Loshchilov and Hutter (2019).");
  RuleBuilder<SignSgd>(rules, "signsgd", "Steps by the gradient's sign alone.");
  RuleBuilder<Ftml> ftml(rules, "ftml", "Follow the moving leader (Zheng and Kwok, 2017).");
  add_betas(ftml);
  ftml.option("epsilon", &Ftml::epsilon, "Added to the root of the second moment.");
  RuleBuilder<Lamb> lamb(rules, "lamb", "LAMB (You et al., 2020).");
  add_betas(lamb);
  lamb.option("epsilon", &Lamb::epsilon, "Added to the root of the second moment.")
      .option("lower_bound", &Lamb::lower_bound, "Least norm of the weight; off below 0.")
      .option("upper_bound", &Lamb::upper_bound, "Largest norm of the weight; off below 0.")
      .flag("bias_correction", &Lamb::bias_correction, "Divides the moments by 1 - beta^t.");
  return rules;
}

}  // namespace

const std::vector<Rule>& optimizer_rules() {
  static const std::vector<Rule>& rules = *new std::vector<Rule>(make_rules());
  return rules;
}

}  // namespace mixnet
