// In training steps on GPUs: the relu behind a BatchNorm, and the sum with a shortcut between them, become part of BatchNorm's node; where there is no sum,
// relu's gradient becomes part of BatchNorm's. Values between are neither stored nor read again.
//
// A BatchNorm is joined when nothing else reads what it and the sum give, and its statistics are read behind the relu alone, since it then runs where the
// relu stood. Linear in the graph. Results differ by rounding only.
#pragma once
#include <vector>

#include "pass/typed.h"

namespace mixnet {

// The heads of the new graph, in the order of the old ones.
std::vector<Entry> join_norm_tails(const Typed& typed);

}  // namespace mixnet
