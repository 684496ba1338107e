// Groups of pointwise operators (op/core/fused.h) as one kernel on a GPU, whose source is written here and compiled at run time.
//
// An operator's formula is the name of the function that its own kernels call: the headers of these functions stand before the kernel as text
// (tools/gen_kernel_text.py), so that nothing is written twice. Elements are computed in float (float64: in double) and stored in their
// dtype, as the CPU's groups do.
#pragma once
#include <string>
#include <vector>

#include "device/runtime_compiler.h"
#include "op/core/fused.h"

namespace mixnet::gpu {

// A C++ expression of type A: $0, $1 are the operands, $+ the sum of them all, {scalar} the parameter of that name. An operator with an enumeration has a
// formula for each of its words, "Activation:relu".
void add_formula(const std::string& op, const std::string& expression);

// The source of a group's kernel, which is called mixnet::group: void group(int64_t whole, int64_t n, const T* inputs..., T* outputs..., A numbers...). The
// first `whole` pieces of 16 bytes are read and written at once, where all tensors begin at multiples of 16; the rest of the n elements one by one.
struct GroupSource {
  KernelSource source;
  std::vector<double> numbers;  // parameters of operators, in the order of the arguments
};
GroupSource group_source(const FusedGroup& group, DType dtype);

// Groups are formed from now on.
void offer_groups();

}  // namespace mixnet::gpu
