// Reductions over axes on GPUs; see reduce.cc.
#include "op/reduce/gpu_reduction.h"

namespace mixnet::op::reduce {
namespace {

using namespace reduction;

// One kernel for both.
struct SumOrMean {
  bool mean;
  template <class W> MIXNET_ON_DEVICE W operator()(W s, int64_t n) const { return mean ? Mean()(s, n) : s; }
};
template <bool IsMean>
std::unique_ptr<Kernel> prepare_sum(const PrepareContext& c) {
  return std::make_unique<AxesKernel<Sum, SumOrMean>>(
      c.inputs[0], reduced_axes(c.params<ReduceParams>(), c.inputs[0].ndim(), "reduce"), SumOrMean{IsMean});
}

template <class F>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<AxesKernel<F, Same>>(c.inputs[0],
                                               reduced_axes(c.params<ReduceParams>(), c.inputs[0].ndim(), "reduce"));
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::prepared(registry, "sum", prepare_sum<false>);
  gpu::prepared(registry, "mean", prepare_sum<true>);
  gpu::prepared(registry, "prod", prepare<Prod>);
  gpu::prepared(registry, "nansum", prepare<NanSum>);
  gpu::prepared(registry, "nanprod", prepare<NanProd>);
  gpu::prepared(registry, "max", prepare<Max>);
  gpu::prepared(registry, "min", prepare<Min>);
  gpu::prepared(registry, "_square_sum", prepare<SquareSum>);
}

}  // namespace mixnet::op::reduce
