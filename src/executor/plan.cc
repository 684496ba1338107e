#include "executor/plan.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/contains.h"
#include "base/environment.h"
#include "base/profile.h"
#include "device/device.h"
#include "device/stream.h"
#include "executor/layouts.h"
#include "executor/pieces.h"
#include "executor/subgraph_maker.h"
#include "pass/extended.h"
#include "pass/infer.h"
#include "pass/placement.h"
#include "pass/rewrite.h"
#include "pass/side_by_side.h"
#include "storage/capacity.h"

namespace mixnet {
namespace {

// Memory for what kernels put into sparse arrays.
class StepOutputs : public OutputMemory {
 public:
  StepOutputs(const Plan::Step& step, Span<const NDArray> externals) : step_(step), externals_(externals) {}
  TensorView dense(int, const Shape&) const override {
    fail(Code::internal, "[", step_.node->place(), "] the shape of its output is not known");
  }
  const SparseView& sparse(int output, int64_t count) const override {
    const int64_t place = step_.out_place[static_cast<size_t>(output)];
    return externals_[static_cast<size_t>(-1 - place)].allocate_stored(count);
  }

 private:
  const Plan::Step& step_;
  Span<const NDArray> externals_;
};

// An error of `work` names the node.
template <class F>
void in_node(const Node& node, const F& work) {
  try {
    work();
  } catch (const Error& e) {
    throw Error(e.code(), concat(e.what(), " (in ", node.place(), ")"));
  }
}

// std::vector<bool> has no bool pointers.
class Flags {
 public:
  explicit Flags(size_t n) : data_(std::make_unique<bool[]>(n + 1)), size_(n) {}
  bool& operator[](size_t i) { return data_[i]; }
  Span<const bool> span() const { return {data_.get(), size_}; }

 private:
  std::unique_ptr<bool[]> data_;
  size_t size_;
};

// The first one, but a GPU if there is any among them: passes that make kernels of CPUs stay out of the whole graph then.
DeviceId device_for_passes(const std::vector<DeviceId>& devices) {
  const auto gpu = std::find_if(devices.begin(), devices.end(), [](DeviceId device) { return !device.host(); });
  return gpu == devices.end() ? devices[0] : *gpu;
}

}  // namespace

Plan::Plan(PlanRequest request)
    : graph_(put_extended(request.heads)),
      device_(request.device),
      training_(request.training),
      devices_{request.device} {
  request.heads = graph_.heads();
  infer(request);
  find_used(request);
  naive_bytes_ = every_output();
  // Before any pass, so that draws do not depend on passes.
  for (int id = 0; id < graph_.num_nodes(); ++id) draw_of(graph_.node(id));
  if (request.fuse) {
    request.heads = rewrite({graph_, shapes_, types_, request.num_forward_heads},
                            {training_ || request.gradients, device_for_passes(devices_), request.inputs});
    graph_ = Graph(request.heads);
    infer(request);
    find_used(request);
  }
  if (num_spaces() > 1 && environment_bool("SIDE_BY_SIDE", may_overlap())) run_side_by_side(request);
  place(request);
  make_steps(request);
}

// Whether devices can work at the same time at all.
bool Plan::may_overlap() const {
  return environment_int("CPU_WORKER_NTHREADS", 1) > 1 ||
         std::any_of(devices_.begin(), devices_.end(), [](DeviceId device) { return !device.host(); });
}

void Plan::run_side_by_side(const PlanRequest& request) {
  // Launching a step takes about as long as moving this many bytes.
  constexpr int64_t launch = 1 << 14;
  std::vector<int64_t> costs;
  for (int id = 0; id < graph_.num_nodes(); ++id) {
    const Node& node = *graph_.node(id);
    int64_t cost = node.is_variable() || node.derived ? 0 : launch;
    for (int i = 0; cost > 0 && i < graph_.num_outputs(id); ++i) cost += outline(graph_.entry(id, i)).bytes();
    for (const Entry& e : node.inputs) cost += node.derived ? 0 : outline(graph_.entry(e)).bytes();
    costs.push_back(cost);
  }
  graph_ = graph_.reordered(side_by_side({graph_, spaces_, costs, request.num_forward_heads}));
  infer(request);
  find_used(request);
}

uint64_t Plan::draw_of(const NodePtr& node) {
  if (node->is_variable() || !node->op->random) return 0;
  const auto [it, fresh] = draws_.emplace(node->origin ? node->origin.get() : node.get(), num_draws_);
  if (fresh) ++num_draws_;
  return it->second;
}

void Plan::infer(const PlanRequest& request) {
  const size_t entries = static_cast<size_t>(graph_.num_entries());
  std::vector<Shape> shapes(entries, Shape::unknown());
  std::vector<DType> types(entries, DType::unknown);
  external_of_.assign(entries, -1);
  externals_.clear();
  auto bind = [&](int entry, const NDArray& array) {
    shapes[static_cast<size_t>(entry)] = array.shape();
    types[static_cast<size_t>(entry)] = array.dtype();
    external_of_[static_cast<size_t>(entry)] = static_cast<int>(externals_.size());
    externals_.push_back(array);
  };
  for (const auto& [node, array] : request.variables) {
    if (graph_.contains(node)) bind(graph_.entry(graph_.id(node), 0), array);
  }
  for (size_t i = 0; i < request.heads.size(); ++i) {
    assert(external_of_[static_cast<size_t>(graph_.entry(request.heads[i]))] < 0);
    bind(graph_.entry(request.heads[i]), request.head_arrays[i]);
  }
  shapes_ = infer_shapes(graph_, std::move(shapes), device_);
  types_ = infer_types(graph_, std::move(types));
  const std::string unknown = first_unknown_shape(graph_, shapes_);
  MIXNET_CHECK(unknown.empty(), shape, "[bind] ", unknown);
  const std::string untyped = first_unknown_type(graph_, types_);
  MIXNET_CHECK(untyped.empty(), type, "[bind] ", untyped);
  check_sizes();
  if (request.placed) find_spaces(request);
}

void Plan::find_spaces(const PlanRequest& request) {
  DeviceOf variables;
  for (const auto& [node, array] : request.variables) variables[node] = array.device();
  spaces_.clear();
  entry_spaces_.clear();
  for (DeviceId device : devices_of(graph_, variables)) {
    const int id = static_cast<int>(spaces_.size());
    spaces_.push_back(new_space(device));
    entry_spaces_.insert(entry_spaces_.end(), static_cast<size_t>(graph_.num_outputs(id)), spaces_.back());
  }
}

int Plan::new_space(DeviceId device) {
  const auto it = std::find(devices_.begin(), devices_.end(), device);
  if (it == devices_.end()) devices_.push_back(device);
  return static_cast<int>(std::find(devices_.begin(), devices_.end(), device) - devices_.begin());
}

int Plan::space_of(int64_t place) const {
  int space = num_spaces() - 1;
  while (space > 0 && arena(space).begin > place) --space;
  return space;
}

// Before kernels are prepared: a size that overflows would plan too little memory, and one that no device has is better said now.
void Plan::check_sizes() const {
  const int64_t capacity = storage_capacity(device_);
  for (int id = 0; id < graph_.num_nodes(); ++id) {
    for (int i = 0; i < graph_.num_outputs(id); ++i) {
      const size_t e = static_cast<size_t>(graph_.entry(id, i));
      if (external_of_[e] >= 0 && !externals_[static_cast<size_t>(external_of_[e])].dense()) continue;
      const int64_t item = dtype_size(types_[e]), bytes = checked_size(shapes_[e], item) * item;
      MIXNET_CHECK(bytes <= capacity, memory, "[bind] ", graph_.node(id)->place(), ": ", shapes_[e],
                   " does not fit into ", device_.str());
    }
  }
}

TensorView Plan::outline(int entry) const {
  TensorView v;
  v.shape = shapes_[static_cast<size_t>(entry)];
  v.dtype = types_[static_cast<size_t>(entry)];
  v.device = entry_spaces_.empty() ? device_ : device(entry_spaces_[static_cast<size_t>(entry)]);
  return v;
}

std::unique_ptr<Kernel> Plan::prepare(int id, Span<const LayoutPtr> layouts, bool blocks) const {
  const Node& node = *graph_.node(id);
  std::vector<TensorView> in, out;
  for (const Entry& e : node.inputs) in.push_back(outline(graph_.entry(e)));
  Flags wanted(static_cast<size_t>(graph_.num_outputs(id)));
  for (int i = 0; i < graph_.num_outputs(id); ++i) {
    out.push_back(outline(graph_.entry(id, i)));
    wanted[static_cast<size_t>(i)] = used_[static_cast<size_t>(graph_.entry(id, i))] || !node.op->may_leave_out(i);
  }
  PrepareContext context;
  context.params_ = node.params.get();
  context.inputs = in;
  context.outputs = out;
  context.wanted = wanted.span();
  context.layouts = layouts;
  context.device = device(space(id));
  context.subgraphs = &subgraph_maker();
  context.inference = &subgraph_inference();
  context.training = training_;
  context.blocks = blocks;
  return node.op->prepare(context);
}

// Derived values; and in prediction parameters in the layout that a kernel names.
void Plan::keep_inputs(const PlanRequest& request) {
  const bool layouts = request.fuse && !training_ && !request.gradients && environment_bool("LAYOUTS", true);
  auto outline_of = [this](const Entry& e) { return outline(graph_.entry(e)); };
  auto array_of = [this](const Node* node) {
    return externals_[static_cast<size_t>(external_of_[static_cast<size_t>(graph_.entry(graph_.id(node), 0))])];
  };
  for (int id = 0; id < graph_.num_nodes(); ++id) {
    const Node& node = *graph_.node(id);
    if (node.derived) continue;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const int index = static_cast<int>(i);
      const Entry& e = node.inputs[i];
      const bool derived_value = derived(graph_.entry(e));
      // The first input is what flows through a layer: it changes from run to run.
      const bool parameter = index > 0 && e.node->is_variable() &&
                             !contains(request.inputs, static_cast<const Node*>(e.node.get())) &&
                             !node.mutates_input(index);
      if (contains(node.op->shape_only, index) || !(derived_value || parameter)) continue;
      const LayoutPtr layout = layouts ? kernels_[static_cast<size_t>(id)]->input_layout(index) : nullptr;
      if (!layout && !derived_value) continue;
      if (layout) kernels_[static_cast<size_t>(id)]->adopt_input(index);
      kept_.push_back({id, KeptValue(e, device(space(id)), layout, index, outline_of, array_of, request.kept)});
    }
  }
}

void Plan::refresh_kept(Step& step) {
  for (int i = step.first_kept; i < step.last_kept; ++i) {
    KeptValue& value = kept_[static_cast<size_t>(i)].value;
    in_node(*step.node, [&] { value.refresh(*step.kernel); });
    step.in[static_cast<size_t>(value.input())].data = value.data();
  }
}

void Plan::find_used(const PlanRequest& request) {
  used_.assign(static_cast<size_t>(graph_.num_entries()), false);
  for (const Entry& e : request.heads) used_[static_cast<size_t>(graph_.entry(e))] = true;
  for (int id = 0; id < graph_.num_nodes(); ++id) {
    for (const Entry& e : graph_.node(id)->inputs) used_[static_cast<size_t>(graph_.entry(e))] = true;
  }
}

// Nobody wants the output, and the kernel may leave it out: it takes no memory.
bool Plan::left_out(int id, int output) const {
  return graph_.node(id)->op->may_leave_out(output) && !used_[static_cast<size_t>(graph_.entry(id, output))];
}

std::vector<int64_t> Plan::every_output() const {
  std::vector<int64_t> bytes(devices_.size(), 0);
  for (int id = 0; id < graph_.num_nodes(); ++id) {
    for (int i = 0; !graph_.node(id)->is_variable() && i < graph_.num_outputs(id); ++i) {
      const size_t e = static_cast<size_t>(graph_.entry(id, i));
      if (external_of_[e] < 0 && !left_out(id, i))
        bytes[static_cast<size_t>(space(id))] += shapes_[e].size() * dtype_size(types_[e]);
    }
  }
  return bytes;
}

// Bytes of joins in layouts in which their parts are not in one piece each, although there is nothing before the axis but one image.
int64_t Plan::copied_joins(const std::vector<Pieces>& pieces) const {
  int64_t bytes = 0;
  for (int id = 0; id < graph_.num_nodes(); ++id) {
    const Node& node = *graph_.node(id);
    if (node.is_variable() || !node.op->joins || pieces[static_cast<size_t>(id)].kind != Pieces::none) continue;
    const size_t out = static_cast<size_t>(graph_.entry(id, 0));
    const Shape& whole = shapes_[out];
    if (whole.size(0, node.op->joins(node.params.get(), whole).axis) == 1)
      bytes += whole.size() * dtype_size(types_[out]);
  }
  return bytes;
}

// Kernels, what is kept for them, and places. The bytes that joins copy.
int64_t Plan::lay_out(const PlanRequest& request, MemoryPlanInput input, bool blocks) {
  LayoutInput layouts;
  layouts.graph = &graph_;
  layouts.external = input.external;
  layouts.prepare = [&](int id, Span<const LayoutPtr> offered) { return prepare(id, offered, blocks); };
  layouts.keep = request.fuse && environment_bool("LAYOUTS", true);
  LayoutChoice choice = choose_layouts(layouts);
  kernels_ = std::move(choice.kernels);
  keep_inputs(request);
  for (size_t e = 0; e < choice.kept.size(); ++e) {
    input.bytes.push_back(choice.kept[e] ? choice.kept[e]->bytes() : shapes_[e].size() * dtype_size(types_[e]));
  }
  for (const auto& kernel : kernels_) input.workspace.push_back(kernel ? static_cast<int64_t>(kernel->workspace()) : 0);
  for (int id = 0; id < graph_.num_nodes(); ++id) {
    for (int i = 0; !graph_.node(id)->is_variable() && i < graph_.num_outputs(id); ++i) {
      if (left_out(id, i)) input.bytes[static_cast<size_t>(graph_.entry(id, i))] = 0;
    }
  }
  const std::vector<Pieces> pieces = find_pieces({graph_, shapes_, types_, choice.kept, kernels_});
  // A monitor is to see what a node gives even where it need not run.
  if (request.fuse) {
    input.pieces = pieces;
    input.early = early_heads();
  }
  memory_ = plan_memory(input);
  // Devices that lost all they had to a pass.
  memory_.spaces.resize(devices_.size(), {memory_.arena_bytes, 0, 0});
  naive_bytes_.resize(devices_.size());
#if !defined(NDEBUG)
  verify_memory_plan(input, memory_);
#else
  if (environment_bool("PLAN_VERIFY", false)) verify_memory_plan(input, memory_);
#endif
  return layouts.keep && input.inplace ? copied_joins(pieces) : 0;
}

void Plan::place(const PlanRequest& request) {
  MemoryPlanInput input;
  input.graph = &graph_;
  input.spaces = spaces_;
  //[full
  input.side_by_side = branches() && environment_bool("PLAN_BRANCHES", true);
  //]
  input.reuse = environment_bool("PLAN_REUSE", true);
  input.inplace = environment_bool("PLAN_INPLACE", input.reuse);
  derived_.assign(static_cast<size_t>(graph_.num_entries()), false);
  for (int id = 0; id < graph_.num_nodes(); ++id) {
    for (int i = 0; i < graph_.num_outputs(id); ++i)
      derived_[static_cast<size_t>(graph_.entry(id, i))] = graph_.node(id)->derived;
  }
  for (size_t e = 0; e < derived_.size(); ++e) input.external.push_back(external_of_[e] >= 0 || derived_[e]);
  const int64_t copied = lay_out(request, input, false);
  if (training_ || copied == 0) return;
  // One image: with channels in blocks its parts lie in one piece each. Taken where that saves copies and takes no memory.
  auto kernels = std::exchange(kernels_, {});
  auto kept = std::exchange(kept_, {});
  const MemoryPlan memory = memory_;
  if (lay_out(request, input, true) < copied && memory_.arena_bytes <= memory.arena_bytes) return;
  kernels_ = std::move(kernels);
  kept_ = std::move(kept);
  memory_ = memory;
}

// Heads whose arrays have no other part in the graph: parts of them may be written before the last one is.
std::vector<bool> Plan::early_heads() const {
  std::unordered_map<const Variable*, int> uses;
  for (const NDArray& a : externals_) ++uses[a.variable()];
  std::vector<bool> early(external_of_.size(), false);
  for (const Entry& e : graph_.heads()) {
    const size_t entry = static_cast<size_t>(graph_.entry(e));
    early[entry] = uses[externals_[static_cast<size_t>(external_of_[entry])].variable()] == 1;
  }
  return early;
}

int64_t Plan::place_of(int entry) const {
  const int root = memory_.same_as[static_cast<size_t>(entry)];
  if (external_of_[static_cast<size_t>(root)] >= 0) return -1 - external_of_[static_cast<size_t>(root)];
  return memory_.offset[static_cast<size_t>(entry)];
}

int Plan::external_index(const NDArray& array) const {
  const auto same = [&](const NDArray& a) { return a.variable() == array.variable(); };
  return static_cast<int>(std::find_if(externals_.begin(), externals_.end(), same) - externals_.begin());
}

void Plan::make_steps(const PlanRequest& request) {
  const Graph forward(std::vector<Entry>(request.heads.begin(), request.heads.begin() + request.num_forward_heads));
  const int num_kept = static_cast<int>(kept_.size());
  int next_kept = 0;
  for (int id = 0; id < graph_.num_nodes(); ++id) {
    const NodePtr& node = graph_.node(id);
    if (node->is_variable() || node->derived || memory_.elided[static_cast<size_t>(id)]) continue;
    Step step;
    step.node = node;
    step.kernel = std::move(kernels_[static_cast<size_t>(id)]);
    for (size_t i = 0; i < node->inputs.size(); ++i) {
      const int entry = graph_.entry(node->inputs[i]);
      step.in.push_back(outline(entry));
      const bool elsewhere = derived(entry) || contains(node->op->shape_only, static_cast<int>(i));
      step.in_place.push_back(elsewhere ? nothing : place_of(entry));
      step.in_at.push_back(memory_.within[static_cast<size_t>(entry)]);
      step.in_bytes.push_back(memory_.bytes[static_cast<size_t>(entry)]);
    }
    for (int i = 0; i < graph_.num_outputs(id); ++i) {
      const int entry = graph_.entry(id, i);
      step.out.push_back(outline(entry));
      step.out_place.push_back(left_out(id, i) ? nothing : place_of(entry));
      step.out_at.push_back(memory_.within[static_cast<size_t>(entry)]);
      step.out_bytes.push_back(memory_.bytes[static_cast<size_t>(entry)]);
    }
    step.first_kept = step.last_kept = next_kept;
    for (; step.last_kept < num_kept && kept_[static_cast<size_t>(step.last_kept)].node == id; ++step.last_kept) {
      for (const NDArray& source : kept_[static_cast<size_t>(step.last_kept)].value.sources())
        step.sources.push_back(external_index(source));
    }
    next_kept = step.last_kept;
    step.space = space(id);
    if (!node->inputs.empty() && space(graph_.id(node->inputs[0].node.get())) != step.space && step.in_place[0] >= 0)
      step.from = space(graph_.id(node->inputs[0].node.get()));
    step.workspace_place =
        std::max<int64_t>(0, memory_.workspace_offset[static_cast<size_t>(id)] - arena(step.space).begin);
    step.draw = draw_of(node);
    steps_.push_back(std::move(step));
    // Heads come first in post-order, so the forward nodes do too.
    if (forward.contains(node.get())) num_forward_steps_ = num_steps();
  }
  kernels_.clear();
}

int64_t Plan::external_bytes(int space) const {
  int64_t bytes = 0;
  for (const NDArray& a : externals_) {
    if (spaces_.empty() || a.device() == device(space)) bytes += a.bytes();
  }
  return bytes;
}

int64_t Plan::kept_bytes(int in) const {
  int64_t bytes = 0;
  for (const Kept& kept : kept_) {
    if (space(kept.node) == in) bytes += kept.value.bytes();
  }
  return bytes;
}

int Plan::stretch_end(int first, int last) const {
  const Step& begin = step(first);
  int end = first + 1;
  if (foreign(first)) return end;
  while (end < last && step(end).space == begin.space && step(end).from == begin.from && !foreign(end)) ++end;
  return end;
}

void Plan::touched(int first, int last, std::vector<int>* reads, std::vector<int>* writes) const {
  auto add = [](std::vector<int>* list, int64_t place) {
    if (place == nothing || place >= 0) return;
    const int index = static_cast<int>(-1 - place);
    if (!contains(*list, index)) list->push_back(index);
  };
  for (int s = first; s < last; ++s) {
    const Step& step = steps_[static_cast<size_t>(s)];
    for (size_t i = 0; i < step.in.size(); ++i) {
      add(reads, step.in_place[i]);
      if (step.node->mutates_input(static_cast<int>(i))) add(writes, step.in_place[i]);
    }
    for (int source : step.sources) add(reads, -1 - source);
    for (int64_t place : step.out_place) add(writes, place);
  }
}

void Plan::resolve(char* arena_data, char* from, int first, int last, ViewOf external) {
  auto point = [&](TensorView& v, int64_t place, int64_t at, char* data, int in) {
    v.data = nullptr;
    if (place == nothing) return;
    if (place >= 0) {
      v.data = data + (place - arena(in).begin);
      return;
    }
    const TensorView array = external(static_cast<int>(-1 - place));
    v.kind = array.kind;
    v.sparse = array.sparse;
    if (!array.sparse) v.data = array.as<char>() + at;
  };
  for (int s = first; s < last; ++s) {
    Step& step = steps_[static_cast<size_t>(s)];
    const bool other = step.from >= 0;
    for (size_t i = 0; i < step.in.size(); ++i) {
      point(step.in[i], step.in_place[i], step.in_at[i], other ? from : arena_data, other ? step.from : step.space);
    }
    for (size_t i = 0; i < step.out.size(); ++i)
      point(step.out[i], step.out_place[i], step.out_at[i], arena_data, step.space);
  }
}

bool Plan::any_foreign() const {
  return std::any_of(steps_.begin(), steps_.end(), [](const Step& step) { return runs_foreign_code(*step.node->op); });
}

void Plan::run(int first, int last, char* arena, const PhiloxKey& random, Span<const NDArray> externals, char* from,
               OperatorStates* operators) {
  const auto array = [&](int i) {
    return (externals.empty() ? external(i) : externals[static_cast<size_t>(i)]).view();
  };
  if (!externals.empty()) {
    resolve(arena, from, first, last, array);
    resolved_ = false;
  } else if (num_spaces() > 1) {
    // Other stretches may be running: only this one's steps are touched.
    resolve(arena, from, first, last, array);
  } else if (!resolved_ || resolved_for_ != arena) {
    resolve(arena, nullptr, 0, num_steps(), array);
    resolved_for_ = arena;
    resolved_ = true;
  }
  const OperatorStates::Scope scope(operators);
  const Run run{arena, random, externals.empty() ? Span<const NDArray>(externals_) : externals};
  //[full
  if (launch_graphs(first, last, run)) return;
  //]
  launch(first, last, run);
}

void Plan::run_at(char* arena, const PhiloxKey& random, Span<void* const> addresses) {
  resolve(arena, nullptr, 0, num_steps(), [&](int i) {
    TensorView v;
    v.data = addresses[static_cast<size_t>(i)];
    return v;
  });
  resolved_ = false;
  launch(0, num_steps(), {arena, random, externals_});
}

void Plan::launch(int first, int last, const Run& run) {
  if (first == last) return;
  Stream* const stream = get_device(device(step(first).space)).stream();
  for (int i = first; i < last; ++i) {
    refresh_kept(steps_[static_cast<size_t>(i)]);
    launch_step(steps_[static_cast<size_t>(i)], stream, run);
  }
}

void Plan::launch_step(const Step& step, Stream* stream, const Run& run) const {
  KernelContext context;
  context.training = training_;
  context.stream = stream;
  context.workspace = run.arena + step.workspace_place;
  context.random = {run.random.seed, run.random.operation + step.draw};
  const StepOutputs memory(step, run.externals);
  context.memory = &memory;
  const profile::Span span(profile::Category::symbolic, step.node->op->name, step.node->name);
  in_node(*step.node, [&] {
    step.kernel->run({step.in, step.out, context});
    if (stream && stream->in_step()) stream->synchronize();
  });
}

std::string Plan::describe() const {
  std::string text;
  auto where = [](int64_t place) {
    return place == nothing ? std::string("-") : place >= 0 ? concat("arena+", place) : concat("array ", -1 - place);
  };
  for (const Step& step : steps_) {
    text += step.node->place() + ":";
    for (size_t i = 0; i < step.in.size(); ++i) text += concat(" ", step.in[i].shape, "@", where(step.in_place[i]));
    text += " ->";
    for (size_t i = 0; i < step.out.size(); ++i) text += concat(" ", step.out[i].shape, "@", where(step.out_place[i]));
    text += "\n";
  }
  return text;
}

}  // namespace mixnet
