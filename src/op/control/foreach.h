// The parameters of _foreach, which is also the gradient of loops: it may run from the last row to the first, and over some rows only.
//
// Inputs of the node: data, states, what is the same in every run, and the count of rows if `counted`. Outputs: data, states, values kept for
// backward (rows like data). The body has its inputs where the places say and its outputs in this order.
#pragma once
#include "op/core/param.h"
#include "op/core/subgraph.h"

namespace mixnet::op::foreach {

struct Params {
  int64_t num_args = 1, num_outputs = 1, num_out_data = 0;
  Places in_state_locs, in_data_locs, remain_locs;
  SubgraphPtr body;
  // The rest is of nodes that gradients make.
  bool extends = false;
  int64_t kept = 0;
  bool reverse = false, counted = false;
  int64_t rows = -1;  // where no data says how many there are

  int num_data() const { return static_cast<int>(in_data_locs.size()); }
  int num_states() const { return static_cast<int>(in_state_locs.size()); }
  int num_body_inputs() const { return num_data() + num_states() + static_cast<int>(remain_locs.size()); }
  // The body's input behind an input of the node.
  int place(int input) const {
    const size_t i = static_cast<size_t>(input), d = in_data_locs.size(), s = in_state_locs.size();
    return static_cast<int>(i < d ? in_data_locs[i] : i < d + s ? in_state_locs[i - d] : remain_locs[i - d - s]);
  }
  bool is_data(int input) const { return input < num_data(); }
  bool is_state(int input) const { return !is_data(input) && input < num_data() + num_states(); }
  // Of an output, node and body alike.
  bool makes_state(int output) const { return output >= num_out_data && output < num_outputs; }
};

}  // namespace mixnet::op::foreach
