// Deformable convolutions on GPUs, image by image as on the CPU; see deformable_convolution.cc.
#include "op/nn/deformable_convolution.h"

#include "op/core/gpu/column_sums.h"
#include "op/core/gpu/gemm.h"
#include "op/core/gpu/launch.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::deformable_convolution {
namespace {

// The matrix of one image: (channels * taps) x positions.
template <class T>
struct FillColumns {
  Taps<T> taps;
  const T* image;
  T* matrix;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const Sizes& s = taps.s;
    const int64_t p = i % s.positions(), row = i / s.positions(), c = row / s.taps, t = row % s.taps,
                  g = c / (s.channels / s.deformable);
    const T value = taps.point(g, t, p).value(image + c * s.area());
    matrix[i] = taps.mask ? value * taps.mask[taps.index(g, t, p)] : value;
  }
};
template <class T>
void fill_columns(Stream& stream, const Taps<T>& taps, const T* image, T* matrix) {
  gpu::map(stream, static_cast<int64_t>(taps.s.matrix()), FillColumns<T>{taps, image, matrix});
}

template <class T>
struct FillBias {
  const T* bias;
  T* y;
  int64_t filters, positions;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { y[i] = bias[i / positions % filters]; }
};

template <bool Modulated>
void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "DeformableConvolution", [&](auto tag) {
    using T = typename decltype(tag)::type;
    constexpr size_t weight = 2 + Modulated;
    const Sizes s(p, r.in[0].shape, r.out[0].shape);
    Stream& stream = *r.context.stream;
    T *matrix = static_cast<T*>(r.context.workspace), *y = r.out[0].as<T>();
    if (!p.no_bias)
      gpu::map(stream, r.out[0].size(), FillBias<T>{r.in[weight + 1].as<T>(), y, p.num_filter, s.positions()});
    gpu::Gemm g;
    g.m = s.filters;
    g.n = g.ldb = g.ldd = s.positions();
    g.k = g.lda = s.depth();
    g.a = r.in[weight].data;
    g.b = matrix;
    g.beta = p.no_bias ? 0 : 1;
    g.batch = s.groups;
    g.step_a = s.filters * s.depth();
    g.step_b = s.depth() * s.positions();
    g.step_d = s.filters * s.positions();
    for (int64_t n = 0; n < s.n; ++n) {
      fill_columns(stream, taps_of<T>(s, Modulated, r.in[1], &r.in[2], n), r.in[0].as<T>() + n * s.channels * s.area(),
                   matrix);
      g.d = y + n * p.num_filter * s.positions();
      g.c = g.d;
      gemm(stream, r.in[0].dtype, g);
    }
  });
}

// Adds what a point gives to its four pixels. Which points meet in a pixel only the offsets say, so that the sums are atomic and their order
// is not fixed.
template <class T>
struct SpreadPixels {
  Taps<T> taps;
  const T* dmatrix;
  T* dimage;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const Sizes& s = taps.s;
    const int64_t p = i % s.positions(), row = i / s.positions(), c = row / s.taps, t = row % s.taps,
                  g = c / (s.channels / s.deformable);
    const Point<T> point = taps.point(g, t, p);
    const T d = dmatrix[i] * (taps.mask ? taps.mask[taps.index(g, t, p)] : T(1));
    for (int q = 0; point.inside && q < 4; ++q) {
      if (point.at[q] >= 0) gpu::add_at(dimage + c * s.area() + point.at[q], point.weight(q) * d);
    }
  }
};

template <class T>
struct SpreadOffsets {
  Taps<T> taps;
  const T *image, *dmatrix;
  T *doffset, *dmask;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    const Sizes& s = taps.s;
    const int64_t positions = s.positions(), share = s.channels / s.deformable;
    const int64_t g = k / positions / s.taps, t = k / positions % s.taps, p = k % positions;
    const Point<T> point = taps.point(g, t, p);
    T y = 0, x = 0, m = 0;
    for (int64_t c = g * share; point.inside && c < (g + 1) * share; ++c) {
      const T* plane = image + c * s.area();
      const T d = dmatrix[(c * s.taps + t) * positions + p];
      y += d * point.slope_y(plane);
      x += d * point.slope_x(plane);
      if (dmask) m += d * point.value(plane);
    }
    const T factor = taps.mask ? taps.mask[k] : T(1);
    doffset[taps.offset_at(g, t, p, 0)] = y * factor;
    doffset[taps.offset_at(g, t, p, 1)] = x * factor;
    if (dmask) dmask[k] = m;
  }
};

void clear(const RunContext& r, const TensorView& v) {
  r.context.stream->fill_zero(v.data, static_cast<size_t>(v.bytes()));
}

// (dy, data, offset[, mask], weight) to their gradients and that of the bias.
template <bool Modulated>
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "DeformableConvolution", [&](auto tag) {
    using T = typename decltype(tag)::type;
    constexpr size_t weight = 2 + Modulated;
    const Sizes s(p, r.in[1].shape, r.in[0].shape);
    Stream& stream = *r.context.stream;
    const DType dtype = r.in[0].dtype;
    T *matrix = static_cast<T*>(r.context.workspace), *dmatrix = matrix + s.matrix();
    const int64_t image = s.channels * s.area(), each = s.deformable * s.taps * s.positions(),
                  positions = s.positions();
    clear(r, r.out[0]);
    clear(r, r.out[weight]);
    if (!p.no_bias) gpu::column_sums(stream, dtype, r.in[0].data, s.n, p.num_filter, positions, r.out[weight + 1].data);
    gpu::Gemm of_weight, of_matrix;
    of_weight.batch = of_matrix.batch = s.groups;
    of_weight.trans_b = of_matrix.trans_a = true;
    of_weight.m = of_matrix.k = s.filters;
    of_weight.n = of_weight.ldd = of_matrix.m = of_matrix.lda = s.depth();
    of_weight.k = of_weight.lda = of_weight.ldb = of_matrix.n = of_matrix.ldb = of_matrix.ldd = positions;
    of_weight.b = matrix;
    of_weight.step_b = of_matrix.step_d = s.depth() * positions;
    of_weight.c = of_weight.d = r.out[weight].data;
    of_weight.beta = 1;
    of_matrix.a = r.in[weight + 1].data;
    of_weight.step_d = of_matrix.step_a = s.filters * s.depth();
    of_weight.step_a = of_matrix.step_b = s.filters * positions;
    of_matrix.d = dmatrix;
    for (int64_t n = 0; n < s.n; ++n) {
      const Taps<T> taps = taps_of<T>(s, Modulated, r.in[2], &r.in[3], n);
      const T* x = r.in[1].as<T>() + n * image;
      fill_columns(stream, taps, x, matrix);
      of_weight.a = of_matrix.b = r.in[0].as<T>() + n * p.num_filter * positions;
      gemm(stream, dtype, of_weight);
      gemm(stream, dtype, of_matrix);
      gpu::map(stream, static_cast<int64_t>(s.matrix()), SpreadPixels<T>{taps, dmatrix, r.out[0].as<T>() + n * image});
      gpu::map(stream, each,
               SpreadOffsets<T>{taps, x, dmatrix, r.out[1].as<T>() + n * 2 * each,
                                Modulated ? r.out[2].as<T>() + n * each : nullptr});
    }
  });
}

// `data` is the input that has the images, `copies` how many matrices are kept.
template <int data, int copies>
size_t scratch(const PrepareContext& c) {
  const Shape& out = data == 0 ? c.outputs[0].shape : c.inputs[0].shape;
  const Sizes s(c.params<Params>(), c.inputs[data].shape, out);
  const size_t item = c.inputs[0].dtype == DType::f64 ? 8 : 4;
  return copies * s.matrix() * item;
}

template <bool Modulated>
void add(Registry& registry, const std::string& name) {
  gpu::wide<Params>(registry, "_" + name, forward<Modulated>, scratch<0, 1>);
  gpu::wide<Params>(registry, "_backward_" + name, backward<Modulated>, scratch<1, 2>);
}

}  // namespace

void register_gpu(Registry& registry) {
  add<false>(registry, "contrib_DeformableConvolution");
  add<true>(registry, "contrib_ModulatedDeformableConvolution");
}

}  // namespace mixnet::op::deformable_convolution
