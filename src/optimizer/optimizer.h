// Optimizers: steps of weights along their gradients, with the states they need, by key.
//
// Steps are the library's operators, run through the engine: update returns at once. Keys are the parameters' names; weight decay counts
// for those that end in _weight or _gamma, as MXNet has it. Any thread may call; steps of one key keep the order of the calls.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/json.h"
#include "ndarray/serialize.h"
#include "op/core/value.h"
#include "optimizer/rule.h"

namespace mixnet {

class Optimizer {
 public:
  // Options by name, see rules.cc. Throws Code::invalid for what is unknown or out of range.
  Optimizer(const std::string& name, const Attributes& options);

  const std::string& name() const { return rule_.name; }
  // One step of `weight` in place. With multi_precision the step of a 16-bit weight is made on a float32 copy.
  void update(const std::string& key, const NDArray& weight, const NDArray& grad);
  // From the next step on; what a state's size depends on (momentum from 0) concerns keys without states.
  void set(const std::string& option, const Value& value);
  void set_multipliers(const std::string& key, double lr_mult, double wd_mult);

  // Whether a step of the key changes every row by that row alone: no states and no master. Rules without states are elementwise.
  bool by_row(const std::string& key) const;

  // {"name": "sgd", "options": {"learning_rate": "0.1"}, "multipliers": {"w": [1, 0]}}: what another one needs to make the same steps, without states.
  Json description() const;
  // Grows whenever description() changes.
  int64_t revision() const;

  // States and counts, as they are after the updates so far. restore throws Code::io for what states() of this kind of optimizer did not give, and changes nothing then.
  NamedArrays states() const;
  void restore(const NamedArrays& saved);

  static Json schemas();

 private:
  struct Slot {
    std::vector<NDArray> states;
    NDArray master;  // float32 copy of a 16-bit weight
    bool has_master = false;
    int64_t steps = 0;
  };
  struct Multipliers {
    double lr = 1, wd = 1;
  };
  Slot& slot_of(const std::string& key, const NDArray& weight);
  static void check_fits(const std::string& key, const Slot& slot, const NDArray& weight);

  const Rule& rule_;
  std::shared_ptr<void> options_;
  mutable std::mutex mutex_;  // guards the rest, and options_
  std::map<std::string, Slot> slots_;
  std::map<std::string, Multipliers> multipliers_;
  int64_t revision_ = 0;
};

}  // namespace mixnet
