// _contrib_DeformableConvolution (Dai et al., 2017) and the modulated form (Zhu et al., 2019): a convolution whose taps are moved by
// learnt offsets and read between pixels; the modulated form also weighs every tap.
//
// Image by image: the taps as columns of a matrix, then matrix products. Workspace: one such matrix, two in backward.
#include "op/nn/deformable_convolution.h"

#include "op/core/gemm.h"
#include "op/core/wide.h"

namespace mixnet::op::deformable_convolution {
namespace {

// The matrix of one image: (channels * taps) x positions.
template <class T>
void fill_columns(const Taps<T>& taps, const T* image, T* matrix) {
  const Sizes& s = taps.s;
  const int64_t share = s.channels / s.deformable;
  parallel_for(s.channels * s.taps, std::max<int64_t>(1, 4096 / std::max<int64_t>(1, s.positions())),
               [&](int64_t first, int64_t last) {
                 for (int64_t row = first; row < last; ++row) {
                   const int64_t c = row / s.taps, t = row % s.taps, g = c / share;
                   const T* plane = image + c * s.area();
                   for (int64_t p = 0; p < s.positions(); ++p) {
                     const T value = taps.point(g, t, p).value(plane);
                     matrix[row * s.positions() + p] = taps.mask ? value * taps.mask[taps.index(g, t, p)] : value;
                   }
                 }
               });
}

template <bool Modulated>
void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "DeformableConvolution", [&](auto tag) {
    using T = typename decltype(tag)::type;
    constexpr size_t weight = 2 + Modulated;
    const Sizes s(p, r.in[0].shape, r.out[0].shape);
    T* matrix = static_cast<T*>(r.context.workspace);
    for (int64_t n = 0; n < s.n; ++n) {
      fill_columns(taps_of<T>(s, Modulated, r.in[1], &r.in[2], n), r.in[0].as<T>() + n * s.channels * s.area(), matrix);
      for (int64_t g = 0; g < s.groups; ++g) {
        T* out = r.out[0].as<T>() + (n * s.groups + g) * s.filters * s.positions();
        for (int64_t f = 0; f < s.filters; ++f)
          std::fill_n(out + f * s.positions(), s.positions(),
                      p.no_bias ? T(0) : r.in[weight + 1].as<T>()[g * s.filters + f]);
        gemm<T>(false, false, s.filters, s.positions(), s.depth(), 1, r.in[weight].as<T>() + g * s.filters * s.depth(),
                s.depth(), matrix + g * s.depth() * s.positions(), s.positions(), 1, out, s.positions());
      }
    }
  });
}
template <bool Modulated>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  const Sizes s(c.params<Params>(), c.inputs[0].shape, c.outputs[0].shape);
  const size_t item = c.inputs[0].dtype == DType::f64 ? 8 : 4;
  return std::make_unique<WideKernel<Params>>(c, forward<Modulated>, s.matrix() * item);
}

template <bool Modulated>
std::vector<std::string> inputs(const Params& p) {
  std::vector<std::string> names{"data", "offset"};
  if (Modulated) names.push_back("mask");
  names.push_back("weight");
  if (!p.no_bias) names.push_back("bias");
  return names;
}

template <bool Modulated>
void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  const Window w = p.window();
  const int weight = 2 + Modulated;
  if (!p.no_bias) c.set_in(weight + 1, Shape{p.num_filter});
  c.expect_ndim(0, 4, 4);
  const Shape& in = c.in[0];
  const int64_t channels = in.ndim_known() ? in[1] : -1;
  for (int64_t parts : {p.num_group, p.num_deformable_group}) {
    if (channels >= 0 && channels % parts != 0)
      c.fail(Code::shape, concat("data: expected a multiple of ", parts, " channels, got ", in));
  }
  c.set_in(weight, Shape{p.num_filter, channels < 0 ? -1 : channels / p.num_group, w.kernel[0], w.kernel[1]});
  if (!in.ndim_known()) return;
  Shape out{in[0], p.num_filter, -1, -1};
  for (int i = 0; i < 2; ++i) {
    if (in[2 + i] < 0) continue;
    out[2 + i] = w.positions(i, in[2 + i]);
    if (out[2 + i] == 0) c.fail(Code::shape, concat("the kernel ", p.kernel, " does not fit into data ", in));
  }
  c.set_out(0, out);
  const int64_t taps = p.num_deformable_group * w.volume();
  c.set_in(1, Shape{in[0], 2 * taps, out[2], out[3]});
  if (Modulated) c.set_in(2, Shape{in[0], taps, out[2], out[3]});
}

//[full
// Gradients of one image from that of its matrix.
template <class T>
void spread(const Taps<T>& taps, const T* image, const T* dmatrix, T* dimage, T* doffset, T* dmask) {
  const Sizes& s = taps.s;
  const int64_t share = s.channels / s.deformable, positions = s.positions();
  // Channels own their pixels, taps their offsets.
  parallel_for(s.channels, 1, [&](int64_t first, int64_t last) {
    for (int64_t row = first * s.taps; row < last * s.taps; ++row) {
      const int64_t c = row / s.taps, t = row % s.taps, g = c / share;
      for (int64_t p = 0; p < positions; ++p) {
        const Point<T> point = taps.point(g, t, p);
        const T d = dmatrix[row * positions + p] * (taps.mask ? taps.mask[taps.index(g, t, p)] : T(1));
        for (int q = 0; point.inside && q < 4; ++q)
          if (point.at[q] >= 0) dimage[c * s.area() + point.at[q]] += point.weight(q) * d;
      }
    }
  });
  parallel_for(s.deformable * s.taps, 1, [&](int64_t first, int64_t last) {
    for (int64_t k = first * positions; k < last * positions; ++k) {
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
  });
}

// (dy, data, offset[, mask], weight) to their gradients and that of the bias.
template <bool Modulated>
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "DeformableConvolution", [&](auto tag) {
    using T = typename decltype(tag)::type;
    constexpr size_t weight = 2 + Modulated;
    const Sizes s(p, r.in[1].shape, r.in[0].shape);
    T *matrix = static_cast<T*>(r.context.workspace), *dmatrix = matrix + s.matrix();
    const int64_t image = s.channels * s.area(), each = s.deformable * s.taps * s.positions(),
                  positions = s.positions();
    std::fill_n(r.out[0].as<T>(), r.out[0].size(), T(0));
    std::fill_n(r.out[weight].as<T>(), r.out[weight].size(), T(0));
    if (!p.no_bias) std::fill_n(r.out[weight + 1].as<T>(), p.num_filter, T(0));
    for (int64_t n = 0; n < s.n; ++n) {
      const Taps<T> taps = taps_of<T>(s, Modulated, r.in[2], &r.in[3], n);
      fill_columns(taps, r.in[1].as<T>() + n * image, matrix);
      for (int64_t g = 0; g < s.groups; ++g) {
        const T* dy = r.in[0].as<T>() + (n * s.groups + g) * s.filters * positions;
        const int64_t at = g * s.filters * s.depth(), part = g * s.depth() * positions;
        gemm<T>(false, true, s.filters, s.depth(), positions, 1, dy, positions, matrix + part, positions, 1,
                r.out[weight].as<T>() + at, s.depth());
        gemm<T>(true, false, s.depth(), positions, s.filters, 1, r.in[weight + 1].as<T>() + at, s.depth(), dy,
                positions, 0, dmatrix + part, positions);
        for (int64_t k = 0; !p.no_bias && k < s.filters * positions; ++k)
          r.out[weight + 1].as<T>()[g * s.filters + k / positions] += dy[k];
      }
      spread(taps, r.in[1].as<T>() + n * image, dmatrix, r.out[0].as<T>() + n * image, r.out[1].as<T>() + n * 2 * each,
             Modulated ? r.out[2].as<T>() + n * each : nullptr);
    }
  });
}
template <bool Modulated>
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  const Sizes s(c.params<Params>(), c.inputs[1].shape, c.inputs[0].shape);
  const size_t item = c.inputs[0].dtype == DType::f64 ? 8 : 4;
  return std::make_unique<WideKernel<Params>>(c, backward<Modulated>, 2 * s.matrix() * item);
}
template <bool Modulated>
std::vector<std::string> backward_inputs(const Params& p) {
  Params without = p;
  without.no_bias = true;
  std::vector<std::string> names = inputs<Modulated>(without);
  names.insert(names.begin(), "output_grad");
  return names;
}
void infer_backward(InferShape& c) {
  for (int i = 1; i < c.num_inputs(); ++i) c.set_out(i - 1, c.in[static_cast<size_t>(i)]);
  if (!c.params<Params>().no_bias) c.set_out(c.num_inputs() - 1, Shape{c.params<Params>().num_filter});
}
void gradient(GradientContext& g) {
  std::vector<Entry> in{g.output_grad(0)};
  const int read = g.num_inputs() - (g.params<Params>().no_bias ? 0 : 1);
  for (int i = 0; i < read; ++i) in.push_back(g.input(i));
  const std::string name = "_backward_" + g.op().name.substr(1);
  const auto grads = g.make_backward(name.c_str(), std::move(in));
  for (int i = 0; i < g.num_inputs(); ++i)
    if (g.wants(i)) g.set(i, grads[static_cast<size_t>(i)]);
}

void add_samples(OpBuilder<Params>& op, bool modulated) {
  auto sample = [&](Shape data, Shape out, Shape weight, const Attributes& attributes, int64_t groups, bool bias) {
    const int64_t taps = groups * weight[2] * weight[3];
    std::vector<Shape> in{data, {out[0], 2 * taps, out[2], out[3]}};
    if (modulated) in.push_back({out[0], taps, out[2], out[3]});
    in.push_back(weight);
    if (bias) in.push_back({weight[0]});
    return op.sample(in, attributes);
  };
  const Shape two{2, 2};
  // Offsets within (0.1, 0.9) stay clear of the pixels, where the slope jumps.
  sample({2, 2, 4, 4}, {2, 2, 2, 2}, {2, 2, 2, 2}, {{"kernel", two}, {"num_filter", 2}, {"stride", two}}, 1, true)
      .range(0.1, 0.9);
  sample({1, 4, 3, 4}, {1, 2, 4, 5}, {2, 2, 2, 2},
         {{"kernel", two},
          {"num_filter", 2},
          {"num_group", 2},
          {"num_deformable_group", 2},
          {"no_bias", true},
          {"pad", Shape{1, 1}}},
         2, false)
      .range(0.1, 0.9);
  sample({1, 1, 5, 5}, {1, 1, 3, 3}, {1, 1, 2, 2},
         {{"kernel", two}, {"num_filter", 1}, {"dilate", two}, {"layout", "NCHW"}}, 1, true)
      .range(0.1, 0.9);
  sample({1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}, {{"kernel", Shape{1, 1}}, {"num_filter", 1}}, 1, true)
      .range(-0.9, -0.1);
  sample({0, 1, 2, 2}, {0, 1, 1, 1}, {1, 1, 2, 2}, {{"kernel", two}, {"num_filter", 1}}, 1, true);
}
//]

void check(const Params& p) {
  p.window();
  MIXNET_CHECK(p.kernel.ndim() == 2, invalid, "kernel: expected (height, width), got ", p.kernel);
  MIXNET_CHECK(p.num_filter % p.num_group == 0, invalid, "num_filter: expected a multiple of num_group ", p.num_group,
               ", got ", p.num_filter);
  MIXNET_CHECK(p.layout == Layout::none || p.layout == Layout::nchw, invalid, "layout: expected NCHW");
}
void add_params(OpBuilder<Params>& op, bool modulated) {
  op.param("kernel", &Params::kernel).required().range(1).doc("Extent of the window: (height, width).");
  op.param("stride", &Params::stride).range(1).doc("Step of the window; 1 when empty.");
  op.param("dilate", &Params::dilate).range(1).doc("Distance of the window's elements; 1 when empty.");
  op.param("pad", &Params::pad).range(0).doc("Zeros added on both sides; 0 when empty.");
  op.param("num_filter", &Params::num_filter).required().range(1, 1 << 24).doc("Number of output channels.");
  op.param("num_group", &Params::num_group)
      .range(1, 1 << 24)
      .doc("Channels are divided into so many independent groups.");
  op.param("num_deformable_group", &Params::num_deformable_group)
      .range(1, 1 << 20)
      .doc("Channels are divided into so many groups with offsets of their own.");
  op.param("workspace", &Params::workspace).range(0).doc("Accepted for MXNet's files; memory is planned here.");
  op.param("no_bias", &Params::no_bias).doc("Leaves the bias out.");
  if (modulated) op.param("im2col_step", &Params::im2col_step).range(1).doc("Accepted for MXNet's files.");
  op.param("layout", &Params::layout, {"None", "NCDHW", "NCHW", "NCW"}).doc("Order of data's axes: NCHW.");
  op.check(check);
}

template <bool Modulated>
void add(Registry& registry, const std::string& name) {
  OpBuilder<Params> op(registry, "_" + name);
  add_params(op, Modulated);
  op.input("data", "(N, C, H, W), float.")
      .input("offset", "(N, 2 * groups * kernel, rows, columns): down and right, for every tap.");
  if (Modulated) op.input("mask", "(N, groups * kernel, rows, columns): the weight of every tap.");
  op.input("weight", "(num_filter, C / num_group, height, width).").input("bias", "(num_filter,).");
  op.input_names(inputs<Modulated>).infer_shape(infer<Modulated>).prepare(prepare<Modulated>);
  //[full
  op.doc(std::string("A convolution whose taps are moved by offsets and read between pixels (") +
         (Modulated ? "Zhu et al., 2019), and weighed" : "Dai et al., 2017)") +
         ". Outside of the image everything is 0. (N, num_filter, rows, columns).");
  op.gradient(gradient);
  add_samples(op, Modulated);
  OpBuilder<Params> grad(registry, "_backward_" + name);
  add_params(grad, Modulated);
  grad.hidden().input("output_grad").input("data").input("offset");
  if (Modulated) grad.input("mask");
  grad.input("weight").input_names(backward_inputs<Modulated>).output_names(inputs<Modulated>);
  grad.visible_outputs([](const Params& p) { return static_cast<int>(inputs<Modulated>(p).size()); });
  grad.infer_shape(infer_backward).prepare(prepare_backward<Modulated>);
  grad.no_gradient("second order of deformable convolution is not provided");
  //]
}

}  // namespace

void register_ops(Registry& registry) {
  add<false>(registry, "contrib_DeformableConvolution");
  add<true>(registry, "contrib_ModulatedDeformableConvolution");
}

}  // namespace mixnet::op::deformable_convolution
