// _contrib_box_encode and _contrib_box_decode on GPUs; see box_encode.cc.
#include "op/contrib/box_encode.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::box_encode {
void register_gpu(Registry& registry) {
  gpu::wide<NoParams>(registry, "_contrib_box_encode", encode<OnGpu>);
  gpu::wide<Params>(registry, "_contrib_box_decode", decode<OnGpu>);
}

}  // namespace mixnet::op::box_encode
