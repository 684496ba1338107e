// A rule: how one kind of optimizer makes one step, and which options it has.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ndarray/ndarray.h"
#include "op/core/param.h"

namespace mixnet {

// What every rule's options begin with.
struct CommonOptions {
  double learning_rate = 0.01, wd = 0, rescale_grad = 1, clip_gradient = -1;
  bool multi_precision = false;
};

// One step of one weight: lr and wd with their factors, t counts from 1.
struct OptimizerStep {
  const NDArray &weight, &grad;
  const std::vector<NDArray>& states;
  double lr, wd;
  int64_t t;
};

struct Rule {
  std::string name, doc;
  std::vector<ParamField> fields;
  std::function<std::shared_ptr<void>()> make_options;  // of a struct that begins with CommonOptions
  std::function<int(const void*)> state_count;          // arrays like the weight, zero at first
  std::vector<int> state_counts;                        // what it may be, by the options
  std::function<void(const void*, const OptimizerStep&)> step;
};

const std::vector<Rule>& optimizer_rules();

}  // namespace mixnet
