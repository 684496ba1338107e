// shape_array and size_array on GPUs.
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::shape_array {
namespace {

struct Numbers {
  int64_t number[Shape::max_ndim];
  int64_t* out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { out[i] = number[i]; }
};

void shape(const NoParams&, const RunContext& r) {
  Numbers f{{}, r.out[0].as<int64_t>()};
  std::copy_n(r.in[0].shape.data(), r.in[0].ndim(), f.number);
  gpu::map(*r.context.stream, r.in[0].ndim(), f);
}
void size(const NoParams&, const RunContext& r) {
  gpu::map(*r.context.stream, 1, Numbers{{r.in[0].size()}, r.out[0].as<int64_t>()});
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<NoParams>(registry, "shape_array", shape);
  gpu::kernel<NoParams>(registry, "size_array", size);
}

}  // namespace mixnet::op::shape_array
