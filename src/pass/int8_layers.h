// Joins quantised layers with what follows them, so that values stay 8-bit from layer to layer and int32 sums are never stored.
//
// quantized_conv or quantized_fully_connected whose sums are read by a requantize with a calibrated range, or by a dequantize, becomes one
// node with float32 scales per channel, which also takes in relu and, of a residual block, the sum with the shortcut. Where ranges are
// known when the graph is bound they are not computed at all. Scales depend on parameters alone and are derived (Node::derived).
// Results differ from the single operators' by rounding only. Linear in the graph; for prediction.
#pragma once
#include <vector>

#include "pass/typed.h"

namespace mixnet {

// The heads of the new graph, in the order of the old ones. `inputs`: variables that change from run to run.
std::vector<Entry> join_int8_layers(const Typed& typed, const std::vector<const Node*>& inputs);

}  // namespace mixnet
