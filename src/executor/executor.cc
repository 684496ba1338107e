#include "executor/executor.h"

#include <algorithm>
#include <numeric>

#include "base/environment.h"
#include "executor/arena.h"
#include "executor/head_maker.h"
#include "executor/invoke.h"
#include "executor/plan.h"
#include "op/core/custom.h"
#include "pass/gradient.h"
#include "pass/infer.h"
#include "pass/placement.h"
#include "pass/sparse_values.h"

namespace mixnet {
namespace {

void check_count(const char* what, size_t got, size_t expected) {
  MIXNET_CHECK(got == expected, invalid, "[bind] ", what, ": expected ", expected, " arrays, got ", got);
}

// A stretch of a plan that is pushed as one engine operation, and the spaces whose arenas it writes and (-1: none) reads.
struct Segment {
  int first = 0, last = 0;
  int space = 0, from = -1;
  bool fresh = false;  // the first of a step in its space: nothing in the arena is needed any more
  std::vector<Variable*> reads, writes;
};

class BoundExecutor : public Executor {
 public:
  BoundExecutor(const Symbol& symbol, DeviceId device, BindArguments arguments, std::shared_ptr<Arenas> arenas)
      : symbol_(symbol),
        device_(device),
        bound_(std::move(arguments)),
        variables_(find_variables(symbol.outputs())),
        arenas_(std::move(arenas)),
        placement_(symbol, device) {
    check();
    place();
    wants_gradient_ = std::any_of(bound_.requests.begin(), bound_.requests.end(),
                                  [](GradRequest r) { return r != GradRequest::null; });
    make_outputs();
    make_plan();
  }

  const std::vector<NDArray>& outputs() const override { return outputs_; }
  const BindArguments& bound() const override { return bound_; }
  const Symbol& symbol() const override { return symbol_; }
  DeviceId device() const override { return device_; }
  const std::shared_ptr<Arenas>& arenas() const { return arenas_; }

  void forward(bool training) override {
    Prepared& p = training && wants_gradient_ ? train() : predict(training);
    draw_ = next_random(std::max<uint64_t>(1, p.plan->num_draws()));
    trained_ = training && wants_gradient_;
    run(p, 0, p.plan->num_forward_steps());
  }

  void backward(const std::vector<NDArray>& output_grads) override {
    MIXNET_CHECK(wants_gradient_, invalid, "[backward] the executor was bound without gradients");
    MIXNET_CHECK(trained_, invalid, "[backward] expected forward(is_train=True) before");
    MIXNET_CHECK(output_grads.empty() || output_grads.size() == outputs_.size(), invalid, "[backward] expected ",
                 outputs_.size(), " output gradients, got ", output_grads.size());
    for (size_t i = 0; i < head_grads_.size(); ++i) {
      if (head_grads_[i].none()) continue;
      if (!output_grads.empty() && !output_grads[i].none()) {
        MIXNET_CHECK(output_grads[i].shape() == head_grads_[i].shape(), shape, "[backward] output gradient ", i,
                     ": expected ", head_grads_[i].shape(), ", got ", output_grads[i].shape());
        copy(output_grads[i], head_grads_[i]);
        head_grad_is_ones_[i] = false;
      } else if (!head_grad_is_ones_[i]) {
        head_grads_[i]
            .view();  // lack of memory is told here; later it would stay on an array that is not written again
        std::vector<NDArray> out{head_grads_[i]};
        invoke(registry().at("ones_like"), registry().at("ones_like").make_params({}),
               Span<const NDArray>(&outputs_[i], 1), out);
        head_grad_is_ones_[i] = true;
      }
    }
    run(*train_, train_->plan->num_forward_steps(), train_->plan->num_steps());
  }

  void set_monitor(MonitorFn monitor, bool inputs) override {
    const bool changes = !monitor_ != !monitor;
    monitor_ = std::move(monitor);
    monitor_inputs_ = inputs;
    if (!changes) return;
    // A monitor sees every node: plans are made anew with a step for each; without a monitor they are as before.
    predict_.reset();
    train_.reset();
    trained_ = false;
    make_plan();
  }

  std::vector<DeviceMemory> device_memory(bool training) const override {
    const Plan& plan = *(training && train_ ? train_ : predict_ ? predict_ : train_)->plan;
    std::vector<DeviceMemory> all;
    for (int i = 0; i < plan.num_spaces(); ++i) {
      MemoryReport report;
      report.planned = plan.arena(i).bytes;
      report.naive = plan.naive_bytes(i);
      report.lower_bound = plan.arena(i).lower_bound;
      report.external = plan.external_bytes(i);
      report.kept = plan.kept_bytes(i);
      all.push_back({plan.device(i), report});
    }
    return all;
  }

  std::string describe() const override { return (train_ ? train_ : predict_)->plan->describe(); }

 private:
  struct Prepared {
    std::shared_ptr<Plan> plan;  // tasks under way keep it
    bool training = false;
    std::vector<std::shared_ptr<Arena>> arenas;  // by space
    std::vector<Segment> segments;
  };

  void check() {
    check_count("arguments", bound_.arguments.size(), variables_.arguments.size());
    check_count("states", bound_.states.size(), variables_.states.size());
    if (bound_.gradients.empty()) bound_.gradients.resize(bound_.arguments.size());
    if (bound_.requests.empty()) bound_.requests.assign(bound_.arguments.size(), GradRequest::null);
    check_count("gradients", bound_.gradients.size(), bound_.arguments.size());
    check_count("grad_req", bound_.requests.size(), bound_.arguments.size());
    auto check_array = [this](const NDArray& a, const std::string& name) {
      MIXNET_CHECK(!a.none(), invalid, "[bind] ", name, ": no array is bound to this variable");
      const bool here = device_.host() ? a.device().host() : a.device() == device_;
      MIXNET_CHECK(here || !placement_.trivial(), device, "[bind] ", name, ": expected an array on ", device_.str(),
                   ", got ", a.device().str());
    };
    for (size_t i = 0; i < bound_.arguments.size(); ++i) {
      const NDArray &a = bound_.arguments[i], &g = bound_.gradients[i];
      const std::string& name = variables_.arguments[i]->name;
      check_array(a, name);
      if (g.none()) bound_.requests[i] = GradRequest::null;
      if (bound_.requests[i] == GradRequest::null) continue;
      MIXNET_CHECK(g.shape() == a.shape(), shape, "[bind] gradient of ", name, ": expected ", a.shape(), ", got ",
                   g.shape());
      MIXNET_CHECK(g.dtype() == a.dtype(), type, "[bind] gradient of ", name, ": expected ", a.dtype(), ", got ",
                   g.dtype());
      const DeviceId home = placement_.home(*variables_.arguments[i]);
      MIXNET_CHECK(placement_.trivial() || g.device() == a.device() || g.device() == home, device,
                   "[bind] gradient of ", name, ": expected an array on ", home.str(), ", got ", g.device().str());
    }
    for (size_t i = 0; i < bound_.states.size(); ++i) check_array(bound_.states[i], variables_.states[i]->name);
  }

  // With the arrays where they are.
  void place() {
    if (placement_.trivial()) return;
    DeviceOf arrays;
    for (const auto& [node, array] : bindings()) arrays[node] = array.device();
    placement_ = Placement(symbol_, device_, arrays);
    for (size_t i = 0; i < bound_.states.size(); ++i) {
      const DeviceId home = placement_.home(*variables_.states[i]), there = bound_.states[i].device();
      MIXNET_CHECK(there == home, device, "[bind] ", variables_.states[i]->name, ": expected an array on ", home.str(),
                   ", got ", there.str());
    }
  }

  std::vector<std::pair<const Node*, NDArray>> bindings() const {
    std::vector<std::pair<const Node*, NDArray>> all;
    for (size_t i = 0; i < bound_.arguments.size(); ++i)
      all.emplace_back(variables_.arguments[i].get(), bound_.arguments[i]);
    for (size_t i = 0; i < bound_.states.size(); ++i) all.emplace_back(variables_.states[i].get(), bound_.states[i]);
    return all;
  }

  static StorageOf kinds_of(const std::vector<std::pair<const Node*, NDArray>>& variables) {
    StorageOf kinds;
    for (const auto& [node, array] : variables) {
      if (!array.dense()) kinds[node] = array.kind();
    }
    return kinds;
  }

  void make_outputs() {
    const Graph graph(symbol_.outputs());
    check_shapes_known_before(graph);
    const StorageOf kinds = kinds_of(bindings());
    std::vector<Shape> shapes(static_cast<size_t>(graph.num_entries()), Shape::unknown());
    std::vector<DType> types(static_cast<size_t>(graph.num_entries()), DType::unknown);
    for (const auto& [node, array] : bindings()) {
      shapes[static_cast<size_t>(graph.entry(graph.id(node), 0))] = array.shape();
      types[static_cast<size_t>(graph.entry(graph.id(node), 0))] = array.dtype();
    }
    shapes = infer_shapes(graph, std::move(shapes));
    types = infer_types(graph, std::move(types));
    MIXNET_CHECK(first_unknown_shape(graph, shapes).empty(), shape, "[bind] ", first_unknown_shape(graph, shapes));
    MIXNET_CHECK(first_unknown_type(graph, types).empty(), type, "[bind] ", first_unknown_type(graph, types));
    for (const Entry& e : symbol_.outputs()) {
      const size_t entry = static_cast<size_t>(graph.entry(e));
      const DeviceId on = placement_.of(*e.node);
      const StorageKind kind = on.host() ? natural_kind(e, kinds) : StorageKind::dense;
      if (kind == StorageKind::dense) outputs_.emplace_back(shapes[entry], types[entry], on);
      else outputs_.emplace_back(kind, shapes[entry], types[entry], on);
    }
  }

  void make_plan() {
    if (wants_gradient_) train();
    else predict(false);
  }

  Prepared& predict(bool training) {
    if (predict_ && predict_->training == training) return *predict_;
    HeadMaker maker;
    for (size_t i = 0; i < outputs_.size(); ++i) maker.add(symbol_.outputs()[i], outputs_[i]);
    predict_ = prepare(maker, static_cast<int>(outputs_.size()), bindings(), training, placement_);
    return *predict_;
  }

  Prepared& train() {
    if (train_) return *train_;
    std::vector<std::pair<const Node*, NDArray>> variables = bindings();
    HeadMaker maker;
    std::vector<Entry> heads, seeds;
    head_grads_.clear();
    head_grad_is_ones_.clear();
    made_variables_.clear();
    for (size_t i = 0; i < outputs_.size(); ++i) {
      const Entry& e = symbol_.outputs()[i];
      maker.add(e, outputs_[i]);
      head_grads_.emplace_back();
      head_grad_is_ones_.push_back(false);
      Entry seed;
      if (e.node->is_variable() || !e.node->op->head) {
        NodePtr v = make_variable(entry_name(e) + "_grad");
        made_variables_.push_back(v);
        head_grads_.back() = NDArray(outputs_[i].shape(), outputs_[i].dtype(), outputs_[i].device());
        variables.emplace_back(v.get(), head_grads_.back());
        seed = {v, 0};
      }
      heads.push_back(e);
      seeds.push_back(seed);
    }
    Placement placement = placement_;
    const auto follow = [&](const Node& forward, const Node& made) { placement.put(made, placement.of(forward)); };
    add_gradient_heads(maker, gradient(heads, seeds, wanted(), placement.trivial() ? GradientMade() : follow),
                       variables);
    train_ = prepare(maker, static_cast<int>(outputs_.size()), variables, true, std::move(placement));
    return *train_;
  }

  std::vector<Entry> wanted() const {
    std::vector<Entry> wrt;
    for (size_t i = 0; i < bound_.requests.size(); ++i) {
      if (bound_.requests[i] != GradRequest::null) wrt.push_back({variables_.arguments[i], 0});
    }
    return wrt;
  }

  // Last arguments first: their gradients are ready first, and what they need is freed early.
  void add_gradient_heads(HeadMaker& maker, std::vector<Entry> grads,
                          std::vector<std::pair<const Node*, NDArray>>& variables) {
    size_t next = grads.size();
    for (size_t i = bound_.requests.size(); i-- > 0;) {
      if (bound_.requests[i] == GradRequest::null) continue;
      Entry grad = grads[--next];
      const bool add = bound_.requests[i] == GradRequest::add;
      const std::string name = variables_.arguments[i]->name + "_grad";
      if (!grad && add) continue;
      if (!grad) grad = maker.make("zeros_like", {{variables_.arguments[i], 0}}, name);
      if (add) {
        NodePtr old = make_variable(name);
        made_variables_.push_back(old);
        variables.emplace_back(old.get(), bound_.gradients[i]);
        grad = maker.make("elemwise_add", {{old, 0}, grad}, name);
      }
      maker.add(grad, bound_.gradients[i]);
    }
  }

  std::unique_ptr<Prepared> prepare(HeadMaker& maker, int forward_heads,
                                    std::vector<std::pair<const Node*, NDArray>> variables, bool training,
                                    Placement placement) {
    PlanRequest request;
    request.heads = maker.heads;
    if (!placement.trivial()) {
      std::vector<DeviceId> devices;
      for (const NDArray& array : maker.arrays) devices.push_back(array.device());
      for (const auto& [node, array] : variables) placement.put(*node, array.device());
      request.heads = placement.insert_copies(maker.heads, devices);
      request.placed = true;
    }
    std::vector<StorageKind> kinds;
    for (const NDArray& array : maker.arrays) kinds.push_back(array.kind());
    request.heads = place_sparse(request.heads, kinds, kinds_of(variables));
    request.head_arrays = maker.arrays;
    request.variables = std::move(variables);
    request.num_forward_heads = forward_heads;
    request.device = device_;
    request.training = training;
    request.fuse = !monitor_;
    auto p = std::make_unique<Prepared>();
    p->plan = std::make_shared<Plan>(request);
    p->training = training;
    for (int i = 0; i < p->plan->num_spaces(); ++i) {
      p->arenas.push_back(arenas_->at(p->plan->device(i)));
      p->arenas.back()->reserve(p->plan->arena(i).bytes);
    }
    cut(*p);
    return p;
  }

  static Segment make_segment(const Plan& plan, int first, int last) {
    Segment s;
    s.first = first;
    s.last = last;
    s.space = plan.step(first).space;
    s.from = plan.step(first).from;
    std::vector<int> reads, writes;
    plan.touched(first, last, &reads, &writes);
    auto add = [](std::vector<Variable*>& list, Variable* v) {
      if (std::find(list.begin(), list.end(), v) == list.end()) list.push_back(v);
    };
    for (int i : reads) add(s.reads, plan.external(i).variable());
    for (int i : writes) {
      const NDArray& a = plan.external(i);
      add(s.writes, a.variable());
      if (!a.whole()) add(s.reads, a.variable());
    }
    return s;
  }

  // Backward is cut where gradients are finished, so that pushing them overlaps the rest. Forward is one segment; in training with large
  // parameters it is cut too, before steps that take more of them, so that it begins when a store has given the first. Both are cut where another
  // device goes on and around the program's own operators.
  void cut(Prepared& p) const {
    const Plan& plan = *p.plan;
    std::vector<bool> begun(static_cast<size_t>(plan.num_spaces()), false);
    auto close = [&](int first, int last) {
      while (first < last) {
        const int end = plan.stretch_end(first, last);
        p.segments.push_back(make_segment(plan, first, end));
        const size_t space = static_cast<size_t>(p.segments.back().space);
        p.segments.back().fresh = !begun[space];
        begun[space] = true;
        first = end;
      }
    };
    auto close_all = [&](int first, const std::vector<int>& ends, int last) {
      for (const int end : ends) {
        close(first, end);
        first = end;
      }
      close(first, last);
    };
    const int forward = plan.num_forward_steps(), all = plan.num_steps();
    constexpr int64_t large = 4 << 20, few = 4;  // a task takes microseconds, which steps of small nets would feel
    const bool fine = plan.external_bytes(0) > large;
    const int64_t most = std::max<int64_t>(1, environment_int("PLAN_SEGMENTS", 32));
    close_all(0, p.training && fine ? cuts(plan, 0, forward, true, most) : std::vector<int>(), forward);
    close_all(forward, cuts(plan, forward, all, false, fine ? most : std::min(most, few)), all);
  }

  // Where to cut steps [first, last): before what reads arrays that were not read yet (`before`), or after what writes some, when since the
  // last cut about 1 / `most` of their bytes, or of the steps, have come together.
  static std::vector<int> cuts(const Plan& plan, int first, int last, bool before, int64_t most) {
    std::vector<bool> seen(static_cast<size_t>(plan.num_externals()), false);
    std::vector<int64_t> bytes;
    for (int i = first; i < last; ++i) {
      std::vector<int> reads, writes;
      plan.touched(i, i + 1, &reads, &writes);
      bytes.push_back(0);
      for (const int array : before ? reads : writes) {
        if (!seen[static_cast<size_t>(array)]) bytes.back() += plan.external(array).bytes();
        seen[static_cast<size_t>(array)] = true;
      }
    }
    const int64_t grain = std::accumulate(bytes.begin(), bytes.end(), int64_t{0}) / most, steps = (last - first) / most;
    std::vector<int> ends;
    int64_t sum = 0;
    int from = first;
    for (int i = first; i < last; ++i) {
      const int64_t own = bytes[static_cast<size_t>(i - first)];
      const int end = before ? i : i + 1;
      sum += own;
      if (own == 0 || (sum <= grain && end - from < steps)) continue;
      if (end > from) ends.push_back(end);
      from = end;
      sum = before ? own : 0;
    }
    keep_branches(plan, first, last, &ends);
    return ends;
  }

  // Where steps of a GPU may run side by side, cuts move on to a step that follows all before it, if there is one near.
  static void keep_branches(const Plan& plan, int first, int last, std::vector<int>* ends) {
    constexpr int near = 48;
    const std::vector<bool> joints = ends->empty() ? std::vector<bool>() : plan.joints(first, last);
    if (joints.empty()) return;
    for (int& end : *ends) {
      int at = end;
      while (at < last && at - end < near && !joints[static_cast<size_t>(at - first)]) ++at;
      if (at == last || joints[static_cast<size_t>(at - first)]) end = at;
    }
    ends->erase(std::unique(ends->begin(), ends->end()), ends->end());
  }

  void run(Prepared& p, int first, int last) {
    if (monitor_) return run_monitored(p, first, last);
    for (const Segment& s : p.segments) {
      if (s.first >= first && s.last <= last) push(p, s, s.fresh);
    }
  }

  static std::shared_ptr<Chunk> chunk_of(const Prepared& p, int space) {
    return p.arenas[static_cast<size_t>(space)]->chunk();
  }

  void push(Prepared& p, const Segment& s, bool fresh) {
    const std::shared_ptr<Chunk> chunk = chunk_of(p, s.space), from = s.from < 0 ? nullptr : chunk_of(p, s.from);
    std::vector<Variable*> reads = s.reads, writes = s.writes;
    writes.push_back(chunk->variable());
    if (!fresh) reads.push_back(chunk->variable());
    if (from) reads.push_back(from->variable());
    const std::shared_ptr<Plan> plan = p.plan;
    const int first = s.first, last = s.last;
    const PhiloxKey draw = draw_;
    const std::shared_ptr<OperatorStates> operators = operators_;
    const char* what = first < plan->num_forward_steps() ? "forward of " : "backward of ";
    auto run = [plan, chunk, from, first, last, draw, operators] {
      char* const other = from ? static_cast<char*>(from->data()) : nullptr;
      plan->run(first, last, static_cast<char*>(chunk->data()), draw, {}, other, operators.get());
    };
    PushOptions options;
    if (plan->foreign(first)) options.lane = Lane::callback;
    engine().push(make_task(std::move(run), what + symbol_.name()), reads, writes, options);
  }

  void run_monitored(Prepared& p, int first, int last) {
    for (const Segment& s : p.segments) {
      if (s.first < first || s.last > last) continue;
      for (int i = s.first; i < s.last; ++i) {
        Segment one = s;
        one.first = i;
        one.last = i + 1;
        if (monitor_inputs_) report(p, i, true);
        push(p, one, s.fresh && i == s.first);
        report(p, i, false);
      }
    }
  }

  // Hands copies of a step's values to the monitor.
  void report(Prepared& p, int index, bool inputs) {
    const Plan::Step& step = p.plan->step(index);
    engine().wait_to_read(chunk_of(p, step.space)->variable());
    const Node& node = *step.node;
    const int visible = node.op->num_visible(node.params.get());
    const size_t count = inputs ? step.in.size() : static_cast<size_t>(visible);
    for (size_t i = 0; i < count; ++i) {
      const int64_t place = inputs ? step.in_place[i] : step.out_place[i];
      if (place == Plan::nothing) continue;
      const TensorView& v = inputs ? step.in[i] : step.out[i];
      const int space = inputs && step.from >= 0 ? step.from : step.space;
      const int64_t at = place - p.plan->arena(space).begin;
      NDArray value(v.shape, v.dtype, p.plan->device(space));
      if (place >= 0) {
        copy(NDArray(chunk_of(p, space), v.shape, v.dtype, at), value);
      } else {
        const NDArray& array = p.plan->external(static_cast<int>(-1 - place));
        convert(array.dense() ? array.reshape(v.shape) : array, value);
      }
      value.wait_to_read();
      monitor_(inputs ? entry_name(node.inputs[i]) : entry_name({step.node, static_cast<int>(i)}), value);
    }
  }

  Symbol symbol_;
  DeviceId device_;
  BindArguments bound_;
  Variables variables_;
  std::shared_ptr<Arenas> arenas_;
  Placement placement_;
  std::vector<NDArray> outputs_, head_grads_;
  std::vector<bool> head_grad_is_ones_;
  std::vector<NodePtr> made_variables_;
  std::unique_ptr<Prepared> train_, predict_;
  bool wants_gradient_ = false, trained_ = false;
  PhiloxKey draw_;
  std::shared_ptr<OperatorStates> operators_ = std::make_shared<OperatorStates>();
  MonitorFn monitor_;
  bool monitor_inputs_ = false;
};

std::shared_ptr<Arenas> arenas_for(const std::shared_ptr<Executor>& shared) {
  auto other = std::dynamic_pointer_cast<BoundExecutor>(shared);
  return other ? other->arenas() : std::make_shared<Arenas>();
}

}  // namespace

std::shared_ptr<Executor> bind(const Symbol& symbol, DeviceId device, BindArguments arguments,
                               const std::shared_ptr<Executor>& shared) {
  MIXNET_CHECK(!symbol.outputs().empty(), invalid, "[bind] expected a symbol with outputs");
  return std::make_shared<BoundExecutor>(symbol, device, std::move(arguments), arenas_for(shared));
}

MemoryReport on_device(const std::vector<DeviceMemory>& memory, DeviceId device) {
  for (const DeviceMemory& part : memory) {
    if (part.device == device) return part.memory;
  }
  return {};
}

MemoryReport total(const std::vector<DeviceMemory>& memory) {
  MemoryReport sum;
  for (const auto& [device, part] : memory) {
    sum.planned += part.planned;
    sum.naive += part.naive;
    sum.lower_bound += part.lower_bound;
    sum.external += part.external;
    sum.kept += part.kept;
  }
  return sum;
}

}  // namespace mixnet
