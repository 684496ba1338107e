/// Optimizers: rules that change parameters by their gradients. They run in the library and keep their states there.
#pragma once

#include <mixnet/arithmetic.hpp>

#include <cstdio>
#include <functional>

namespace mixnet {

/// A learning rate by the number of steps done.
using Schedule = std::function<double(int64_t step)>;

/// base, times factor after every `period` steps, but not below `least`.
inline Schedule factor_schedule(double base, int64_t period, double factor = 1, double least = 1e-8) {
  return [=](int64_t step) {
    double rate = base;
    for (int64_t passed = period; passed < step && rate > least; passed += period) rate *= factor;
    return rate < least ? least : rate;
  };
}

/// base, times factor after each of these steps.
inline Schedule steps_schedule(double base, std::vector<int64_t> steps, double factor = 1) {
  return [=](int64_t step) {
    double rate = base;
    for (int64_t at : steps) rate *= step > at ? factor : 1;
    return rate;
  };
}

/// Options as texts. They are those of Python's optimizers: learning_rate, momentum, wd, rescale_grad, clip_gradient, ...
using OptimizerOptions = std::map<std::string, std::string>;

/// One optimizer with its states, which it keeps by the names of parameters. Weight decay counts for names that end in _weight or _gamma.
class Optimizer {
 public:
  /// rule: "sgd", "adam", ...; numbers become texts that give the same number back.
  explicit Optimizer(const std::string& rule, const std::map<std::string, double>& options = {})
      : Optimizer(rule, texts(options)) {}
  Optimizer(const std::string& rule, const OptimizerOptions& options) {
    std::vector<const char*> keys, values;
    for (const auto& [key, value] : options) {
      keys.push_back(key.c_str());
      values.push_back(value.c_str());
    }
    rescales_ = options.count("rescale_grad") > 0;
    check(mxn_optimizer_create(rule.c_str(), keys.data(), values.data(), static_cast<int32_t>(keys.size()),
                               receive(handle_)));
  }
  /// Names, options and documentation of all rules, as JSON.
  static std::string rules() {
    detail::Text json;
    check(mxn_optimizer_schemas(receive(json)));
    return detail::text(json);
  }
  mxn_optimizer_t* get() const { return handle_.get(); }

  /// One step for all these parameters.
  void update(const std::vector<std::string>& names, const std::vector<const NDArray*>& weights,
              const std::vector<const NDArray*>& grads) {
    if (names.size() != weights.size() || names.size() != grads.size()) {
      fail("[Optimizer] update: expected as many weights and gradients as names");
    }
    if (schedule_) set("learning_rate", schedule_(++steps_));
    std::vector<mxn_ndarray_t*> w, g;
    for (size_t i = 0; i < names.size(); ++i) {
      w.push_back(weights[i]->get());
      g.push_back(grads[i]->get());
    }
    check(mxn_optimizer_update(get(), detail::pointers(names).data(), w.data(), g.data(),
                               static_cast<int64_t>(names.size())));
  }
  /// Changes learning_rate, wd, rescale_grad, clip_gradient, ... for the steps to come.
  void set(const std::string& option, double value) {
    rescales_ = rescales_ || option == "rescale_grad";
    check(mxn_optimizer_set(get(), option.c_str(), value));
  }
  /// Multiplies learning rate and weight decay of one parameter.
  void set_multipliers(const std::string& name, double learning_rate, double wd = 1) {
    check(mxn_optimizer_set_multipliers(get(), name.c_str(), learning_rate, wd));
  }
  /// The learning rate before every step.
  void set_schedule(Schedule schedule) { schedule_ = std::move(schedule); }
  /// Sets rescale_grad unless the program has: fit gives 1 / batch size.
  void set_default_rescale(double value) {
    if (!rescales_) check(mxn_optimizer_set(get(), "rescale_grad", value));
  }

  void save(const std::string& path) const { check(mxn_optimizer_save(get(), path.c_str())); }
  void load(const std::string& path) { check(mxn_optimizer_load(get(), path.c_str())); }

 private:
  static OptimizerOptions texts(const std::map<std::string, double>& options) {
    OptimizerOptions found;
    char text[32];
    for (const auto& [key, value] : options) {
      std::snprintf(text, sizeof text, "%.17g", value);
      found[key] = text;
    }
    return found;
  }

  Handle<mxn_optimizer_t, mxn_optimizer_free> handle_;
  Schedule schedule_;
  int64_t steps_ = 0;
  bool rescales_ = false;
};

}  // namespace mixnet
