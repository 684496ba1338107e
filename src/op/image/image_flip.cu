// _image_flip_* and _image_random_flip_* on GPUs; see image_flip.cc.
#include "op/core/gpu/items.h"
#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::image_flip {
namespace {

template <class T>
struct Mirror {
  const T* x;
  T* y;
  int64_t extent, block;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t at = i / block % extent;
    y[i] = x[i + (extent - 1 - 2 * at) * block];
  }
};

template <int FromEnd>
void forward(const NoParams&, const RunContext& r) {
  gpu::dispatch_items(r.in[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    const int axis = s.ndim() - FromEnd;
    OnGpu::each(r, s.size(), 1, Mirror<T>{r.in[0].as<T>(), r.out[0].as<T>(), s[axis], s.size(axis + 1, s.ndim())});
  });
}
template <int FromEnd>
void maybe(const NoParams& p, const RunContext& r) {
  if (philox(r.context.random, 0).word[0] >> 31) return forward<FromEnd>(p, r);
  OnGpu::copy(r, r.in[0], r.out[0]);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<NoParams>(registry, "_image_flip_left_right", forward<2>);
  gpu::kernel<NoParams>(registry, "_image_flip_top_bottom", forward<3>);
  gpu::kernel<NoParams>(registry, "_image_random_flip_left_right", maybe<2>);
  gpu::kernel<NoParams>(registry, "_image_random_flip_top_bottom", maybe<3>);
}

}  // namespace mixnet::op::image_flip
