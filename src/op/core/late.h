// Operators that are added while the program runs.
#pragma once
#include "op/core/registry.h"

namespace mixnet {

// `fill` adds operators to an empty registry. What it and the checks throw is thrown, and then nothing has changed; afterwards the
// operators are there for all threads at once, for ever. Throws Code::invalid for names that are taken.
void add_late_operators(const std::function<void(Registry&)>& fill);

}  // namespace mixnet
