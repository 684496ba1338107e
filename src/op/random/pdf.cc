// _random_pdf_uniform, _normal, _gamma, _exponential, _poisson, _negative_binomial and _generalized_negative_binomial: densities of
// samples, or their logarithms, with gradients to the samples (of continuous distributions) and to the parameters.
#include "op/random/pdf.h"

#include "op/core/wide.h"

namespace mixnet::op::pdf {
namespace {

template <Kind K>
void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "random_pdf", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t each = r.in[1].size() ? r.in[0].size() / r.in[1].size() : 1;
    parallel_for(r.in[0].size(), 512, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const double b = r.in.size() > 2 ? static_cast<double>(r.in[2].as<T>()[i / each]) : 1;
        const Density d =
            density(K, static_cast<double>(r.in[0].as<T>()[i]), static_cast<double>(r.in[1].as<T>()[i / each]), b);
        r.out[0].as<T>()[i] = static_cast<T>(value(K, d, p.is_log));
      }
    });
  });
}
template <Kind K>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, forward<K>, 0);
}

// The parameters' extents come first in those of the sample.
void infer(InferShape& c) {
  for (int i = 1; i < c.num_inputs(); ++i) c.set_in(i, c.in[1]);
  c.set_in(1, c.in[static_cast<size_t>(c.num_inputs() - 1)]);
  c.set_in(0, c.out[0]);
  c.set_out(0, c.in[0]);
  const Shape &sample = c.in[0], &first = c.in[1];
  if (!sample.ndim_known() || !first.ndim_known()) return;
  if (first.ndim() > sample.ndim())
    c.fail(Code::shape, concat("sample: expected at least ", first.ndim(), " dimensions, got ", sample));
  Shape leading = sample, full = Shape::filled(sample.ndim(), -1);
  Shape of_params;
  for (int i = 0; i < first.ndim(); ++i) {
    of_params.push_back(leading[i]);
    full[i] = first[i];
  }
  for (int i = 1; i < c.num_inputs(); ++i) c.set_in(i, of_params);
  c.set_in(0, full);
}

// (dy, sample, first[, second]) to their gradients.
template <Kind K>
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "random_pdf", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t n = r.in[2].size(), each = n ? r.in[1].size() / n : 1;
    parallel_for(n, std::max<int64_t>(1, 512 / std::max<int64_t>(1, each)), [&](int64_t first, int64_t last) {
      for (int64_t k = first; k < last; ++k) {
        const double a = static_cast<double>(r.in[2].as<T>()[k]),
                     b = r.in.size() > 3 ? static_cast<double>(r.in[3].as<T>()[k]) : 1;
        double of_first = 0, of_second = 0;
        for (int64_t i = k * each; i < (k + 1) * each; ++i) {
          const Density d = density(K, static_cast<double>(r.in[1].as<T>()[i]), a, b);
          const double dy = static_cast<double>(r.in[0].as<T>()[i]) * (p.is_log ? 1 : value(K, d, false));
          r.out[0].as<T>()[i] = static_cast<T>(dy * d.of_sample);
          of_first += dy * d.of_first;
          of_second += dy * d.of_second;
        }
        r.out[1].as<T>()[k] = static_cast<T>(of_first);
        if (r.out.size() > 2) r.out[2].as<T>()[k] = static_cast<T>(of_second);
      }
    });
  });
}
template <Kind K>
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward<K>, 0);
}

//[full
void infer_backward(InferShape& c) {
  for (int i = 1; i < c.num_inputs(); ++i) c.set_out(i - 1, c.in[static_cast<size_t>(i)]);
}
void gradient(GradientContext& g) {
  std::vector<Entry> in{g.output_grad(0)};
  for (int i = 0; i < g.num_inputs(); ++i) in.push_back(g.input(i));
  const auto grads = g.make_backward(("_backward" + g.op().name.substr(7)).c_str(), std::move(in));
  for (int i = 0; i < g.num_inputs(); ++i)
    if (g.wants(i)) g.set(i, grads[static_cast<size_t>(i)]);
}
//]

struct Row {
  const char *name, *first, *second, *doc;
  bool discrete;
  PrepareFn prepare, backward;
};

void add(Registry& registry, const Row& row) {
  OpBuilder<Params> op(registry, std::string("_random_pdf_") + row.name);
  op.alias(std::string("random_pdf_") + row.name);
  op.param("is_log", &Params::is_log).doc("Gives the logarithm.");
  op.input("sample", "The parameters' extents, then any others; float.").input(row.first, "Any shape.");
  if (row.second) op.input(row.second, "The same shape.");
  op.infer_shape(infer).prepare(row.prepare);
  //[full
  op.doc(std::string("Density of ") + row.doc + " at every sample, in the samples' shape.");
  op.gradient(gradient);
  for (bool log : {false, true}) {
    for (const Shape& shape : {Shape{2, 2}, Shape{1}, Shape{0}}) {
      Shape sample = shape;
      sample.push_back(3);
      std::vector<Shape> in{sample, shape};
      if (row.second) in.push_back(shape);
      const SampleBuilder built = op.sample(in, {{"is_log", log}}).range(0.3, 0.8);
      if (row.discrete) SampleBuilder(built).integers({0}, 4);
      // low may be above high here, where the logarithm is none.
      if (log && std::string(row.name) == "uniform") SampleBuilder(built).not_differentiable();
    }
  }
  OpBuilder<Params> grad(registry, std::string("_backward_pdf_") + row.name);
  grad.param("is_log", &Params::is_log);
  grad.hidden().input("output_grad").input("sample").input(row.first);
  std::vector<std::string> outputs{"sample", row.first};
  if (row.second) grad.input(row.second);
  if (row.second) outputs.push_back(row.second);
  grad.outputs(outputs).infer_shape(infer_backward).prepare(row.backward);
  grad.no_gradient("second order of densities is not provided");
  //]
}

}  // namespace

void register_ops(Registry& registry) {
#define MIXNET_PDF(stem, first, second, doc, discrete) \
  add(registry, {#stem, first, second, doc, discrete, prepare<Kind::stem>, prepare_backward<Kind::stem>})
  MIXNET_PDF(uniform, "low", "high", "uniform distributions: 1 / (high - low), inside and outside,", false);
  MIXNET_PDF(normal, "mu", "sigma", "normal distributions with mean mu and deviation sigma", false);
  MIXNET_PDF(gamma, "alpha", "beta", "gamma distributions with shape alpha and rate beta", false);
  MIXNET_PDF(exponential, "lam", nullptr, "exponential distributions with rate lam", false);
  MIXNET_PDF(poisson, "lam", nullptr, "Poisson distributions with rate lam", true);
  MIXNET_PDF(negative_binomial, "k", "p", "failures before k successes of probability p", true);
  MIXNET_PDF(generalized_negative_binomial, "mu", "alpha", "negative binomials with mean mu and dispersion alpha",
             true);
#undef MIXNET_PDF
}

}  // namespace mixnet::op::pdf
