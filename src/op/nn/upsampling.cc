// UpSampling: every pixel becomes a square of `scale` pixels (nearest), or the transposed convolution with a given window (bilinear).
#include "op/nn/upsampling.h"

#include <vector>

#include "op/core/wide.h"

namespace mixnet::op::upsampling {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("scale", &Params::scale).required().range(1).doc("How many times larger the output is.");
  op.param("num_filter", &Params::num_filter).range(0).doc("bilinear: the number of channels; 0 takes it from data.");
  op.param("sample_type", &Params::kind, {"bilinear", "nearest"})
      .required()
      .doc(
          "nearest repeats pixels; bilinear convolves each channel with its window in weight, which mx.init.Bilinear "
          "fills.");
  op.param("multi_input_mode", &Params::join, {"concat", "sum"}).doc("How several inputs are joined.");
  op.param("num_args", &Params::num_args)
      .range(1)
      .doc("Number of inputs, each scaled to the size of the first output; bilinear has data and weight.");
  op.param("workspace", &Params::workspace).doc("Accepted for MXNet's files.");
}

// f(offset in data, in the output, in weight) for every product of the transposed convolution.
template <class F>
void for_products(const Params& p, const Shape& in, const Shape& out, F f) {
  const int64_t k = window_size(p), pad = window_pad(p), c = in[1];
  parallel_for(c, 1, [&](int64_t first, int64_t last) {
    for (int64_t item = first * in[0]; item < last * in[0]; ++item) {
      const int64_t channel = item / in[0], plane = item % in[0] * c + channel;
      for (int64_t i = 0; i < in[2] * in[3]; ++i) {
        const int64_t y = i / in[3] * p.scale - pad, x = i % in[3] * p.scale - pad;
        for (int64_t u = std::max<int64_t>(0, -y); u < std::min(k, out[2] - y); ++u) {
          for (int64_t v = std::max<int64_t>(0, -x); v < std::min(k, out[3] - x); ++v) {
            f(plane * in[2] * in[3] + i, (plane * out[2] + y + u) * out[3] + x + v, (channel * k + u) * k + v);
          }
        }
      }
    }
  });
}
template <class T>
void convolve(const Params& p, const RunContext& r) {
  const T *data = r.in[0].as<T>(), *weight = r.in[1].as<T>();
  T* y = r.out[0].as<T>();
  for_products(p, r.in[0].shape, r.out[0].shape,
               [=](int64_t in, int64_t out, int64_t w) { y[out] += data[in] * weight[w]; });
}
void infer_bilinear(InferShape& c) {
  const Params& p = c.params<Params>();
  c.expect_ndim(0, 4, 4);
  const Shape in = c.in[0];
  if (!in.ndim_known()) return;
  if (p.num_filter > 0 && in[1] >= 0 && in[1] != p.num_filter)
    c.fail(Code::shape, concat("data: expected ", p.num_filter, " channels, got ", in));
  c.set_in(1, Shape{in[1], 1, window_size(p), window_size(p)});
  c.set_out(0, Shape{in[0], in[1], in[2] < 0 ? -1 : in[2] * p.scale, in[3] < 0 ? -1 : in[3] * p.scale});
}
std::vector<std::string> input_names(const Params& p) {
  if (p.kind == Kind::bilinear) return {"data", "weight"};
  std::vector<std::string> names;
  for (int64_t i = 0; i < p.num_args; ++i) names.push_back("arg" + std::to_string(i));
  return names;
}

// f(plane of the output, plane of input k, its factor) for every input k; the planes of one input at once.
template <class F>
void for_planes(const Params& p, Span<const TensorView> parts, const Shape& out, F f) {
  int64_t offset = 0;
  for (size_t k = 0; k < parts.size(); ++k) {
    const Shape& in = parts[k].shape;
    parallel_for(in[0] * in[1], std::max<int64_t>(1, 16384 / (out[2] * out[3])), [&](int64_t first, int64_t last) {
      for (int64_t plane = first; plane < last; ++plane)
        f(k, plane / in[1] * out[1] + offset + plane % in[1], plane, out[2] / in[2]);
    });
    if (p.join == Join::concat) offset += in[1];
  }
}

// A row of n pixels, each `factor` times.
template <class T>
void repeat_pixels(const T* from, int64_t n, int64_t factor, T* to) {
  if (factor == 2) {
    for (int64_t j = 0; j < n; ++j) to[2 * j] = to[2 * j + 1] = from[j];
    return;
  }
  for (int64_t j = 0; j < n; ++j) std::fill_n(to + j * factor, factor, from[j]);
}
// The other way round: sums of `factor` neighbours.
template <class T>
void add_pixels(const T* from, int64_t n, int64_t factor, T* to) {
  if (factor == 2) {
    for (int64_t j = 0; j < n; ++j) to[j] += from[2 * j] + from[2 * j + 1];
    return;
  }
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t q = 0; q < factor; ++q) to[j] += from[j * factor + q];
  }
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "UpSampling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& out = r.out[0].shape;
    if (r.out[0].size() == 0) return;
    if (p.kind == Kind::bilinear) {
      std::fill_n(r.out[0].as<T>(), r.out[0].size(), T(0));
      return convolve<T>(p, r);
    }
    for_planes(p, r.in, out, [&](size_t k, int64_t to, int64_t from, int64_t factor) {
      const int64_t rows = r.in[k].shape[2], width = r.in[k].shape[3];
      std::vector<T> row(static_cast<size_t>(out[3]));
      for (int64_t i = 0; i < rows; ++i) {
        repeat_pixels(r.in[k].as<T>() + (from * rows + i) * width, width, factor, row.data());
        for (int64_t q = 0; q < factor; ++q) {
          T* const y = r.out[0].as<T>() + (to * out[2] + i * factor + q) * out[3];
          if (k == 0 || p.join == Join::concat) {
            std::copy(row.begin(), row.end(), y);
          } else {
            for (int64_t j = 0; j < out[3]; ++j) y[j] += row[static_cast<size_t>(j)];
          }
        }
      }
    });
  });
}
void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  if (p.kind == Kind::bilinear) return infer_bilinear(c);
  int64_t channels = 0;
  for (int i = 0; i < c.num_inputs(); ++i) {
    c.expect_ndim(i, 4, 4);
    if (!c.in[static_cast<size_t>(i)].known()) return;
    channels += c.in[static_cast<size_t>(i)][1];
  }
  const Shape& first = c.in[0];
  const Shape out{first[0], p.join == Join::concat ? channels : first[1], first[2] * p.scale, first[3] * p.scale};
  for (int i = 0; i < c.num_inputs(); ++i) {
    const Shape& in = c.in[static_cast<size_t>(i)];
    const bool fits = in[0] == first[0] && in[2] > 0 && out[2] % in[2] == 0 && in[3] > 0 && out[3] % in[3] == 0 &&
                      out[2] / in[2] == out[3] / in[3] && (p.join == Join::concat || in[1] == first[1]);
    if (!fits) c.fail(Code::shape, concat(c.input_name(i), ": cannot be scaled to ", out, ", got ", in));
  }
  c.set_out(0, out);
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, forward, 0); }

//[full
template <class T>
void convolve_backward(const Params& p, const RunContext& r) {
  const T *dy = r.in[0].as<T>(), *data = r.in[1].as<T>(), *weight = r.in[2].as<T>();
  T *dx = r.out[0].as<T>(), *dw = r.out[1].as<T>();
  for_products(p, r.in[1].shape, r.in[0].shape, [=](int64_t in, int64_t out, int64_t w) {
    dx[in] += dy[out] * weight[w];
    dw[w] += dy[out] * data[in];
  });
}
// (dy, inputs for their shapes) to input gradients: sums over squares.
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "UpSampling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& out = r.in[0].shape;
    for (const TensorView& dx : r.out) std::fill_n(dx.as<T>(), dx.size(), T(0));
    if (r.in[0].size() == 0) return;
    if (p.kind == Kind::bilinear) return convolve_backward<T>(p, r);
    for_planes(p, r.out, out, [&](size_t k, int64_t from, int64_t to, int64_t factor) {
      const int64_t rows = r.out[k].shape[2], width = r.out[k].shape[3];
      for (int64_t i = 0; i < out[2]; ++i)
        add_pixels(r.in[0].as<T>() + (from * out[2] + i) * out[3], width, factor,
                   r.out[k].as<T>() + (to * rows + i / factor) * width);
    });
  });
}
std::vector<std::string> backward_inputs(const Params& p) {
  std::vector<std::string> names = input_names(p);
  names.insert(names.begin(), "output_grad");
  return names;
}
void infer_backward(InferShape& c) {
  for (size_t i = 0; i < c.out.size(); ++i) c.set_out(static_cast<int>(i), c.in[i + 1]);
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, 0);
}
void gradient(GradientContext& g) {
  std::vector<Entry> in{g.output_grad(0)};
  for (int i = 0; i < g.num_inputs(); ++i) in.push_back(g.input(i));
  const auto grads = g.make_backward("_backward_UpSampling", std::move(in));
  for (int i = 0; i < g.num_inputs(); ++i) g.set(i, grads[static_cast<size_t>(i)]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "UpSampling");
  add_params(op);
  op.variadic("arg", "num_args", &Params::num_args).input_names(input_names).infer_shape(infer).prepare(prepare);
  //[full
  op.doc(
        "Enlarges images by repeating pixels, or by a transposed convolution (bilinear). Inputs (N, C, h, w), output "
        "(N, C, scale h, scale w).")
      .gradient(gradient);
  op.sample({{2, 2, 2, 3}}, {{"scale", 2}, {"sample_type", "nearest"}});
  op.sample({{1, 1, 2, 2}, {1, 2, 4, 4}}, {{"scale", 2}, {"sample_type", "nearest"}});
  op.sample({{1, 2, 2, 2}, {1, 2, 1, 1}}, {{"scale", 2}, {"sample_type", "nearest"}, {"multi_input_mode", "sum"}});
  op.sample({{1, 1, 1, 1}}, {{"scale", 3}, {"sample_type", "nearest"}});
  op.sample({{0, 1, 2, 2}}, {{"scale", 2}, {"sample_type", "nearest"}});
  op.sample({{2, 2, 2, 3}, {2, 1, 4, 4}}, {{"scale", 2}, {"sample_type", "bilinear"}, {"num_filter", 2}});
  op.sample({{1, 1, 2, 2}, {1, 1, 5, 5}}, {{"scale", 3}, {"sample_type", "bilinear"}});
  op.sample({{1, 2, 1, 2}, {2, 1, 1, 1}}, {{"scale", 1}, {"sample_type", "bilinear"}});
  op.sample({{0, 1, 2, 2}, {1, 1, 4, 4}}, {{"scale", 2}, {"sample_type", "bilinear"}});
  OpBuilder<Params> grad(registry, "_backward_UpSampling");
  add_params(grad);
  grad.hidden()
      .input("output_grad")
      .input("arg")
      .input_names(backward_inputs)
      .output_names(input_names)
      .infer_shape(infer_backward)
      .prepare(prepare_backward);
  grad.no_gradient("linear; use UpSampling for higher orders");
  //]
}

}  // namespace mixnet::op::upsampling
