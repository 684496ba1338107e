// Several pointwise operators as one: the values between them never leave the cache.
//
// The operators' own portable kernels run one after another on a tile of elements, then on the next tile, in parallel over ranges
// of tiles. All inputs, outputs and inner values have one shape and one dtype. Results are those of the operators one by
// one, bit for bit; but 16-bit floats are widened once per tile and narrowed once, so that inner values are not rounded on the way.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "op/core/schema.h"

namespace mixnet {

struct FusedNode {
  const OpSchema* op = nullptr;
  ParamsPtr params;
  // Below the number of inputs of the group: that input. Otherwise the value of node (operand - number of inputs).
  std::vector<int> operands;
};

struct FusedGroup {
  int num_inputs = 0;
  std::vector<FusedNode> nodes;  // each reads inputs and earlier nodes only; pointwise, with one output
  std::vector<int> outputs;      // nodes whose values are the outputs
};

// Whether the value of a node may take over the memory of an input: nobody reads the input afterwards, and the node's operator
// bears it.
bool may_overwrite(const FusedGroup& group, int input, int node);

// The kernel of one pointwise operator on 16-bit floats by its float32 kernel; nullptr when it is none, or its tensors differ.
std::unique_ptr<Kernel> prepare_in_float_tiles(const OpSchema& op, const PrepareContext& context);

// What makes kernels of groups for GPUs, where something that can is linked (op/core/gpu/group.h).
struct GroupsOnGpu {
  bool (*ready)(DeviceId device);  // whether it can now: there is a compiler, and no setting forbids it
  bool (*takes)(const OpSchema& op, const void* params, DType dtype);
  std::unique_ptr<Kernel> (*prepare)(const FusedGroup& group, const PrepareContext& context);
};
void offer_groups_on_gpu(const GroupsOnGpu* groups);
// Null on CPUs, and where no groups are made for this device.
const GroupsOnGpu* groups_for(DeviceId device);

// An operator of its own for this group; it is in no registry and lives as long as somebody holds it.
std::shared_ptr<const OpSchema> make_fused_operator(FusedGroup group);

}  // namespace mixnet
