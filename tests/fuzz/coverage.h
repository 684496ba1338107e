#pragma once
#include <cstddef>
#include <cstdint>

namespace mixnet::fuzz {

// Whether something was reached since the last call that had never been reached. False for ever where the compiler cannot tell.
bool take_fresh_coverage();
// Distinct edges so far.
size_t coverage();

}  // namespace mixnet::fuzz
