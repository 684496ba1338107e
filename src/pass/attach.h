// Hands pointwise operators to the operator whose value they read, where a kernel of that one applies them to what it still holds
// (op/core/tailed.h): convolution, then the sum with a shortcut, then the activation, as one node. On GPUs, where pass/fuse may have had no compiler to
// form groups for, one pointwise node after the other is taken along.
//
// A node is attached when its value is read by that pointwise node (or fused group, see fuse.h) alone, is no head, and nothing the node reads is
// changed by the graph, since it then runs where the pointwise node stood. Linear in the graph. Results differ by rounding only.
#pragma once
#include <vector>

#include "device/device_id.h"
#include "pass/typed.h"

namespace mixnet {

// The heads of the new graph, in the order of the old ones.
std::vector<Entry> attach(const Typed& typed, DeviceId device);

}  // namespace mixnet
