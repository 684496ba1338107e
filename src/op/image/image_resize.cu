// _image_resize on GPUs; see image_resize.cc.
#include "op/image/image_resize.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::image_resize {
namespace {

template <class T>
struct Fill {
  Target<T> target;
  T* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t width = target.columns * target.channels;
    y[i] = target.value(i / width, i % width);
  }
};

template <class T>
void resize(const Params& p, const RunContext& r) {
  OnGpu::each(r, r.out[0].size(), 1, Fill<T>{Target<T>(p, r), r.out[0].as<T>()});
}
void forward(const Params& p, const RunContext& r) {
  if (r.in[0].dtype == DType::u8) return resize<uint8_t>(p, r);
  dispatch_float(r.in[0].dtype, "image_resize", [&](auto tag) { resize<typename decltype(tag)::type>(p, r); });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "_image_resize", forward); }

}  // namespace mixnet::op::image_resize
