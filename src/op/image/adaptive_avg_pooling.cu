// _contrib_AdaptiveAvgPooling2D on GPUs; see adaptive_avg_pooling.cc.
#include "op/image/adaptive_avg_pooling.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::adaptive_avg_pooling {
namespace {

template <class T>
struct Average {
  const T* x;
  T* y;
  FourExtents in, out;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t cells = out[2] * out[3], plane = e / cells, i = e % cells / out[3], j = e % out[3];
    const int64_t top = begin_of(i, in[2], out[2]), bottom = end_of(i, in[2], out[2]);
    const int64_t left = begin_of(j, in[3], out[3]), right = end_of(j, in[3], out[3]);
    T sum = 0;
    for (int64_t row = top; row < bottom; ++row)
      for (int64_t c = left; c < right; ++c) sum += x[(plane * in[2] + row) * in[3] + c];
    y[e] = sum / static_cast<T>((bottom - top) * (right - left));
  }
};

// The shares of all cells that cover a pixel.
template <class T>
struct Spread {
  const T* dy;
  T* dx;
  FourExtents in, out;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t area = in[2] * in[3], plane = e / area, row = e % area / in[3], column = e % in[3];
    T sum = 0;
    for (int64_t i = row * out[2] / in[2]; i <= ((row + 1) * out[2] - 1) / in[2]; ++i) {
      const int64_t height = end_of(i, in[2], out[2]) - begin_of(i, in[2], out[2]);
      for (int64_t j = column * out[3] / in[3]; j <= ((column + 1) * out[3] - 1) / in[3]; ++j) {
        const int64_t width = end_of(j, in[3], out[3]) - begin_of(j, in[3], out[3]);
        sum += dy[(plane * out[2] + i) * out[3] + j] / static_cast<T>(height * width);
      }
    }
    dx[e] = sum;
  }
};

template <template <class> class Kernel, size_t Whole>
void run(const Params&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "AdaptiveAvgPooling2D", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape &image = Whole == 0 ? r.in[0].shape : r.out[0].shape,
                &grid = Whole == 0 ? r.out[0].shape : r.in[0].shape;
    OnGpu::each(r, r.out[0].size(), 1,
                Kernel<T>{r.in[0].as<T>(), r.out[0].as<T>(), FourExtents(image), FourExtents(grid)});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::wide<Params>(registry, "_contrib_AdaptiveAvgPooling2D", run<Average, 0>);
  gpu::wide<Params>(registry, "_backward_contrib_AdaptiveAvgPooling2D", run<Spread, 1>);
}

}  // namespace mixnet::op::adaptive_avg_pooling
