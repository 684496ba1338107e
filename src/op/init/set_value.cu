// _set_value on GPUs.
#include "op/init/set_value.h"

#include "op/core/gpu/fill.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::set_value {
namespace {

void kernel(const Params& p, const RunContext& r) { gpu::fill(*r.context.stream, r.out[0], p.src); }

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "_set_value", kernel); }

}  // namespace mixnet::op::set_value
