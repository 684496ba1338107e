// A chain of operators as one that computes its result in strips of rows (axis 2), image by image, so that only a few rows of the values
// between them are in memory at a time.
//
// The members' own kernels are prepared for the shapes of their strips. A row is computed once: those that the next strip reads too
// are moved to the front of the buffer that holds the value's rows. Values between members stay in the layout that both like, as
// everywhere in a plan (executor/layouts.h). All of that is workspace. Results are the members' own where a kernel's order of summation
// does not depend on the number of rows.
#pragma once
#include <memory>
#include <vector>

#include "op/core/schema.h"

namespace mixnet {

constexpr int rows_axis = 2;

// One output; it reads the result of the member before it as input 0.
struct StripMember {
  const OpSchema* op = nullptr;
  ParamsPtr params;
};

// The member's window along the rows, 1 x 1 for pointwise operators with one input; none: it cannot be a member.
std::optional<RowWindow> strip_window(const StripMember& member);

// Inputs: the first member's, then those of each next one but its first. `height`: rows of the result in a strip.
std::shared_ptr<const OpSchema> make_strips_operator(std::vector<StripMember> members, int64_t height);

}  // namespace mixnet
