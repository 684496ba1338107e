// _contrib_BilinearResize2D on GPUs; see bilinear_resize.cc.
#include "op/image/bilinear_resize.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::bilinear_resize {
namespace {

template <class T>
struct Resize {
  const T* x;
  T* y;
  FourExtents in, out;
  bool align;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t area = out[2] * out[3], plane = e / area;
    const Tap row(e % area / out[3], in[2], out[2], align), column(e % out[3], in[3], out[3], align);
    const T *top = x + (plane * in[2] + row.low) * in[3], *bottom = x + (plane * in[2] + row.high) * in[3];
    const T v = static_cast<T>(row.share), h = static_cast<T>(column.share);
    const T above = (1 - h) * top[column.low] + h * top[column.high],
            below = (1 - h) * bottom[column.low] + h * bottom[column.high];
    y[e] = (1 - v) * above + v * below;
  }
};

// The targets that may be made of a source pixel, along one axis.
struct Reach {
  int64_t first, last;
  MIXNET_ON_DEVICE Reach(int64_t source, int64_t in, int64_t out, bool align) : first(0), last(out - 1) {
    const double scale = align ? static_cast<double>(in - 1) / static_cast<double>(out > 1 ? out - 1 : 1)
                               : static_cast<double>(in) / static_cast<double>(out);
    if (scale <= 0) return;
    const double at = static_cast<double>(source), off = align ? 0 : 0.5;
    const double low = (at - 1 + off) / scale - off - 1, high = (at + 1 + off) / scale - off + 1;
    if (low > 0) first = static_cast<int64_t>(low);
    if (high < static_cast<double>(last)) last = static_cast<int64_t>(high);
  }
};
MIXNET_ON_DEVICE inline double share_of(const Tap& tap, int64_t source) {
  return (tap.low == source ? 1 - tap.share : 0) + (tap.high == source ? tap.share : 0);
}

template <class T>
struct Gather {
  const T* dy;
  T* dx;
  FourExtents in, out;
  bool align;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t area = in[2] * in[3], plane = e / area, y = e % area / in[3], x = e % in[3];
    const Reach rows(y, in[2], out[2], align), columns(x, in[3], out[3], align);
    T sum = 0;
    for (int64_t i = rows.first; i <= rows.last; ++i) {
      const T v = static_cast<T>(share_of(Tap(i, in[2], out[2], align), y));
      if (v == 0) continue;
      for (int64_t j = columns.first; j <= columns.last; ++j) {
        const T h = static_cast<T>(share_of(Tap(j, in[3], out[3], align), x));
        if (h != 0) sum += v * h * dy[(plane * out[2] + i) * out[3] + j];
      }
    }
    dx[e] = sum;
  }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "BilinearResize2D", [&](auto tag) {
    using T = typename decltype(tag)::type;
    OnGpu::each(r, r.out[0].size(), 1,
                Resize<T>{r.in[0].as<T>(), r.out[0].as<T>(), FourExtents(r.in[0].shape), FourExtents(r.out[0].shape),
                          p.align_corners});
  });
}
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "BilinearResize2D", [&](auto tag) {
    using T = typename decltype(tag)::type;
    OnGpu::each(r, r.out[0].size(), 1,
                Gather<T>{r.in[0].as<T>(), r.out[0].as<T>(), FourExtents(r.out[0].shape), FourExtents(r.in[0].shape),
                          p.align_corners});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::wide<Params>(registry, "_contrib_BilinearResize2D", forward);
  gpu::wide<Params>(registry, "_backward_contrib_BilinearResize2D", backward);
}

}  // namespace mixnet::op::bilinear_resize
