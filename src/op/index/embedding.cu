// Embedding on GPUs.
#include "op/index/embedding.h"

#include "op/index/rows_on_gpu.h"

namespace mixnet::op::embedding {
namespace {

void forward(const Params&, const RunContext& r) {
  gather_rows_on_gpu(r, Rows(r.in[1].shape, r.in[0], 0, IndexMode::clip), r.in[0], r.in[1]);
}
void backward(const Params&, const RunContext& r, const gpu::PairSort& sort) {
  add_rows_on_gpu(r, sort, Rows(r.out[0].shape, r.in[1], 0, IndexMode::clip), r.in[1]);
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<SortingKernel<Params>>(c, c.inputs[1].size(), backward);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "Embedding", forward);
  gpu::prepared(registry, "_backward_Embedding", prepare_backward);
}

}  // namespace mixnet::op::embedding
