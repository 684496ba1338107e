// _image_to_tensor on GPUs; see image_to_tensor.cc.
#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::image_to_tensor {
namespace {

template <class T>
struct Planes {
  const T* x;
  float* y;
  int64_t area, channels;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t plane = i / area, at = (plane / channels * area + i % area) * channels + plane % channels;
    y[i] = static_cast<float>(static_cast<accumulator_t<T>>(x[at])) / 255.0f;
  }
};

void forward(const NoParams&, const RunContext& r) {
  const Shape& s = r.in[0].shape;
  const int n = s.ndim();
  dispatch_all(r.in[0].dtype, "image_to_tensor", [&](auto tag) {
    using T = typename decltype(tag)::type;
    OnGpu::each(r, s.size(), 1, Planes<T>{r.in[0].as<T>(), r.out[0].as<float>(), s[n - 3] * s[n - 2], s[n - 1]});
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<NoParams>(registry, "_image_to_tensor", forward); }

}  // namespace mixnet::op::image_to_tensor
