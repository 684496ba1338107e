// LRN (Krizhevsky et al., 2012): divides by a power of the squares summed over neighbouring channels.
#include "op/nn/lrn.h"

#include <cmath>

#include "op/core/wide.h"

namespace mixnet::op::lrn {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("alpha", &Params::alpha).doc("Factor of the sum of squares, divided by nsize.");
  op.param("beta", &Params::beta).doc("The power.");
  op.param("knorm", &Params::knorm).doc("Added to the sum.");
  op.param("nsize", &Params::nsize).required().range(1).doc("Number of neighbouring channels, odd.");
  op.check(
      [](const Params& p) { MIXNET_CHECK(p.nsize % 2 == 1, invalid, "nsize: expected an odd number, got ", p.nsize); });
}

// norm = knorm + alpha / nsize * sum of squares; y = x * norm^-beta.
void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "LRN", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(r.in[0].shape);
    const int64_t half = p.nsize / 2;
    const T scale = static_cast<T>(p.alpha / static_cast<double>(p.nsize));
    parallel_for(s.n * s.channels, std::max<int64_t>(1, 4096 / std::max<int64_t>(1, s.inner)),
                 [&](int64_t first, int64_t last) {
                   for (int64_t k = first; k < last; ++k) {
                     const int64_t c = k % s.channels, from = std::max<int64_t>(0, c - half),
                                   to = std::min(s.channels, c + half + 1);
                     const T* x = r.in[0].as<T>() + k * s.inner;
                     T *y = r.out[0].as<T>() + k * s.inner, *norm = r.out[1].as<T>() + k * s.inner;
                     std::fill_n(norm, s.inner, static_cast<T>(p.knorm));
                     for (int64_t o = from; o < to; ++o) {
                       const T* other = x + (o - c) * s.inner;
                       for (int64_t i = 0; i < s.inner; ++i) norm[i] += scale * other[i] * other[i];
                     }
                     with_power<T>(p, [=](auto power) {
                       for (int64_t i = 0; i < s.inner; ++i) y[i] = x[i] * power(norm[i]);
                     });
                   }
                 });
  });
}
void infer(InferShape& c) {
  c.all_same();
  c.expect_ndim(0, 2, Shape::max_ndim);
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, forward, 0); }

//[full
// (dy, x, norm) to dx = dy norm^-beta - 2 alpha beta / nsize x * sum of dy x norm^(-beta-1) over the neighbours.
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "LRN", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(r.in[1].shape);
    const int64_t half = p.nsize / 2;
    const T scale = static_cast<T>(2 * p.alpha * p.beta / static_cast<double>(p.nsize));
    parallel_for(s.n * s.channels, std::max<int64_t>(1, 1024 / std::max<int64_t>(1, s.inner)),
                 [&](int64_t first, int64_t last) {
                   for (int64_t k = first; k < last; ++k) {
                     const int64_t c = k % s.channels, from = std::max<int64_t>(0, c - half),
                                   to = std::min(s.channels, c + half + 1), at = k * s.inner;
                     const T *dy = r.in[0].as<T>() + at, *x = r.in[1].as<T>() + at, *norm = r.in[2].as<T>() + at;
                     T* dx = r.out[0].as<T>() + at;
                     with_power<T>(p, [=](auto power) {
                       for (int64_t i = 0; i < s.inner; ++i) {
                         T sum = 0;
                         for (int64_t o = from; o < to; ++o) {
                           const int64_t j = (o - c) * s.inner + i;
                           sum += dy[j] * x[j] * power(norm[j]) / norm[j];
                         }
                         dx[i] = dy[i] * power(norm[i]) - scale * x[i] * sum;
                       }
                     });
                   }
                 });
  });
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, 0);
}
void gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_LRN", {g.output_grad(0), g.input(0), g.output(1)})[0]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "LRN");
  add_params(op);
  op.input("data", "(N, C, ...).").outputs({"output", "tmp_norm"}, 1).infer_shape(infer).prepare(prepare);
  //[full
  op.doc("y = x / (knorm + alpha / nsize * sum of x^2 over nsize neighbouring channels)^beta.").gradient(gradient);
  op.sample({{2, 5, 3}}, {{"nsize", 3}, {"alpha", 0.5}});
  op.sample({{1, 3, 2, 2}}, {{"nsize", 5}, {"alpha", 0.1}, {"beta", 0.5}, {"knorm", 1.0}});
  op.sample({{1, 1}}, {{"nsize", 1}});
  op.sample({{0, 2, 2}}, {{"nsize", 3}});
  OpBuilder<Params> grad(registry, "_backward_LRN");
  add_params(grad);
  grad.hidden()
      .input("output_grad")
      .input("data")
      .input("norm")
      .prepare(prepare_backward)
      .no_gradient("second order is not defined yet");
  //]
}

}  // namespace mixnet::op::lrn
