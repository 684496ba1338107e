// Takes out operators that only move values around or do nothing to them:
//
// - what hands its input on as it is (copies, a reshape to the same shape, a cast to the same dtype, a slice of everything, a product
//   with 1) is left out, unless it is a head;
// - a reshape of a reshape becomes one, a transposition of a transposition one or none, a transposition that moves only
//   axes of extent 1 a reshape, which costs nothing;
// - dot and batch_dot of a transposed matrix read it as it was, with transpose_a or transpose_b the other way round.
//
// Runs after inference and after differentiation. Linear. Results do not change by a bit (x + 0 stays, because of -0), but for products
// that read their matrices the other way round: their kernels may add up in another order.
#pragma once
#include "pass/typed.h"

namespace mixnet {

// The heads of the new graph, in the order of the old ones.
std::vector<Entry> cancel(const Typed& typed);

}  // namespace mixnet
