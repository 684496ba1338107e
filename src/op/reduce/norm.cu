// norm on GPUs; see norm.cc.
#include "op/reduce/norm.h"

#include "op/reduce/gpu_reduction.h"

namespace mixnet::op::norm {
namespace {

using namespace reduction;

std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  const Params& p = c.params<Params>();
  const TensorView& in = c.inputs[0];
  const std::vector<bool> reduced = reduced_axes(p, in.ndim(), "norm");
  if (p.ord == 1) return std::make_unique<AxesKernel<AbsSum, Same, AnyOutput>>(in, reduced);
  return std::make_unique<AxesKernel<SquareSum, Root, AnyOutput>>(in, reduced);
}

}  // namespace

void register_gpu(Registry& registry) { gpu::prepared(registry, "norm", prepare); }

}  // namespace mixnet::op::norm
