// _image_normalize on GPUs; see image_normalize.cc.
#include "op/image/image_normalize.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::image_normalize {
namespace {

// One channel of all images.
template <class T>
struct Channel {
  const T* x;
  T* y;
  int64_t area, channels, channel;
  T mean, std;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t at = (i / area * channels + channel) * area + i % area;
    y[at] = (x[at] - mean) / std;
  }
};

template <bool Centred>
void run(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "image_normalize", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    const int64_t area = s.size(s.ndim() - 2, s.ndim()), channels = s[s.ndim() - 3];
    for (int64_t c = 0; c < channels; ++c) {
      const T mean = Centred ? static_cast<T>(Params::of(p.mean, c)) : T(0), std = static_cast<T>(Params::of(p.std, c));
      OnGpu::each(r, s.size() / channels, 1,
                  Channel<T>{r.in[0].as<T>(), r.out[0].as<T>(), area, channels, c, mean, std});
    }
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::wide<Params>(registry, "_image_normalize", run<true>);
  gpu::wide<Params>(registry, "_backward_image_normalize", run<false>);
}

}  // namespace mixnet::op::image_normalize
