// Correlation on GPUs; see correlation.cc.
#include "op/image/correlation.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::correlation {
namespace {

// Numbers that both directions need.
struct Layout {
  int64_t channels, height, width, kernel, reach, stride1, stride2, pad, radius, side, rows, columns;
  bool multiply;
  Layout(const Params& p, const Shape& s) : Layout(p, s, Geometry(p, s)) {}
  Layout(const Params& p, const Shape& s, const Geometry& g)
      : channels(s[1]),
        height(s[2]),
        width(s[3]),
        kernel(p.kernel_size),
        reach(p.max_displacement),
        stride1(p.stride1),
        stride2(p.stride2),
        pad(p.pad_size),
        radius(g.radius),
        side(g.side),
        rows(g.rows),
        columns(g.columns),
        multiply(p.is_multiply) {}
  // The pixel at (y, x) of the padded plane.
  template <class T>
  MIXNET_ON_DEVICE T at(const T* data, int64_t plane, int64_t y, int64_t x) const {
    y -= pad;
    x -= pad;
    return y >= 0 && y < height && x >= 0 && x < width ? data[(plane * height + y) * width + x] : T(0);
  }
};

template <class T>
struct Compare {
  const T *a, *b;
  T* out;
  T share;
  Layout g;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t area = g.rows * g.columns, move = e / area % (g.side * g.side), n = e / (area * g.side * g.side);
    const int64_t i = e % area / g.columns, j = e % g.columns;
    const int64_t dy = (move / g.side - g.radius) * g.stride2, dx = (move % g.side - g.radius) * g.stride2;
    T sum = 0;
    for (int64_t k = 0; k < g.kernel * g.kernel; ++k) {
      const int64_t y = i * g.stride1 + g.reach + k / g.kernel, x = j * g.stride1 + g.reach + k % g.kernel;
      for (int64_t c = n * g.channels; c < (n + 1) * g.channels; ++c) {
        const T u = g.at(a, c, y, x), v = g.at(b, c, y + dy, x + dx);
        sum += (g.multiply ? u * v : u > v ? u - v : v - u) * share;
      }
    }
    out[e] = sum;
  }
};

// The gradient of a pixel of data1, or of data2 (Second): over all patches that it is in.
template <class T, bool Second>
struct PixelGradient {
  const T *grad, *a, *b;
  T* out;
  T share;
  Layout g;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t area = g.height * g.width, plane = e / area, n = plane / g.channels;
    const int64_t py = e % area / g.width + g.pad, px = e % g.width + g.pad;
    T sum = 0;
    for (int64_t move = 0; move < g.side * g.side; ++move) {
      const int64_t dy = (move / g.side - g.radius) * g.stride2, dx = (move % g.side - g.radius) * g.stride2;
      // Where the patch's pixel is in data1.
      const int64_t y = Second ? py - dy : py, x = Second ? px - dx : px;
      const T u = g.at(a, plane, y, x), v = g.at(b, plane, y + dy, x + dx), sign = u >= v ? T(1) : T(-1);
      const T slope = Second ? (g.multiply ? u : -sign) : (g.multiply ? v : sign);
      T patches = 0;
      for (int64_t k = 0; k < g.kernel * g.kernel; ++k) {
        const int64_t top = y - g.reach - k / g.kernel, left = x - g.reach - k % g.kernel;
        if (top < 0 || left < 0 || top % g.stride1 != 0 || left % g.stride1 != 0) continue;
        const int64_t i = top / g.stride1, j = left / g.stride1;
        if (i < g.rows && j < g.columns) patches += grad[((n * g.side * g.side + move) * g.rows + i) * g.columns + j];
      }
      sum += patches * share * slope;
    }
    out[e] = sum;
  }
};

template <class T>
T share_of(const Params& p, const Shape& s) {
  return 1 / static_cast<T>(p.kernel_size * p.kernel_size * std::max<int64_t>(1, s[1]));
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "Correlation", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    OnGpu::each(r, r.out[0].size(), 1,
                Compare<T>{r.in[0].as<T>(), r.in[1].as<T>(), r.out[0].as<T>(), share_of<T>(p, s), Layout(p, s)});
  });
}
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "Correlation", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[1].shape;
    const T *dy = r.in[0].as<T>(), *a = r.in[1].as<T>(), *b = r.in[2].as<T>(), share = share_of<T>(p, s);
    const Layout layout(p, s);
    OnGpu::each(r, s.size(), 1, PixelGradient<T, false>{dy, a, b, r.out[0].as<T>(), share, layout});
    OnGpu::each(r, s.size(), 1, PixelGradient<T, true>{dy, a, b, r.out[1].as<T>(), share, layout});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::wide<Params>(registry, "Correlation", forward);
  gpu::wide<Params>(registry, "_backward_Correlation", backward);
}

}  // namespace mixnet::op::correlation
