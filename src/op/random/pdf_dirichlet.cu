// Densities of points of a simplex on GPUs; see pdf_dirichlet.cc.
#include "op/random/pdf_dirichlet.h"

#include "op/core/digamma.h"
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::pdf_dirichlet {
namespace {

template <class T>
struct Forward {
  Sizes s;
  const T *sample, *alpha;
  T* out;
  bool is_log;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const double log = log_density(sample + i * s.width, alpha + i / s.count * s.width, s.width);
    out[i] = static_cast<T>(static_cast<accumulator_t<T>>(is_log ? log : std::exp(log)));
  }
};
void forward(const Params& p, const RunContext& r) {
  const Sizes s(r.in[0].shape, r.in[1].shape);
  dispatch_float(r.in[0].dtype, "random_pdf_dirichlet", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, s.alphas * s.count,
             Forward<T>{s, r.in[0].as<T>(), r.in[1].as<T>(), r.out[0].as<T>(), p.is_log});
  });
}

// The gradient of a point, and what the gradient of its alphas is multiplied by.
template <class T>
struct OfSample {
  Sizes s;
  const T *dy, *sample, *alpha;
  T* dsample;
  double* by;
  bool is_log;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const T *x = sample + i * s.width, *a = alpha + i / s.count * s.width;
    double d = static_cast<double>(dy[i]);
    if (!is_log) d *= std::exp(log_density(x, a, s.width));
    for (int64_t k = 0; k < s.width; ++k)
      dsample[i * s.width + k] = static_cast<T>(
          static_cast<accumulator_t<T>>(d * (static_cast<double>(a[k]) - 1) / static_cast<double>(x[k])));
    by[i] = d;
  }
};
template <class T>
struct OfAlpha {
  Sizes s;
  const T *sample, *alpha;
  const double* by;
  T* dalpha;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t which = i / s.width, k = i % s.width;
    double total = 0, sum = 0;
    for (int64_t j = 0; j < s.width; ++j) total += static_cast<double>(alpha[which * s.width + j]);
    const double shift = digamma(total) - digamma(static_cast<double>(alpha[i]));
    for (int64_t point = which * s.count; point < (which + 1) * s.count; ++point)
      sum += by[point] * (std::log(static_cast<double>(sample[point * s.width + k])) + shift);
    dalpha[i] = static_cast<T>(static_cast<accumulator_t<T>>(sum));
  }
};

class Backward : public Kernel {
 public:
  explicit Backward(const PrepareContext& c)
      : s_(c.inputs[1].shape, c.inputs[2].shape), is_log_(c.params<Params>().is_log) {}
  size_t workspace() const override { return static_cast<size_t>(s_.alphas * s_.count) * sizeof(double); }
  void run(const RunContext& r) const override {
    double* by = static_cast<double*>(r.context.workspace);
    dispatch_float(r.in[0].dtype, "random_pdf_dirichlet", [&](auto tag) {
      using T = typename decltype(tag)::type;
      const T *dy = r.in[0].as<T>(), *sample = r.in[1].as<T>(), *alpha = r.in[2].as<T>();
      gpu::map(*r.context.stream, s_.alphas * s_.count,
               OfSample<T>{s_, dy, sample, alpha, r.out[0].as<T>(), by, is_log_});
      gpu::map(*r.context.stream, s_.alphas * s_.width, OfAlpha<T>{s_, sample, alpha, by, r.out[1].as<T>()});
    });
  }

 private:
  const Sizes s_;
  const bool is_log_;
};
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<Backward>(c); }

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "_random_pdf_dirichlet", forward);
  gpu::prepared(registry, "_backward_pdf_dirichlet", prepare);
}

}  // namespace mixnet::op::pdf_dirichlet
