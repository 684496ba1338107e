#include "autograd/cached_op.h"

#include <algorithm>

#include "autograd/callable.h"
#include "autograd/record.h"
#include "autograd/thread_state.h"
#include "executor/invoke.h"

namespace mixnet::autograd {
namespace {

constexpr size_t most_plans = 32;  // per symbol

class ReplayCall : public Callable {
 public:
  ReplayCall(std::shared_ptr<ReplayPlan> plan, std::vector<NDArray> externals, std::shared_ptr<Chunk> arena,
             PhiloxKey draw, std::shared_ptr<OperatorStates> operators, int num_inputs, int num_outputs)
      : plan_(std::move(plan)),
        externals_(std::move(externals)),
        arena_(std::move(arena)),
        draw_(draw),
        operators_(std::move(operators)),
        num_inputs_(num_inputs),
        num_outputs_(num_outputs) {}
  ~ReplayCall() override { release(); }

  int num_inputs() const override { return num_inputs_; }
  int num_outputs() const override { return num_outputs_; }
  bool makes_fresh() const override { return true; }
  std::string no_second_order() const override { return "a replayed function has no gradient of its gradient"; }

  std::vector<Taped> backward(std::vector<Taped> output_grads) override {
    MIXNET_CHECK(plan_, invalid, "[backward] a replayed call was given up by an earlier backward");
    // The planner lets backward overwrite what forward left. Outputs and states are the program's by now.
    const std::vector<NDArray> externals = done_ ? plan_->apart(externals_) : externals_;
    if (done_) plan_->forward(externals, arena_, draw_, operators_);
    done_ = true;
    std::vector<NDArray> grads;
    for (const Taped& t : output_grads) grads.push_back(t.array);
    std::vector<Taped> results(static_cast<size_t>(num_inputs_));
    const std::vector<NDArray> arrays = plan_->backward(externals, grads, arena_, draw_, operators_);
    for (size_t i = 0; i < arrays.size(); ++i) results[i].array = arrays[i];
    return results;
  }

  void release() override {
    if (arena_) plan_->give_arena(std::move(arena_));
    arena_.reset();
    plan_.reset();
    externals_.clear();
  }

 private:
  std::shared_ptr<ReplayPlan> plan_;
  std::vector<NDArray> externals_;
  std::shared_ptr<Chunk> arena_;
  PhiloxKey draw_;
  std::shared_ptr<OperatorStates> operators_;
  int num_inputs_, num_outputs_;
  bool done_ = false;
};

}  // namespace

CachedOp::CachedOp(Symbol symbol, const std::vector<std::string>& parameters) : symbol_(std::move(symbol)) {
  MIXNET_CHECK(!symbol_.outputs().empty(), invalid, "[cached_op] expected a symbol with outputs");
  names_ = symbol_.list_arguments();
  num_arguments_ = names_.size();
  bound_.assign(num_arguments_, false);
  for (const std::string& name : parameters) {
    const auto it = std::find(names_.begin(), names_.end(), name);
    MIXNET_CHECK(it != names_.end(), invalid, "[cached_op] parameters: no argument is called '", name, "'");
    bound_[static_cast<size_t>(it - names_.begin())] = true;
  }
  for (const std::string& name : symbol_.list_states()) {
    names_.push_back(name);
    bound_.push_back(true);
  }
}

bool CachedOp::fits(const Variant& variant, Span<Taped* const> inputs, const std::vector<bool>& wants,
                    bool training) const {
  if (variant.request.training != training || variant.request.wants != wants) return false;
  if (!inputs.empty() && !(variant.request.device == inputs[0]->array.device())) return false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const NDArray &a = inputs[i]->array, &b = variant.request.values[i];
    if (a.dtype() != b.dtype() || !(a.shape() == b.shape()) || (bound_[i] && !a.same_memory(b))) return false;
  }
  return true;
}

std::shared_ptr<ReplayPlan> CachedOp::find(Span<Taped* const> inputs, bool recording, bool training) {
  std::vector<bool> wants(num_arguments_);
  for (size_t i = 0; recording && i < num_arguments_; ++i) wants[i] = inputs[i]->tracked();
  std::lock_guard<std::mutex> lock(mutex_);
  for (auto it = variants_.begin(); it != variants_.end(); ++it) {
    if (!fits(*it, inputs, wants, training)) continue;
    variants_.splice(variants_.begin(), variants_, it);
    return it->plan;
  }
  Variant fresh;
  ReplayRequest& request = fresh.request;
  request.symbol = symbol_;
  request.bound = bound_;
  request.wants = std::move(wants);
  request.training = training;
  request.device = inputs.empty() ? DeviceId() : inputs[0]->array.device();
  for (const Taped* t : inputs) request.values.push_back(t->array);
  fresh.plan = std::make_shared<ReplayPlan>(request);
  // Of arrays that differ from call to call the shapes are enough.
  for (size_t i = 0; i < bound_.size(); ++i) {
    NDArray& a = request.values[i];
    if (!bound_[i]) a = NDArray(a.shape(), a.dtype(), a.device());
  }
  variants_.push_front(std::move(fresh));
  if (variants_.size() > most_plans) variants_.pop_back();
  return variants_.front().plan;
}

namespace {

// Plans that are replayed know dense arrays; the conversion is recorded like any operation.
std::vector<Taped> made_dense(Span<Taped* const> inputs) {
  static const OpSchema& op = registry().at("cast_storage");
  static const ParamsPtr params = op.make_params({{"stype", Value("default")}});
  std::vector<Taped> dense;
  for (Taped* t : inputs) {
    if (t->array.none() || t->array.dense()) {
      dense.push_back(t->share());
      continue;
    }
    std::vector<Taped> made;
    if (thread_state().recording) {
      autograd::invoke(op, params, Span<Taped* const>(&t, 1), {}, made, {});
    } else {
      made.emplace_back(NDArray(t->array.shape(), t->array.dtype(), t->array.device()));
      convert(t->array, made[0].array);
    }
    dense.push_back(made[0]);
  }
  return dense;
}

}  // namespace

std::vector<Taped> CachedOp::invoke(Span<Taped* const> inputs) {
  const ThreadState& state = thread_state();
  if (std::any_of(inputs.begin(), inputs.end(), [](const Taped* t) { return !t->array.dense(); })) {
    std::vector<Taped> dense = made_dense(inputs);
    std::vector<Taped*> pointers;
    for (Taped& t : dense) pointers.push_back(&t);
    return invoke(pointers);
  }
  MIXNET_CHECK(!state.trace, unsupported, "[cached_op] cannot be called while tracing: call the function itself");
  MIXNET_CHECK(inputs.size() == names_.size(), invalid, "[cached_op] expected ", names_.size(), " arrays, got ",
               inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    MIXNET_CHECK(!inputs[i]->array.none(), invalid, "[cached_op] ", names_[i], " is empty");
    const DeviceId here = inputs[0]->array.device(), there = inputs[i]->array.device();
    MIXNET_CHECK(here.host() ? there.host() : there == here, device, "[cached_op] ", names_[i],
                 ": expected an array on ", here.str(), ", got ", there.str());
  }
  const std::shared_ptr<ReplayPlan> plan = find(inputs, state.recording, state.training);
  std::vector<NDArray> values;
  values.reserve(inputs.size());
  for (const Taped* t : inputs) values.push_back(t->array);
  const std::vector<NDArray> outputs = plan->make_outputs();
  std::vector<NDArray> externals = plan->externals(values, outputs);
  std::shared_ptr<Chunk> arena = plan->take_arena();
  const PhiloxKey draw = plan->num_draws() ? next_random(plan->num_draws()) : PhiloxKey{};
  const auto operators = std::make_shared<OperatorStates>();
  plan->forward(externals, arena, draw, operators);
  std::vector<Taped> results;
  if (!plan->has_backward()) {
    plan->give_arena(std::move(arena));
    for (const NDArray& a : outputs) results.emplace_back(a);
    return results;
  }
  const auto call = std::make_shared<ReplayCall>(plan, std::move(externals), std::move(arena), draw, operators,
                                                 static_cast<int>(inputs.size()), static_cast<int>(outputs.size()));
  const auto node = record_call(call, Span<const Taped* const>(inputs.data(), inputs.size()), outputs);
  for (size_t i = 0; i < outputs.size(); ++i) results.emplace_back(outputs[i], Entry{node, static_cast<int>(i)});
  return results;
}

std::string CachedOp::describe() {
  std::lock_guard<std::mutex> lock(mutex_);
  return variants_.empty() ? "" : variants_.front().plan->describe();
}

int64_t CachedOp::num_plans() {
  std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<int64_t>(variants_.size());
}

}  // namespace mixnet::autograd
