// L2Normalization: divides by the Euclidean norm of each instance, of the channels at each position, or of each channel.
#include "op/nn/l2_normalization.h"

#include <cmath>

#include "op/core/wide.h"

namespace mixnet::op::l2_normalization {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("eps", &Params::eps).doc("Added to the sum of squares.");
  op.param("mode", &Params::mode, {"channel", "instance", "spatial"})
      .doc("What is normalised: all channels at one position, a whole instance, or one channel of an instance.");
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "L2Normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(p, r.in[0].shape);
    parallel_for(s.outer * s.inner, s.grain(), [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row) {
        const T* x = r.in[0].as<T>() + s.start(row);
        T *y = r.out[0].as<T>() + s.start(row), sum = static_cast<T>(p.eps);
        for (int64_t k = 0; k < s.length; ++k) sum += x[k * s.inner] * x[k * s.inner];
        const T norm = std::sqrt(sum);
        for (int64_t k = 0; k < s.length; ++k) y[k * s.inner] = x[k * s.inner] / norm;
        r.out[1].as<T>()[row] = norm;
      }
    });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, forward, 0); }

void infer(InferShape& c) {
  const Mode mode = c.params<Params>().mode;
  c.expect_ndim(0, mode == Mode::instance ? 2 : 3, Shape::max_ndim);
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (!c.in[0].ndim_known()) return;
  Shape norm = c.in[0];
  for (int i = 1; i < norm.ndim(); ++i) {
    if (mode == Mode::instance || (mode == Mode::channel) == (i == 1)) norm[i] = 1;
  }
  c.set_out(1, norm);
}

//[full
// (dy, y, norm): dx = (dy - y sum(dy y)) / norm.
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "L2Normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(p, r.in[0].shape);
    parallel_for(s.outer * s.inner, s.grain(), [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row) {
        const int64_t at = s.start(row);
        const T *dy = r.in[0].as<T>() + at, *y = r.in[1].as<T>() + at, norm = r.in[2].as<T>()[row];
        T sum = 0;
        for (int64_t k = 0; k < s.length; ++k) sum += dy[k * s.inner] * y[k * s.inner];
        for (int64_t k = 0; k < s.length; ++k)
          r.out[0].as<T>()[at + k * s.inner] = (dy[k * s.inner] - y[k * s.inner] * sum) / norm;
      }
    });
  });
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, 0);
}
void gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_L2Normalization", {g.output_grad(0), g.output(0), g.output(1)})[0]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "L2Normalization");
  add_params(op);
  op.input("data", "(N, ...), float; (N, C, ...) for the modes channel and spatial.").outputs({"output", "norm"}, 1);
  op.infer_shape(infer).prepare(prepare);
  //[full
  op.doc(
        "Divides by sqrt(sum of squares + eps), summed over each instance (instance), over the channels (channel) or "
        "over the positions (spatial).")
      .gradient(gradient);
  for (const char* mode : {"channel", "instance", "spatial"}) {
    op.sample({{2, 3, 4}}, {{"mode", mode}});
    op.sample({{1, 1, 1}}, {{"mode", mode}, {"eps", 0.5}});
    op.sample({{0, 2, 3}}, {{"mode", mode}});
  }
  op.sample({{2, 3}});
  OpBuilder<Params> grad(registry, "_backward_L2Normalization");
  add_params(grad);
  grad.hidden()
      .input("output_grad")
      .input("output")
      .input("norm")
      .infer_shape(infer_backward)
      .prepare(prepare_backward);
  grad.no_gradient("compose it from square, sum and broadcast_div for higher orders");
  //]
}

}  // namespace mixnet::op::l2_normalization
