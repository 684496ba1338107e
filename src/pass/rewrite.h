// The passes that run on a bound graph after inference and before fusion, in the order in which they help each other; each has a
// switch in the environment (docs/guide/environment.md).
#pragma once
#include "pass/typed.h"

namespace mixnet {

// The heads of the new graph, in the order of the old ones.
std::vector<Entry> rewrite(Typed typed);

}  // namespace mixnet
