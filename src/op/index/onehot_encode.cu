// _onehot_encode on GPUs.
#include "op/index/one_hot_on_gpu.h"

namespace mixnet::op::onehot_encode {
namespace {

void forward(const NoParams&, const RunContext& r) { one_hot_on_gpu(r, r.out[0].shape[1], 1, 0); }

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<NoParams>(registry, "_onehot_encode", forward); }

}  // namespace mixnet::op::onehot_encode
