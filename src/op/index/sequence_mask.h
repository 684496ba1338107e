// Parameters of SequenceMask, shared with the device sibling.
#pragma once
#include "op/index/sequence.h"

namespace mixnet::op::sequence_mask {

struct Params : SequenceParams {
  double value = 0;
};

}  // namespace mixnet::op::sequence_mask
