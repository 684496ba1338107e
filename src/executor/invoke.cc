#include "executor/invoke.h"

#include <algorithm>
#include <atomic>

#include "base/contains.h"
#include "base/profile.h"
#include "executor/kernel_cache.h"
#include "storage/capacity.h"
#include "storage/storage.h"

namespace mixnet {
namespace {

constexpr int64_t small_bytes = 64 << 10;  // a kernel on less than this is done in microseconds
constexpr size_t cached_kernels = 256;

struct RandomState {
  std::atomic<uint64_t> seed{0}, operation{0};
};
RandomState& random_state() {
  static RandomState& state = *new RandomState;
  return state;
}

std::string describe_call(const OpSchema& op, Span<const NDArray> inputs) {
  std::string text = op.name;
  for (const NDArray& a : inputs) text += " " + a.shape().str();
  return text;
}

// Workspace of one run, back to the pool at the end.
class Workspace {
 public:
  Workspace(size_t bytes, DeviceId device) : block_(bytes ? storage(device).allocate(bytes) : Block{}) {}
  ~Workspace() {
    if (block_.data) storage(block_.device).release(block_);
  }
  Workspace(const Workspace&) = delete;
  void* data() const { return block_.data; }

 private:
  Block block_;
};

struct Call {
  const OpSchema& op;
  std::shared_ptr<const Kernel> kernel;
  PhiloxKey random;
  bool training;
  uint64_t left_out = 0;  // a bit per output that is not computed

  void run(Span<const NDArray> inputs, Span<const NDArray> outputs) const {
    constexpr size_t few = 6;
    TensorView in_small[few], out_small[few];
    std::vector<TensorView> in_many(inputs.size() > few ? inputs.size() : 0),
        out_many(outputs.size() > few ? outputs.size() : 0);
    const Span<TensorView> in(inputs.size() > few ? in_many.data() : in_small, inputs.size());
    const Span<TensorView> out(outputs.size() > few ? out_many.data() : out_small, outputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      in[i] = contains(op.shape_only, static_cast<int>(i)) ? inputs[i].outline() : inputs[i].view();
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      out[i] = i < 64 && (left_out >> i & 1) ? outputs[i].outline() : outputs[i].view();
    }
    const DeviceId device = outputs.empty() ? inputs[0].device() : outputs[0].device();
    Workspace workspace(kernel->workspace(), device);
    KernelContext context;
    context.workspace = workspace.data();
    context.random = random;
    context.training = training;
    const profile::Span span(profile::Category::imperative, op.name);
    kernel->run({in, out, context});
  }
};

class InvokeTask : public Task {
 public:
  InvokeTask(Call call, Span<const NDArray> inputs, Span<const NDArray> outputs)
      : call_(std::move(call)), inputs_(inputs.begin(), inputs.end()), outputs_(outputs.begin(), outputs.end()) {}
  void run() override { call_.run(inputs_, outputs_); }
  std::string describe() const override { return describe_call(call_.op, inputs_); }

 private:
  Call call_;
  std::vector<NDArray> inputs_, outputs_;
};

// The variables that a call reads and writes, each once per list.
struct Dependencies {
  std::vector<Variable*> reads, writes;

  static void add(std::vector<Variable*>& list, Variable* v) {
    if (std::find(list.begin(), list.end(), v) == list.end()) list.push_back(v);
  }
  Dependencies(const OpSchema& op, Span<const NDArray> inputs, Span<const NDArray> outputs) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (contains(op.shape_only, static_cast<int>(i))) continue;
      add(reads, inputs[i].variable());
      if (op.mutates_input(static_cast<int>(i))) add(writes, inputs[i].variable());
    }
    for (const NDArray& out : outputs) {
      add(writes, out.variable());
      // A view covers part of its chunk: the rest stays, errors included.
      if (out.bytes() != static_cast<int64_t>(out.chunk()->bytes())) add(reads, out.variable());
    }
  }
};

std::vector<NDArray> make_outputs(const OpSchema& op, const ParamsPtr& params, Span<const NDArray> inputs,
                                  Span<const NDArray> given, DeviceId device) {
  const size_t count = static_cast<size_t>(op.num_outputs(params.get()));
  InferShape shapes(op, params.get(), "");
  InferType types(op, params.get(), "");
  shapes.in.reserve(inputs.size());
  types.in.reserve(inputs.size());
  for (const NDArray& a : inputs) {
    shapes.in.push_back(a.shape());
    types.in.push_back(a.dtype());
  }
  shapes.out.assign(count, Shape::unknown());
  types.out.assign(count, DType::unknown);
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i].none()) continue;
    shapes.out[i] = given[i].shape();
    types.out[i] = given[i].dtype();
  }
  op.infer_shape(shapes);
  op.infer_type(types);
  std::vector<NDArray> outputs;
  outputs.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    if (!shapes.out[i].known())
      shapes.fail(Code::shape, shapes.output_name(static_cast<int>(i)) + ": the shape cannot be inferred");
    if (types.out[i] == DType::unknown) types.out[i] = DType::f32;
    if (i < given.size() && !given[i].none()) {
      outputs.push_back(given[i]);
      continue;
    }
    outputs.emplace_back(shapes.out[i], types.out[i], device);
    // Said now, because a kernel's preparation may take memory for every row of its output.
    if (outputs.back().bytes() > storage_capacity(device)) {
      shapes.fail(Code::memory, concat(shapes.output_name(static_cast<int>(i)), ": ", shapes.out[i],
                                       " does not fit into ", device.str()));
    }
  }
  return outputs;
}

// Whether the kernel may write this output while the inputs are where they are.
bool output_is_safe(const OpSchema& op, Span<const NDArray> inputs, const NDArray& out, int index) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (contains(op.shape_only, static_cast<int>(i)) || !out.overlaps(inputs[i])) continue;
    if (!op.allows_inplace(static_cast<int>(i), index) || !out.same_memory(inputs[i])) return false;
  }
  return true;
}

std::shared_ptr<const Kernel> prepare_kernel(const OpSchema& op, const ParamsPtr& params, Span<const NDArray> inputs,
                                             Span<const NDArray> outputs, DeviceId device,
                                             const InvokeOptions& options) {
  std::vector<TensorView> in, out;
  in.reserve(inputs.size());
  out.reserve(outputs.size());
  for (const NDArray& a : inputs) in.push_back(a.outline());
  for (const NDArray& a : outputs) out.push_back(a.outline());
  static constexpr bool all_wanted[64] = {true, true, true, true, true, true, true, true, true, true, true, true, true,
                                          true, true, true, true, true, true, true, true, true, true, true, true, true,
                                          true, true, true, true, true, true, true, true, true, true, true, true, true,
                                          true, true, true, true, true, true, true, true, true, true, true, true, true,
                                          true, true, true, true, true, true, true, true, true, true, true, true};
  std::unique_ptr<bool[]> many;
  if (out.size() > 64) {
    many = std::make_unique<bool[]>(out.size());
    std::fill_n(many.get(), out.size(), true);
  }
  PrepareContext context;
  context.params_ = params.get();
  context.inputs = in;
  context.outputs = out;
  context.wanted =
      options.wanted.empty() ? Span<const bool>(many ? many.get() : all_wanted, out.size()) : options.wanted;
  context.device = device;
  context.training = options.training;
  // Portable kernels are prepared sooner than looked up.
  if (op.kernels.empty()) return op.prepare(context);
  static KernelCache& cache = *new KernelCache(cached_kernels);
  return cache.get(kernel_key(op, context), [&] { return op.prepare(context); });
}

uint64_t outputs_left_out(const OpSchema& op, const InvokeOptions& options) {
  uint64_t bits = 0;
  for (size_t i = 0; i < options.wanted.size() && i < 64; ++i) {
    if (!options.wanted[i] && op.may_leave_out(static_cast<int>(i))) bits |= uint64_t{1} << i;
  }
  return bits;
}

void check_inputs(const OpSchema& op, const ParamsPtr& params, Span<const NDArray> inputs, size_t given) {
  const int expected = op.num_inputs(params.get());
  MIXNET_CHECK(static_cast<int>(inputs.size()) == expected, invalid, "[", op.name, "] expected ", expected,
               " inputs, got ", inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    MIXNET_CHECK(!inputs[i].none(), invalid, "[", op.name, "] input ", i, " is empty");
    MIXNET_CHECK(inputs[i].device().host() == inputs[0].device().host(), device, "[", op.name,
                 "] inputs: expected one device, got ", inputs[0].device().str(), " and ", inputs[i].device().str());
  }
  const int visible = op.num_visible(params.get());
  MIXNET_CHECK(
      given == 0 || static_cast<int>(given) == visible || static_cast<int>(given) == op.num_outputs(params.get()),
      invalid, "[", op.name, "] expected ", visible, " outputs, got ", given);
}

void launch(Call call, Span<const NDArray> inputs, Span<const NDArray> outputs, int32_t priority) {
  const Dependencies d(call.op, inputs, outputs);
  int64_t bytes = 0;
  for (const NDArray& a : inputs) bytes += a.bytes();
  for (const NDArray& a : outputs) bytes += a.bytes();
  const bool small = bytes <= small_bytes && !call.kernel->foreign_threads();
  if (small &&
      engine().run_now(
          d.reads, d.writes, [&] { call.run(inputs, outputs); }, [&] { return describe_call(call.op, inputs); })) {
    return;
  }
  PushOptions options;
  options.priority = priority;
  options.small = small;
  options.bytes = bytes;
  engine().push(std::make_unique<InvokeTask>(std::move(call), inputs, outputs), d.reads, d.writes, options);
}

}  // namespace

void seed_random(uint64_t seed) {
  random_state().seed = seed;
  random_state().operation = 0;
}

PhiloxKey next_random(uint64_t count) {
  PhiloxKey key;
  key.seed = random_state().seed;
  key.operation = random_state().operation.fetch_add(count);
  return key;
}

void invoke(const OpSchema& op, const ParamsPtr& params, Span<const NDArray> inputs, std::vector<NDArray>& outputs,
            const InvokeOptions& options) {
  const profile::Span span(profile::Category::api, op.name, "invoke");
  check_inputs(op, params, inputs, outputs.size());
  const DeviceId device = !inputs.empty()                          ? inputs[0].device()
                          : !outputs.empty() && !outputs[0].none() ? outputs[0].device()
                                                                   : options.device;
  std::vector<NDArray> targets = make_outputs(op, params, inputs, outputs, device);
  std::vector<std::pair<NDArray, NDArray>> copies;  // from a temporary to where it belongs
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].none() || output_is_safe(op, inputs, targets[i], static_cast<int>(i))) continue;
    NDArray temporary(targets[i].shape(), targets[i].dtype(), device);
    copies.emplace_back(temporary, targets[i]);
    targets[i] = temporary;
  }
  Call call{op, prepare_kernel(op, params, inputs, targets, device, options), op.random ? next_random() : PhiloxKey{},
            options.training, outputs_left_out(op, options)};
  launch(std::move(call), inputs, targets, options.priority);
  for (const auto& [from, to] : copies) copy(from, to, options.priority);
  if (outputs.empty()) outputs = std::move(targets);
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].none()) outputs[i] = targets[i];
  }
}

std::vector<NDArray> infer_outputs(const OpSchema& op, const ParamsPtr& params, Span<const NDArray> inputs,
                                   DeviceId device, Span<const NDArray> given) {
  check_inputs(op, params, inputs, given.size());
  return make_outputs(op, params, inputs, given, inputs.empty() ? device : inputs[0].device());
}

}  // namespace mixnet
