// Most inputs or outputs that a parameter may ask for: a count from a file must not take all memory before it is found wrong.
#pragma once
#include <cstdint>

namespace mixnet {

constexpr int64_t max_parts = int64_t{1} << 16;

}  // namespace mixnet
