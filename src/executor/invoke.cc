#include "executor/invoke.h"

#include <algorithm>
#include <atomic>

#include "base/contains.h"
#include "base/profile.h"
#include "device/device.h"
#include "device/stream.h"
#include "executor/kernel_cache.h"
#include "executor/subgraph_maker.h"
#include "op/core/custom.h"
#include "pass/infer.h"
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

// Hands the kernel memory for what only it can say the size of.
class RunOutputs : public OutputMemory {
 public:
  explicit RunOutputs(Span<const NDArray> outputs) : outputs_(outputs) {}
  TensorView dense(int output, const Shape& shape) const override {
    return outputs_[static_cast<size_t>(output)].allocate(shape);
  }
  const SparseView& sparse(int output, int64_t count) const override {
    return outputs_[static_cast<size_t>(output)].allocate_stored(count);
  }

 private:
  Span<const NDArray> outputs_;
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
    const RunOutputs memory(outputs);
    context.memory = &memory;
    const profile::Span span(profile::Category::imperative, op.name);
    if (!device.host()) context.stream = get_device(device).stream();
    kernel->run({in, out, context});
    if (context.stream && context.stream->in_step()) context.stream->synchronize();
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
  Dependencies(const OpSchema& op, const void* params, Span<const NDArray> inputs, Span<const NDArray> outputs) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (contains(op.shape_only, static_cast<int>(i))) continue;
      add(reads, inputs[i].variable());
      if (mutates_input(op, params, static_cast<int>(i))) add(writes, inputs[i].variable());
    }
    for (const NDArray& out : outputs) {
      add(writes, out.variable());
      // A view covers part of its chunk: the rest stays, errors included.
      if (!out.whole()) add(reads, out.variable());
    }
  }
};

// `kinds`: by output; empty: all dense.
std::vector<NDArray> make_outputs(const OpSchema& op, const ParamsPtr& params, Span<const NDArray> inputs,
                                  Span<const NDArray> given, DeviceId device, Span<const StorageKind> kinds = {}) {
  const size_t count = static_cast<size_t>(op.num_outputs(params.get()));
  InferShape shapes(op, params.get(), "");
  shapes.device = device;
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
  shapes.subgraphs = types.subgraphs = &subgraph_inference();
  op.infer_shape(shapes);
  op.infer_type(types);
  std::vector<NDArray> outputs;
  outputs.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    if (!shapes.out[i].known() && !op.late_shape)
      shapes.fail(Code::shape, shapes.output_name(static_cast<int>(i)) + ": the shape cannot be inferred");
    if (types.out[i] == DType::unknown) types.out[i] = DType::f32;
    if (i < given.size() && !given[i].none()) {
      outputs.push_back(given[i]);
      continue;
    }
    if (op.late_shape) {
      outputs.push_back(NDArray::late(types.out[i], device));
      continue;
    }
    if (!kinds.empty() && kinds[i] != StorageKind::dense) {
      outputs.emplace_back(kinds[i], shapes.out[i], types.out[i], device);
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
    if (inputs[i].chunk() != out.chunk()) continue;  // said here too: there are as many pairs as outputs times inputs
    if (contains(op.shape_only, static_cast<int>(i)) || !out.overlaps(inputs[i])) continue;
    if (!out.dense() || !op.allows_inplace(static_cast<int>(i), index) || !out.same_memory(inputs[i])) return false;
  }
  return true;
}

std::shared_ptr<const Kernel> prepare_kernel(const OpSchema& op, const ParamsPtr& params, Span<const NDArray> inputs,
                                             Span<const NDArray> outputs, DeviceId device, const InvokeOptions& options,
                                             bool sparse) {
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
  context.subgraphs = &subgraph_maker();
  context.inference = &subgraph_inference();
  context.training = options.training;
  if (sparse) return op.sparse(context);
  // Portable kernels are prepared sooner than looked up.
  if (device.host() && op.kernels.empty()) return op.prepare(context);
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
    const DeviceId first = inputs[0].device(), here = inputs[i].device();
    MIXNET_CHECK(here.host() ? first.host() : here == first, device, "[", op.name,
                 "] inputs: expected one device, got ", first.str(), " and ", here.str());
  }
  const int visible = op.num_visible(params.get());
  MIXNET_CHECK(
      given == 0 || static_cast<int>(given) == visible || static_cast<int>(given) == op.num_outputs(params.get()),
      invalid, "[", op.name, "] expected ", visible, " outputs, got ", given);
}

void launch(Call call, const void* params, Span<const NDArray> inputs, Span<const NDArray> outputs, int32_t priority) {
  const Dependencies d(call.op, params, inputs, outputs);
  const bool foreign = runs_foreign_code(call.op);
  int64_t bytes = 0;
  for (const NDArray& a : inputs) bytes += a.bytes();
  for (const NDArray& a : outputs) bytes += a.sized_by_writer() ? 0 : a.bytes();
  const DeviceId device = outputs.empty() ? inputs[0].device() : outputs[0].device();
  // On a GPU the work is to put the kernel into the stream.
  const bool small = (bytes <= small_bytes || !device.host()) && !call.kernel->foreign_threads() && !foreign;
  if (small &&
      engine().run_now(
          d.reads, d.writes, [&] { call.run(inputs, outputs); }, [&] { return describe_call(call.op, inputs); })) {
    return;
  }
  PushOptions options;
  options.priority = priority;
  options.small = small;
  if (foreign) options.lane = Lane::callback;
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

namespace {

// Runs a kernel that takes the inputs and gives the outputs in the kinds that they are of; fresh outputs are of `kinds`.
void invoke_kernel(const OpSchema& op, const ParamsPtr& params, Span<const NDArray> inputs,
                   std::vector<NDArray>& outputs, const InvokeOptions& options, bool sparse,
                   Span<const StorageKind> kinds) {
  const DeviceId device = !inputs.empty()                          ? inputs[0].device()
                          : !outputs.empty() && !outputs[0].none() ? outputs[0].device()
                                                                   : options.device;
  std::vector<NDArray> targets = make_outputs(op, params, inputs, outputs, device, kinds);
  std::vector<std::pair<NDArray, NDArray>> copies;  // from a temporary to where it belongs
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].none() || output_is_safe(op, inputs, targets[i], static_cast<int>(i))) continue;
    NDArray temporary =
        targets[i].dense() ? NDArray(targets[i].shape(), targets[i].dtype(), device) : empty_like(targets[i]);
    copies.emplace_back(temporary, targets[i]);
    targets[i] = temporary;
  }
  Call call{op, prepare_kernel(op, params, inputs, targets, device, options, sparse),
            op.random ? next_random() : PhiloxKey{}, options.training, outputs_left_out(op, options)};
  launch(std::move(call), params.get(), inputs, targets, options.priority);
  for (const auto& [from, to] : copies) copy(from, to, options.priority);
  if (outputs.empty()) outputs = std::move(targets);
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].none()) outputs[i] = targets[i];
  }
}

bool any_sparse(Span<const NDArray> arrays) {
  return std::any_of(arrays.begin(), arrays.end(), [](const NDArray& a) { return !a.dense(); });
}

// What the sparse kernel takes and gives; without one, or when it does not take these kinds: nothing but dense.
bool choose_kinds(const OpSchema& op, const ParamsPtr& params, Span<const NDArray> inputs, Span<const NDArray> given,
                  InferStorage& kinds) {
  kinds.params_ = params.get();
  kinds.in.clear();
  for (const NDArray& a : inputs) kinds.in.push_back(a.kind());
  const size_t count = static_cast<size_t>(op.num_outputs(params.get()));
  kinds.out.assign(count, StorageKind::dense);
  kinds.asked.assign(count, false);
  for (size_t i = 0; i < given.size() && i < count; ++i) {
    kinds.asked[i] = !given[i].none();
    kinds.out[i] = given[i].kind();
  }
  const bool host = inputs.empty() || inputs[0].device().host();
  if (op.infer_storage && host && op.infer_storage(kinds)) return true;
  kinds.in.assign(inputs.size(), StorageKind::dense);
  kinds.out.assign(count, StorageKind::dense);
  return false;
}

void count_fallback(const OpSchema& op) {
  static std::atomic<int64_t> fallbacks{0};
  const int64_t count = fallbacks.fetch_add(1) + 1;
  if (profile::on(profile::Category::imperative))
    profile::add_counter(profile::Category::imperative, profile::now(), count, {"storage fallbacks", op.name});
}

// Arrays of other kinds than the kernel's are converted before and after it.
void invoke_converting(const OpSchema& op, const ParamsPtr& params, Span<const NDArray> inputs,
                       std::vector<NDArray>& outputs, const InvokeOptions& options, const InferStorage& kinds,
                       bool sparse) {
  std::vector<NDArray> in(inputs.begin(), inputs.end()), out = outputs;
  std::vector<std::pair<NDArray, NDArray>> back;
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i].kind() == kinds.in[i]) continue;
    const bool dense = kinds.in[i] == StorageKind::dense;
    in[i] = dense ? NDArray(in[i].shape(), in[i].dtype(), in[i].device())
                  : NDArray(kinds.in[i], in[i].shape(), in[i].dtype(), in[i].device());
    if (contains(op.shape_only, static_cast<int>(i))) continue;
    convert(inputs[i], in[i], options.priority);
    if (mutates_input(op, params.get(), static_cast<int>(i))) back.emplace_back(in[i], inputs[i]);
  }
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i].none() || out[i].kind() == kinds.out[i]) continue;
    out[i] = kinds.out[i] == StorageKind::dense
                 ? NDArray(out[i].shape(), out[i].dtype(), out[i].device())
                 : NDArray(kinds.out[i], out[i].shape(), out[i].dtype(), out[i].device());
    back.emplace_back(out[i], outputs[i]);
  }
  invoke_kernel(op, params, in, out, options, sparse, kinds.out);
  for (const auto& [from, to] : back) convert(from, to, options.priority);
  if (outputs.empty()) outputs = std::move(out);
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].none()) outputs[i] = out[i];
  }
}

// What is asked for in arrays of known shape is copied there once its shape is known.
void invoke_late(const OpSchema& op, const ParamsPtr& params, Span<const NDArray> inputs, std::vector<NDArray>& outputs,
                 const InvokeOptions& options) {
  std::vector<NDArray> dense(inputs.begin(), inputs.end()), out;
  for (NDArray& a : dense) {
    if (a.dense()) continue;
    const NDArray sparse = a;
    a = NDArray(a.shape(), a.dtype(), a.device());
    convert(sparse, a, options.priority);
  }
  invoke_kernel(op, params, dense, out, options, false, {});
  if (outputs.empty()) outputs.resize(out.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].none()) {
      outputs[i] = out[i];
      continue;
    }
    MIXNET_CHECK(outputs[i].shape() == out[i].shape(), shape, "[", op.name, "] out: expected ", out[i].shape(),
                 ", got ", outputs[i].shape());
    convert(out[i], outputs[i], options.priority);
  }
}

}  // namespace

void invoke(const OpSchema& op, const ParamsPtr& params, Span<const NDArray> inputs, std::vector<NDArray>& outputs,
            const InvokeOptions& options) {
  const profile::Span span(profile::Category::api, op.name, "invoke");
  check_inputs(op, params, inputs, outputs.size());
  if (op.late_shape) return invoke_late(op, params, inputs, outputs, options);
  const bool given_sparse = any_sparse(inputs) || any_sparse(outputs);
  // No pointwise operator gives sparse outputs of dense inputs.
  if (!given_sparse && (!op.infer_storage || op.pointwise))
    return invoke_kernel(op, params, inputs, outputs, options, false, {});
  static thread_local InferStorage found;
  const bool sparse = choose_kinds(op, params, inputs, outputs, found);
  if (!given_sparse && !sparse) return invoke_kernel(op, params, inputs, outputs, options, false, {});
  const InferStorage kinds = found;
  if (!sparse && given_sparse) count_fallback(op);
  invoke_converting(op, params, inputs, outputs, options, kinds, sparse);
}

void convert(const NDArray& from, const NDArray& to, int32_t priority) {
  if (from.kind() == to.kind()) return copy(from, to, priority);
  if (!from.dense() && !to.dense()) {
    const NDArray dense(from.shape(), from.dtype(), from.device());
    convert(from, dense, priority);
    return convert(dense, to, priority);
  }
  MIXNET_CHECK(from.shape() == to.shape(), shape, "[copy] expected ", to.shape(), ", got ", from.shape());
  MIXNET_CHECK(from.dtype() == to.dtype(), type, "[copy] expected ", to.dtype(), ", got ", from.dtype());
  static const OpSchema& op = registry().at("cast_storage");
  InvokeOptions options;
  options.priority = priority;
  std::vector<NDArray> out{to};
  invoke_kernel(op, op.make_params({{"stype", Value(storage_name(to.kind()))}}), Span<const NDArray>(&from, 1), out,
                options, true, {});
}

std::vector<NDArray> infer_outputs(const OpSchema& op, const ParamsPtr& params, Span<const NDArray> inputs,
                                   DeviceId device, Span<const NDArray> given) {
  check_inputs(op, params, inputs, given.size());
  MIXNET_CHECK(!op.late_shape, unsupported, "[", op.name,
               "] the shape of its output is known only after a run: it cannot be traced");
  return make_outputs(op, params, inputs, given, inputs.empty() ? device : inputs[0].device());
}

}  // namespace mixnet
