#include "op/core/tailed.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "base/environment.h"

namespace mixnet {
namespace {

constexpr size_t tail_alignment = 64;
std::mutex tails_mutex;
std::map<std::string, TailOnGpu>& tails_on_gpu() {
  static auto& tails = *new std::map<std::string, TailOnGpu>;
  return tails;
}
// By operator; none: takes is null.
TailOnGpu tail_on_gpu(const OpSchema& op) {
  const std::lock_guard<std::mutex> lock(tails_mutex);
  const auto found = tails_on_gpu().find(op.name);
  return found == tails_on_gpu().end() ? TailOnGpu{nullptr, nullptr} : found->second;
}

size_t rounded(size_t bytes) { return (bytes + tail_alignment - 1) / tail_alignment * tail_alignment; }

// The operator's kernel into workspace, then the tail's from there.
class InTurnKernel : public Kernel {
 public:
  InTurnKernel(std::unique_ptr<Kernel> first, std::unique_ptr<Kernel> tail, size_t own_inputs, size_t bytes)
      : first_(std::move(first)), tail_(std::move(tail)), own_inputs_(own_inputs), bytes_(rounded(bytes)) {}
  size_t workspace() const override { return bytes_ + std::max(first_->workspace(), tail_->workspace()); }
  bool foreign_threads() const override { return first_->foreign_threads(); }

  void run(const RunContext& r) const override {
    KernelContext context = r.context;
    context.workspace = static_cast<char*>(r.context.workspace) + bytes_;
    std::vector<TensorView> out(r.out.begin(), r.out.end()), in(r.in.begin() + own_inputs_, r.in.end());
    out[0].data = r.context.workspace;
    first_->run({{r.in.data(), own_inputs_}, out, context});
    in.insert(in.begin(), out[0]);
    tail_->run({in, {r.out.data(), 1}, context});
  }

 private:
  std::unique_ptr<Kernel> first_, tail_;
  size_t own_inputs_, bytes_;
};

std::unique_ptr<Kernel> prepare(const OpSchema& op, const FusedGroup& tail, const OpSchema& tail_op, size_t own_inputs,
                                const PrepareContext& whole) {
  PrepareContext c = whole;
  c.tail = &tail;
  for (const TailKernel& k : op.tail_kernels) {
    if (!provider_serves(k.provider, c.device) || !k.takes(tail)) continue;
    if (auto kernel = k.prepare(c)) return kernel;
  }
  c.tail = nullptr;
  c.layouts = {};
  c.inputs = {whole.inputs.data(), own_inputs};
  auto first = op.prepare(c);
  std::vector<TensorView> in(whole.inputs.begin() + own_inputs, whole.inputs.end());
  in.insert(in.begin(), whole.outputs[0]);
  c.params_ = nullptr;
  c.inputs = in;
  c.outputs = {whole.outputs.data(), 1};
  c.wanted = {whole.wanted.data(), 1};
  const size_t bytes =
      static_cast<size_t>(whole.outputs[0].size()) * static_cast<size_t>(dtype_size(whole.outputs[0].dtype));
  return std::make_unique<InTurnKernel>(std::move(first), tail_op.portable(c), own_inputs, bytes);
}

// The rule of the operator, and one shape or dtype for output 0 and what the tail reads.
template <class Infer>
void infer(const OpSchema& op, const void* params, size_t own_inputs, Infer& c,
           const std::function<void(Infer&)>& rule) {
  Infer own(op, params, "");
  own.in.assign(c.in.begin(), c.in.begin() + static_cast<std::ptrdiff_t>(own_inputs));
  own.out = c.out;
  if constexpr (std::is_same_v<Infer, InferShape>) own.last = c.last;
  rule(own);
  for (size_t i = 0; i < own_inputs; ++i) c.in[i] = own.in[i];
  c.out = own.out;
  for (size_t i = own_inputs; i < c.in.size(); ++i) {
    c.set_in(static_cast<int>(i), c.out[0]);
    c.set_out(0, c.in[i]);
  }
}

}  // namespace

void offer_tail_on_gpu(const std::string& op, const TailOnGpu& tail) {
  const std::lock_guard<std::mutex> lock(tails_mutex);
  tails_on_gpu()[op] = tail;
}

bool takes_tails(const OpSchema& op, DeviceId device) {
  if (device.host()) return !op.tail_kernels.empty();
  return tail_on_gpu(op).takes && environment_bool("GPU_FUSION", true);
}

bool takes_tail(const OpSchema& op, const FusedGroup& tail, DeviceId device) {
  if (!device.host()) return takes_tails(op, device) && tail_on_gpu(op).takes(tail);
  return std::any_of(op.tail_kernels.begin(), op.tail_kernels.end(),
                     [&](const TailKernel& k) { return provider_serves(k.provider, device) && k.takes(tail); });
}

FusedGroup joined_tails(const FusedGroup& first, const FusedGroup& second) {
  FusedGroup both = first;
  both.num_inputs = first.num_inputs + second.num_inputs - 1;
  const int nodes = static_cast<int>(first.nodes.size());
  for (FusedNode& node : both.nodes) {
    for (int& operand : node.operands) operand += operand < first.num_inputs ? 0 : second.num_inputs - 1;
  }
  for (FusedNode node : second.nodes) {
    for (int& operand : node.operands) {
      if (operand == 0) operand = both.num_inputs + first.outputs.at(0);
      else if (operand < second.num_inputs) operand += first.num_inputs - 1;
      else operand += both.num_inputs + nodes - second.num_inputs;
    }
    both.nodes.push_back(std::move(node));
  }
  both.outputs = {nodes + second.outputs.at(0)};
  return both;
}

std::shared_ptr<const OpSchema> make_tailed_operator(const OpSchema& op, ParamsPtr params, FusedGroup tail,
                                                     DeviceId device) {
  const size_t own = static_cast<size_t>(op.num_inputs(params.get()));
  const auto group = std::make_shared<const FusedGroup>(std::move(tail));
  const std::shared_ptr<const OpSchema> tail_op = make_fused_operator(*group);
  auto made = std::make_shared<OpSchema>();
  made->name = op.name + "+" + tail_op->name;
  made->hidden = true;
  made->uses_training = op.uses_training;
  made->optional_outputs = op.optional_outputs;
  made->fixed_inputs = static_cast<int>(own) + group->num_inputs - 1;
  made->fixed_outputs = op.num_outputs(params.get());
  made->fixed_visible = op.num_visible(params.get());
  made->input_names = [&op, params, group](const void*) {
    std::vector<std::string> names = op.input_names(params.get());
    names.resize(names.size() + static_cast<size_t>(group->num_inputs) - 1, "input");
    return names;
  };
  made->output_names = [&op, params](const void*) { return op.output_names(params.get()); };
  made->infer_shape = [&op, params, own](InferShape& c) {
    infer<InferShape>(op, params.get(), own, c, op.infer_shape);
  };
  made->infer_type = [&op, params, own](InferType& c) { infer<InferType>(op, params.get(), own, c, op.infer_type); };
  made->portable = [&op, params, group, tail_op, own](const PrepareContext& c) {
    PrepareContext with_params = c;
    with_params.params_ = params.get();
    return prepare(op, *group, *tail_op, own, with_params);
  };
  made->gpu_kernels.push_back([&op, params, group](const PrepareContext& c) -> std::unique_ptr<Kernel> {
    const TailOnGpu on_gpu = tail_on_gpu(op);
    if (!on_gpu.takes || !on_gpu.takes(*group)) return nullptr;
    PrepareContext whole = c;
    whole.params_ = params.get();
    whole.tail = group.get();
    return on_gpu.prepare(whole);
  });
  // In strips of rows, other inputs of the tail would have to come in strips too.
  if (op.row_window && group->num_inputs == 1) {
    made->row_window = [&op, params](const void*) { return op.row_window(params.get()); };
    made->row_part = [&op, params, group, device](const void*, int64_t above, int64_t below) {
      const auto part = make_tailed_operator(op, op.row_part(params.get(), above, below).params, *group, device);
      return RowPart{part.get(), part};
    };
  }
  // The sum with a value that nobody reads afterwards is made in its place; on GPUs kernels may write results before they have read all of it.
  for (int i = 1; device.host() && i < group->num_inputs; ++i) {
    if (may_overwrite(*group, i, group->outputs[0])) made->inplace.emplace_back(static_cast<int>(own) + i - 1, 0);
  }
  return made;
}

}  // namespace mixnet
