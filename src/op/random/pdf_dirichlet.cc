// _random_pdf_dirichlet: densities of points of a simplex, or their logarithms.
#include "op/random/pdf_dirichlet.h"

#include "op/core/digamma.h"
#include "op/core/wide.h"

namespace mixnet::op::pdf_dirichlet {
namespace {

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "random_pdf_dirichlet", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(r.in[0].shape, r.in[1].shape);
    parallel_for(s.alphas * s.count, 128, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const double log = log_density(r.in[0].as<T>() + i * s.width, r.in[1].as<T>() + i / s.count * s.width, s.width);
        r.out[0].as<T>()[i] = static_cast<T>(p.is_log ? log : std::exp(log));
      }
    });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, forward, 0); }

void infer(InferShape& c) {
  c.expect_ndim(0, 1, Shape::max_ndim);
  c.expect_ndim(1, 1, Shape::max_ndim);
  const Shape &sample = c.in[0], &alpha = c.in[1];
  if (!sample.ndim_known() || !alpha.ndim_known()) return;
  if (alpha.ndim() > sample.ndim())
    c.fail(Code::shape, concat("sample: expected at least ", alpha.ndim(), " dimensions, got ", sample));
  Shape full = Shape::filled(sample.ndim(), -1), small, out;
  for (int i = 0; i < alpha.ndim(); ++i) {
    const bool last = i == alpha.ndim() - 1;
    small.push_back(last ? sample.back() : sample[i]);
    full[last ? sample.ndim() - 1 : i] = alpha[i];
  }
  c.set_in(1, small);
  c.set_in(0, full);
  for (int i = 0; i < sample.ndim() - 1; ++i) out.push_back(c.in[0][i]);
  c.set_out(0, out);
}

//[full
// (dy, sample, alpha) to the gradients of sample and alpha.
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "random_pdf_dirichlet", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(r.in[1].shape, r.in[2].shape);
    std::fill_n(r.out[1].as<T>(), r.out[1].size(), T(0));
    parallel_for(s.alphas, 1, [&](int64_t first, int64_t last) {
      for (int64_t i = first * s.count; i < last * s.count; ++i) {
        const T *x = r.in[1].as<T>() + i * s.width, *alpha = r.in[2].as<T>() + i / s.count * s.width;
        T *dx = r.out[0].as<T>() + i * s.width, *dalpha = r.out[1].as<T>() + i / s.count * s.width;
        double dy = static_cast<double>(r.in[0].as<T>()[i]), total = 0;
        if (!p.is_log) dy *= std::exp(log_density(x, alpha, s.width));
        for (int64_t k = 0; k < s.width; ++k) total += static_cast<double>(alpha[k]);
        const double of_total = digamma(total);
        for (int64_t k = 0; k < s.width; ++k) {
          const double a = static_cast<double>(alpha[k]), v = static_cast<double>(x[k]);
          dx[k] = static_cast<T>(dy * (a - 1) / v);
          dalpha[k] += static_cast<T>(dy * (std::log(v) - digamma(a) + of_total));
        }
      }
    });
  });
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, 0);
}
void infer_backward(InferShape& c) {
  c.set_out(0, c.in[1]);
  c.set_out(1, c.in[2]);
}
void gradient(GradientContext& g) {
  const auto grads = g.make_backward("_backward_pdf_dirichlet", {g.output_grad(0), g.input(0), g.input(1)});
  for (int i = 0; i < 2; ++i)
    if (g.wants(i)) g.set(i, grads[static_cast<size_t>(i)]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_random_pdf_dirichlet");
  op.alias("random_pdf_dirichlet");
  op.param("is_log", &Params::is_log).doc("Gives the logarithm.");
  op.input("sample", "alpha's leading extents, any others, then (k,), float: points whose k numbers add up to 1.")
      .input("alpha", "(..., k): concentrations.");
  op.infer_shape(infer).prepare(prepare);
  //[full
  op.doc("Density of Dirichlet distributions at every point: the samples' shape without its last extent.");
  op.gradient(gradient);
  for (bool log : {false, true}) {
    op.sample({{2, 3, 3}, {2, 3}}, {{"is_log", log}}).range(0.3, 0.8);
    op.sample({{2, 2}, {2}}, {{"is_log", log}}).range(0.3, 0.8);
  }
  op.sample({{1, 1}, {1}}).range(0.3, 0.8);
  op.sample({{0, 3}, {3}}).range(0.3, 0.8);
  OpBuilder<Params> grad(registry, "_backward_pdf_dirichlet");
  grad.param("is_log", &Params::is_log);
  grad.hidden().input("output_grad").input("sample").input("alpha").outputs({"sample", "alpha"});
  grad.infer_shape(infer_backward).prepare(prepare_backward);
  grad.no_gradient("second order of densities is not provided");
  //]
}

}  // namespace mixnet::op::pdf_dirichlet
