#include "autograd/replay_plan.h"

#include <algorithm>

#include "executor/head_maker.h"
#include "executor/invoke.h"
#include "pass/gradient.h"
#include "pass/infer.h"

namespace mixnet::autograd {
namespace {

constexpr int64_t small_bytes = 64 << 10;  // a run on less is done in microseconds
constexpr size_t most_idle = 2;            // arenas that wait for the next run

struct Inferred {
  std::vector<Shape> shapes;
  std::vector<DType> types;
};

Inferred infer(const Graph& graph, const std::vector<std::pair<const Node*, NDArray>>& variables) {
  const size_t entries = static_cast<size_t>(graph.num_entries());
  Inferred r{std::vector<Shape>(entries, Shape::unknown()), std::vector<DType>(entries, DType::unknown)};
  for (const auto& [node, array] : variables) {
    r.shapes[static_cast<size_t>(graph.entry(graph.id(node), 0))] = array.shape();
    r.types[static_cast<size_t>(graph.entry(graph.id(node), 0))] = array.dtype();
  }
  r.shapes = infer_shapes(graph, std::move(r.shapes));
  r.types = infer_types(graph, std::move(r.types));
  const std::string shape = first_unknown_shape(graph, r.shapes), type = first_unknown_type(graph, r.types);
  MIXNET_CHECK(shape.empty(), shape, "[cached_op] ", shape);
  MIXNET_CHECK(type.empty(), type, "[cached_op] ", type);
  return r;
}

void add(std::vector<Variable*>& list, Variable* v) {
  if (std::find(list.begin(), list.end(), v) == list.end()) list.push_back(v);
}

}  // namespace

// Heads and variables of the plan, with arrays that only stand for others.
struct ReplayPlan::Maker {
  HeadMaker heads;
  std::vector<std::pair<const Node*, NDArray>> variables;
  std::vector<std::pair<Role, NDArray>> placeholders;

  NDArray placeholder(Role role, const Shape& shape, DType dtype, DeviceId device) {
    placeholders.emplace_back(role, NDArray(shape, dtype, device));
    return placeholders.back().second;
  }
};

ReplayPlan::ReplayPlan(const ReplayRequest& request) : name_(request.symbol.name()), device_(request.device) {
  const Variables variables = find_variables(request.symbol.outputs());
  std::vector<NodePtr> nodes = variables.arguments;
  nodes.insert(nodes.end(), variables.states.begin(), variables.states.end());
  Maker maker;
  PlanRequest plan;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const NDArray& a = request.values[i];
    NDArray value = maker.placeholder(Role::value, a.shape(), a.dtype(), device_);
    if (request.bound[i]) value = maker.placeholders.back().second = a;
    else plan.inputs.push_back(nodes[i].get());
    maker.variables.emplace_back(nodes[i].get(), value);
  }
  const std::vector<Entry>& outputs = request.symbol.outputs();
  const Graph graph(outputs);
  const Inferred inferred = infer(graph, maker.variables);
  std::vector<Entry> seeds, wrt;
  for (const Entry& e : outputs) {
    const size_t entry = static_cast<size_t>(graph.entry(e));
    const Shape& shape = inferred.shapes[entry];
    const DType dtype = inferred.types[entry];
    placeholder_outputs_.push_back(maker.placeholder(Role::output, shape, dtype, device_));
    maker.heads.add(e, placeholder_outputs_.back());
    made_.push_back(make_variable("head_grad"));
    const NDArray grad = maker.placeholder(Role::output_grad, shape, dtype, device_);
    const bool loss = !e.node->is_variable() && e.node->op->head;
    if (!loss) maker.variables.emplace_back(made_.back().get(), grad);
    if (!loss) plan.inputs.push_back(made_.back().get());
    seeds.push_back(loss ? Entry() : Entry{made_.back(), 0});
  }
  for (size_t i = 0; i < variables.arguments.size(); ++i) {
    if (request.wants[i]) wrt.push_back({variables.arguments[i], 0});
  }
  has_backward_ = !wrt.empty();
  placeholder_grads_.resize(variables.arguments.size());
  std::vector<Entry> grads = has_backward_ ? gradient(outputs, seeds, wrt) : std::vector<Entry>();
  // Last arguments first: their gradients are ready first, and what they need is freed early.
  for (size_t i = variables.arguments.size(); i-- > 0;) {
    const NDArray& a = request.values[i];
    const NDArray target = maker.placeholder(Role::gradient, a.shape(), a.dtype(), device_);
    if (!request.wants[i]) continue;
    placeholder_grads_[i] = target;
    Entry grad = grads.back();
    grads.pop_back();
    if (!grad) grad = maker.heads.make("zeros_like", {{variables.arguments[i], 0}}, "zero");
    maker.heads.add(grad, target);
  }
  plan.heads = maker.heads.heads;
  plan.head_arrays = maker.heads.arrays;
  plan.variables = std::move(maker.variables);
  plan.num_forward_heads = static_cast<int>(outputs.size());
  plan.device = device_;
  plan.training = request.training;
  plan.gradients = has_backward_;
  plan_ = std::make_unique<Plan>(std::move(plan));
  find_roles(maker.placeholders);
  turn_ = engine().new_variable();
}

ReplayPlan::~ReplayPlan() { engine().delete_variable(turn_, {}); }

// Gradients were made in reverse, so their number is counted down.
void ReplayPlan::find_roles(const std::vector<std::pair<Role, NDArray>>& placeholders) {
  int64_t bytes = plan_->arena_bytes();
  for (int i = 0; i < plan_->num_externals(); ++i) {
    const NDArray& a = plan_->external(i);
    int count[4] = {0, 0, 0, static_cast<int>(placeholder_grads_.size()) - 1};
    for (const auto& [role, array] : placeholders) {
      int& number = count[static_cast<int>(role)];
      if (array.same_memory(a) && static_cast<int>(roles_.size()) == i) roles_.emplace_back(role, number);
      number += role == Role::gradient ? -1 : 1;
    }
    bytes += a.bytes();
  }
  small_ = bytes <= small_bytes;
  for (int i = 0; i < plan_->num_steps(); ++i) small_ = small_ && !plan_->step(i).kernel->foreign_threads();
  forward_.last = backward_.first = plan_->num_forward_steps();
  backward_.last = plan_->num_steps();
  small_ = small_ && !plan_->any_foreign();
  for (Part* part : {&forward_, &backward_}) {
    plan_->touched(part->first, part->last, &part->reads, &part->writes);
    for (int first = part->first; first < part->last; first = part->pieces.back().last) {
      Piece piece;
      piece.first = first;
      piece.last = plan_->stretch_end(first, part->last);
      plan_->touched(piece.first, piece.last, &piece.reads, &piece.writes);
      part->pieces.push_back(std::move(piece));
    }
  }
}

std::shared_ptr<Chunk> ReplayPlan::take_arena() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (arenas_.empty()) return std::make_shared<Chunk>(device_, static_cast<size_t>(plan_->arena_bytes()));
  std::shared_ptr<Chunk> arena = std::move(arenas_.back());
  arenas_.pop_back();
  return arena;
}

void ReplayPlan::give_arena(std::shared_ptr<Chunk> arena) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (arenas_.size() < most_idle) arenas_.push_back(std::move(arena));
}

std::vector<NDArray> ReplayPlan::make_outputs() const {
  std::vector<NDArray> outputs;
  for (const NDArray& like : placeholder_outputs_) outputs.emplace_back(like.shape(), like.dtype(), device_);
  return outputs;
}

std::vector<NDArray> ReplayPlan::externals(const std::vector<NDArray>& values,
                                           const std::vector<NDArray>& outputs) const {
  std::vector<NDArray> all(roles_.size());
  for (size_t i = 0; i < roles_.size(); ++i) {
    const auto [role, number] = roles_[i];
    if (role == Role::value) all[i] = values[static_cast<size_t>(number)];
    if (role == Role::output) all[i] = outputs[static_cast<size_t>(number)];
  }
  return all;
}

std::vector<NDArray> ReplayPlan::apart(std::vector<NDArray> externals) const {
  for (int i : forward_.writes) {
    NDArray& a = externals[static_cast<size_t>(i)];
    const NDArray fresh(a.shape(), a.dtype(), a.device());
    if (roles_[static_cast<size_t>(i)].first == Role::value) copy(a, fresh);
    a = fresh;
  }
  return externals;
}

void ReplayPlan::forward(const std::vector<NDArray>& externals, const std::shared_ptr<Chunk>& arena,
                         const PhiloxKey& draw, const std::shared_ptr<OperatorStates>& operators) {
  for (const Piece& piece : forward_.pieces)
    push(piece, externals, arena, draw, piece.first == forward_.first, operators);
}

std::vector<NDArray> ReplayPlan::backward(std::vector<NDArray> externals, const std::vector<NDArray>& output_grads,
                                          const std::shared_ptr<Chunk>& arena, const PhiloxKey& draw,
                                          const std::shared_ptr<OperatorStates>& operators) {
  std::vector<NDArray> results(placeholder_grads_.size());
  for (size_t i = 0; i < results.size(); ++i) {
    const NDArray& like = placeholder_grads_[i];
    if (!like.none()) results[i] = NDArray(like.shape(), like.dtype(), device_);
  }
  for (size_t i = 0; i < roles_.size(); ++i) {
    const auto [role, number] = roles_[i];
    if (role == Role::gradient) externals[i] = results[static_cast<size_t>(number)];
    if (role == Role::output_grad) externals[i] = output_grads[static_cast<size_t>(number)];
  }
  for (const Piece& piece : backward_.pieces) push(piece, externals, arena, draw, false, operators);
  return results;
}

void ReplayPlan::push(const Piece& piece, const std::vector<NDArray>& externals, const std::shared_ptr<Chunk>& arena,
                      const PhiloxKey& draw, bool fresh, const std::shared_ptr<OperatorStates>& operators) {
  std::vector<Variable*> reads, writes{turn_, arena->variable()};
  for (int i : piece.reads) add(reads, externals[static_cast<size_t>(i)].variable());
  for (int i : piece.writes) {
    const NDArray& a = externals[static_cast<size_t>(i)];
    add(writes, a.variable());
    if (!a.whole()) add(reads, a.variable());
  }
  if (!fresh) add(reads, arena->variable());
  const std::shared_ptr<ReplayPlan> self = shared_from_this();
  auto body = [self, &piece, externals, arena, draw, operators] {
    self->plan_->run(piece.first, piece.last, static_cast<char*>(arena->data()), draw, externals, nullptr,
                     operators.get());
  };
  auto describe = [&] { return (piece.first < forward_.last ? "replay of " : "backward of replayed ") + name_; };
  PushOptions options;
  options.small = small_;
  if (plan_->foreign(piece.first)) options.lane = Lane::callback;
  if (options.small && engine().run_now(reads, writes, body, describe)) return;
  engine().push(make_task(std::move(body), describe()), reads, writes, options);
}

}  // namespace mixnet::autograd
