// _contrib_quantized_rnn on GPUs; see quantized_rnn.h.
#include "op/rnn/quantized_rnn.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::quantized_rnn {
namespace {

std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<WidenedRnn<OnGpu>>(
      c, [](const OpSchema& rnn, const PrepareContext& own) { return rnn.prepare(own); });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::prepared(registry, "_contrib_quantized_rnn", prepare); }

}  // namespace mixnet::op::quantized_rnn
