// Operations on arrays that know their place on the tape: run them, and put down those that a gradient may be asked for.
//
// Only to be called while the thread records or traces (ThreadState::watched); otherwise `invoke` of the executor does the same. Writes that
// a tape cannot bear throw Code::unsupported: to an array on the tape, into a part of an array, into an input of the operation.
#pragma once
#include <vector>

#include "autograd/tape_node.h"
#include "executor/invoke.h"

namespace mixnet::autograd {

// As mixnet::invoke. `given`: empty, and `fresh` gets all outputs, hidden ones too; or the visible outputs, which are written.
void invoke(const OpSchema& op, const ParamsPtr& params, Span<Taped* const> inputs, Span<Taped* const> given,
            std::vector<Taped>& fresh, const InvokeOptions& options);
// `result` is a view of `from` that operator `op` would give a copy of.
void view(Taped& from, Taped& result, const char* op, const Attributes& attributes);
void copy(Taped& from, Taped& to);
// Before values from outside go into an array: numbers, or the memory itself.
void check_write(const Taped& to, const char* place);
// Before values leave the library: numbers, files, other libraries.
void check_read(const Taped& from, const char* place);

// A node for what has been run. All outputs, hidden ones too.
std::shared_ptr<TapeNode> record(const OpSchema& op, const ParamsPtr& params, Span<const Taped* const> inputs,
                                 Span<const NDArray> outputs, bool training);

}  // namespace mixnet::autograd
