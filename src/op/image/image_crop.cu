// _image_crop on GPUs; see image_crop.cc.
#include "op/image/image_crop.h"

#include "op/core/gpu/items.h"
#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::image_crop {
namespace {

// Moves element i of the rectangle, from the whole image or back.
template <class T, bool Back>
struct Move {
  const T* from;
  T* to;
  int64_t rows, columns, channels;  // of the whole image
  Params p;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t c = i % channels, x = i / channels % p.width, y = i / (channels * p.width) % p.height,
                  image = i / (channels * p.width * p.height);
    const int64_t whole = ((image * rows + p.y + y) * columns + p.x + x) * channels + c;
    to[Back ? whole : i] = from[Back ? i : whole];
  }
};

template <bool Back>
void run(const Params& p, const RunContext& r) {
  if (Back) OnGpu::zero(r, r.out[0]);
  gpu::dispatch_items(r.out[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const TensorView &whole = Back ? r.out[0] : r.in[0], &part = Back ? r.in[0] : r.out[0];
    const Shape& s = whole.shape;
    const int n = s.ndim();
    OnGpu::each(r, part.size(), 1, Move<T, Back>{r.in[0].as<T>(), r.out[0].as<T>(), s[n - 3], s[n - 2], s[n - 1], p});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "_image_crop", run<false>);
  gpu::kernel<Params>(registry, "_backward_image_crop", run<true>);
}

}  // namespace mixnet::op::image_crop
