// im2col and col2im on GPUs; see im2col.cc.
#include "op/nn/im2col.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/nn/convolve.h"

namespace mixnet::op::im2col {
namespace {

// Images as x, numbers of windows as positions of y.
gpu::Convolution windows(const Params& p, const TensorView& images) {
  const Image m = image_of(Window(p.kernel, p.stride, p.dilate, p.pad), images.shape);
  const Window w = trailing(p);
  gpu::Convolution c{};
  c.channels = m.channels;
  for (int i = 0; i < 3; ++i) {
    c.in[i] = m.in[i];
    c.out[i] = m.out[i];
    c.kernel[i] = w.kernel[i];
    c.stride[i] = w.stride[i];
    c.dilate[i] = w.dilate[i];
    c.pad[i] = w.pad[i];
  }
  c.x = {m.channels * m.in_size(), m.in_size(), {m.in[1] * m.in[2], m.in[2], 1}};
  c.y = {0, 0, {m.out[1] * m.out[2], m.out[2], 1}};
  return c;
}

template <class T>
struct Unfold {
  gpu::Convolution c;
  const T* images;
  T* columns;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t positions = c.positions(), row = i / positions, volume = c.volume();
    int64_t at;
    const bool inside = c.pixel(i % positions, row % volume, &at);
    // Rows count through channels and images: planes lie one behind the other.
    columns[i] = inside ? images[row / volume * c.x.channel + at] : static_cast<T>(0.0f);
  }
};
void unfold(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "im2col", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(), Unfold<T>{windows(p, r.in[0]), r.in[0].as<T>(), r.out[0].as<T>()});
  });
}

template <class T>
struct Fold {
  gpu::Convolution c;
  const T* columns;
  T* images;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t pixels = c.pixels(), positions = c.positions(), volume = c.volume();
    accumulator_t<T> sum = 0;
    for (int64_t tap = 0; tap < volume; ++tap) {
      int64_t at;
      if (c.window(i % pixels, tap, &at))
        sum += static_cast<accumulator_t<T>>(columns[(i / pixels * volume + tap) * positions + at]);
    }
    images[i] = static_cast<T>(sum);
  }
};
void fold(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "col2im", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(), Fold<T>{windows(p, r.out[0]), r.in[0].as<T>(), r.out[0].as<T>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "im2col", unfold);
  gpu::kernel<Params>(registry, "col2im", fold);
  gpu::kernel<Params>(registry, "_backward_im2col", fold);
}

}  // namespace mixnet::op::im2col
