#include "op/core/fused.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "base/contains.h"
#include "base/thread_pool.h"
#include "op/core/convert.h"

namespace mixnet {
namespace {

constexpr int64_t tile_bytes = 8192, grain = 16384;
constexpr int nowhere = -1;

std::atomic<const GroupsOnGpu*> offered_groups{nullptr};

// Tiles for inner values, given out again when a value has been read for the last time.
struct Slots {
  std::vector<int> of_node;  // nowhere for outputs that are computed where they belong
  int count = 0;
};

Slots assign_slots(const FusedGroup& group, bool outputs_too) {
  std::vector<int> last(group.nodes.size());
  for (size_t n = 0; n < group.nodes.size(); ++n) {
    last[n] = static_cast<int>(n);
    for (int operand : group.nodes[n].operands) {
      if (operand >= group.num_inputs) last[static_cast<size_t>(operand - group.num_inputs)] = static_cast<int>(n);
    }
  }
  Slots slots;
  slots.of_node.assign(group.nodes.size(), nowhere);
  std::vector<int> free_from;  // by slot: the first node that may take it
  for (size_t n = 0; n < group.nodes.size(); ++n) {
    if (!outputs_too && contains(group.outputs, static_cast<int>(n))) continue;
    size_t slot = 0;
    while (slot < free_from.size() && free_from[slot] > static_cast<int>(n)) ++slot;
    if (slot == free_from.size()) free_from.push_back(0);
    free_from[slot] = last[n] + 1;
    slots.of_node[n] = static_cast<int>(slot);
  }
  slots.count = static_cast<int>(free_from.size());
  return slots;
}

class FusedKernel : public Kernel {
 public:
  FusedKernel(const FusedGroup& group, const PrepareContext& context)
      : group_(group), wide_(is_half(context.inputs[0])), slots_(assign_slots(group, wide_)) {
    TensorView view = context.inputs[0];
    if (wide_) view.dtype = DType::f32;
    for (const FusedNode& node : group_.nodes) {
      const std::vector<TensorView> in(node.operands.size(), view);
      PrepareContext c = context;
      c.params_ = node.params.get();
      c.inputs = in;
      c.outputs = {&view, 1};
      c.wanted = {&wanted_, 1};
      kernels_.push_back(node.op->portable(c));
    }
  }

  void run(const RunContext& r) const override {
    const int64_t size = r.in[0].size(), tile = tile_bytes / (wide_ ? 4 : dtype_size(r.in[0].dtype));
    // Ranges of whole tiles, so that where one ends does not depend on the number of threads.
    parallel_for((size + tile - 1) / tile,
                 std::max<int64_t>(1, grain / tile / static_cast<int64_t>(group_.nodes.size())),
                 [&](int64_t first, int64_t last) { run_range(r, first * tile, std::min(size, last * tile), tile); });
  }

 private:
  void run_range(const RunContext& r, int64_t first, int64_t last, int64_t tile) const {
    // Most groups need few tiles.
    const int64_t inputs = wide_ ? group_.num_inputs : 0, tiles = inputs + slots_.count;
    alignas(64) std::array<char, 6 * tile_bytes> on_stack;
    std::vector<char> on_heap(tiles > 6 ? static_cast<size_t>(tiles * tile_bytes) : 0);
    char* scratch = tiles > 6 ? on_heap.data() : on_stack.data();
    const int64_t element = dtype_size(r.in[0].dtype);

    TensorView flat;
    flat.shape = Shape{tile};
    flat.dtype = wide_ ? DType::f32 : r.in[0].dtype;
    flat.device = r.in[0].device;
    // Operands of all nodes, then the value of each node.
    std::vector<TensorView> views(group_.nodes.size(), flat);
    std::vector<std::vector<TensorView>> operands;
    for (const FusedNode& node : group_.nodes) operands.emplace_back(node.operands.size(), flat);

    for (int64_t at = first; at < last; at += tile) {
      const int64_t n = std::min(tile, last - at);
      auto place = [&](TensorView& view, int operand) {
        const int node = operand - group_.num_inputs;
        if (node < 0) {
          view.data =
              wide_ ? scratch + operand * tile_bytes : r.in[static_cast<size_t>(operand)].as<char>() + at * element;
        } else if (const int slot = slots_.of_node[static_cast<size_t>(node)]; slot != nowhere) {
          view.data = scratch + (inputs + slot) * tile_bytes;
        } else {
          view.data = output_of(r, node).as<char>() + at * element;
        }
        if (n != tile) view.shape = Shape{n};
      };
      for (int64_t i = 0; i < inputs; ++i)
        widen_run(r.in[static_cast<size_t>(i)], at, reinterpret_cast<float*>(scratch + i * tile_bytes), n);
      for (size_t k = 0; k < group_.nodes.size(); ++k) {
        for (size_t i = 0; i < operands[k].size(); ++i) place(operands[k][i], group_.nodes[k].operands[i]);
        place(views[k], group_.num_inputs + static_cast<int>(k));
        kernels_[k]->run({operands[k], {&views[k], 1}, r.context});
        if (wide_ && contains(group_.outputs, static_cast<int>(k)))
          narrow_run(views[k].as<float>(), output_of(r, static_cast<int>(k)), at, n);
      }
    }
  }
  const TensorView& output_of(const RunContext& r, int node) const {
    const auto output = std::find(group_.outputs.begin(), group_.outputs.end(), node) - group_.outputs.begin();
    return r.out[static_cast<size_t>(output)];
  }

  const FusedGroup group_;
  const bool wide_;  // 16-bit data, computed in float32
  const Slots slots_;
  const bool wanted_ = true;
  std::vector<std::unique_ptr<Kernel>> kernels_;
};

}  // namespace

void offer_groups_on_gpu(const GroupsOnGpu* groups) { offered_groups.store(groups); }

const GroupsOnGpu* groups_for(DeviceId device) {
  const GroupsOnGpu* groups = device.host() ? nullptr : offered_groups.load();
  return groups && groups->ready(device) ? groups : nullptr;
}

bool may_overwrite(const FusedGroup& group, int input, int node) {
  for (size_t n = 0; n < group.nodes.size(); ++n) {
    const std::vector<int>& operands = group.nodes[n].operands;
    for (size_t i = 0; i < operands.size(); ++i) {
      if (operands[i] != input || static_cast<int>(n) < node) continue;
      if (static_cast<int>(n) > node || !group.nodes[n].op->allows_inplace(static_cast<int>(i), 0)) return false;
    }
  }
  return true;
}

std::unique_ptr<Kernel> prepare_in_float_tiles(const OpSchema& op, const PrepareContext& c) {
  if (!op.is_pointwise(c.params_) || op.fused || c.outputs.size() != 1 || c.inputs.empty() || !is_half(c.inputs[0]))
    return nullptr;
  auto alike = [&](const TensorView& v) { return v.dtype == c.inputs[0].dtype && v.shape == c.inputs[0].shape; };
  if (!std::all_of(c.inputs.begin(), c.inputs.end(), alike) || !alike(c.outputs[0])) return nullptr;
  // The kernels keep what they need of the parameters.
  FusedGroup group{static_cast<int>(c.inputs.size()), {{&op, ParamsPtr(ParamsPtr(), c.params_), {}}}, {0}};
  for (int i = 0; i < group.num_inputs; ++i) group.nodes[0].operands.push_back(i);
  return std::make_unique<FusedKernel>(group, c);
}

std::shared_ptr<const OpSchema> make_fused_operator(FusedGroup group) {
  auto op = std::make_shared<OpSchema>();
  const auto shared = std::make_shared<const FusedGroup>(std::move(group));
  for (const FusedNode& node : shared->nodes) op->name += (op->name.empty() ? "" : "+") + node.op->name;
  op->hidden = op->pointwise = true;
  op->fused = shared;
  op->fixed_inputs = shared->num_inputs;
  op->fixed_outputs = op->fixed_visible = static_cast<int>(shared->outputs.size());
  op->input_names = [shared](const void*) {
    return std::vector<std::string>(static_cast<size_t>(shared->num_inputs), "input");
  };
  op->output_names = [shared](const void*) { return std::vector<std::string>(shared->outputs.size(), "output"); };
  op->infer_shape = [](InferShape& c) { c.all_same(); };
  op->infer_type = [](InferType& c) { c.all_same(); };
  op->portable = [shared](const PrepareContext& c) { return std::make_unique<FusedKernel>(*shared, c); };
  if (const GroupsOnGpu* groups = offered_groups.load())
    op->gpu_kernels.push_back([shared, groups](const PrepareContext& c) { return groups->prepare(*shared, c); });
  for (int i = 0; i < shared->num_inputs; ++i) {
    for (size_t o = 0; o < shared->outputs.size(); ++o) {
      if (may_overwrite(*shared, i, shared->outputs[o])) op->inplace.emplace_back(i, static_cast<int>(o));
    }
  }
  return op;
}

}  // namespace mixnet
