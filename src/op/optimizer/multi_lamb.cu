// LAMB steps of several weights on GPUs; see multi_lamb.cc. Per weight: the moments, the norms, the step.
#include "op/optimizer/multi_lamb.h"

#include <algorithm>

#include "op/core/gpu/reduction.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::multi_lamb {
namespace {

// One weight and its states.
template <class T, class S>
struct Weight {
  using A = accumulator_t<T>;
  const T *w, *g;
  S *mean, *var, *copy;  // copy: null without
  T* out;
  int64_t size;
  Direction<A> direction;
  MIXNET_ON_DEVICE A value(int64_t i) const { return copy ? static_cast<A>(copy[i]) : static_cast<A>(w[i]); }
  MIXNET_ON_DEVICE A along(int64_t i) const {
    return direction(static_cast<A>(mean[i]), static_cast<A>(var[i]), value(i));
  }
};

template <class T, class S>
struct TakeGradient {
  using A = accumulator_t<T>;
  Weight<T, S> of;
  Moments<A> moments;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    A m = static_cast<A>(of.mean[i]), v = static_cast<A>(of.var[i]);
    moments.take(static_cast<A>(of.g[i]), m, v);
    of.mean[i] = static_cast<S>(m);
    of.var[i] = static_cast<S>(v);
  }
};

// Squared, of weight and direction. The weight's is that of the weight itself, not of its float32 copy.
template <class T, class S>
struct Norms {
  struct Value {
    double weight, step;
  };
  Weight<T, S> of;
  Rate rate;
  double* out;
  MIXNET_ON_DEVICE static Value start() { return {0, 0}; }
  MIXNET_ON_DEVICE static Value join(Value a, Value b) { return {a.weight + b.weight, a.step + b.step}; }
  MIXNET_ON_DEVICE Value over(int64_t, int64_t first, int64_t step) const {
    Value sum = start();
    for (int64_t i = first; i < of.size; i += step) {
      const double w = static_cast<double>(of.w[i]), u = static_cast<double>(of.along(i));
      sum = join(sum, {w * w, u * u});
    }
    return sum;
  }
  MIXNET_ON_DEVICE void finish(int64_t, Value v) const { *out = rate(v.weight, v.step); }
};

template <class T, class S>
struct Step {
  using A = accumulator_t<T>;
  Weight<T, S> of;
  const double* rate;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const A next = of.value(i) - static_cast<A>(*rate) * of.along(i);
    if (of.copy) of.copy[i] = static_cast<S>(next);
    of.out[i] = static_cast<T>(next);
  }
};

template <bool Master>
class MultiKernel : public Kernel {
 public:
  explicit MultiKernel(const PrepareContext& c) : p_(c.params<Params>()) {
    for (const TensorView& v : c.outputs) summing_ = std::max(summing_, gpu::Reduction(1, v.size(), false).workspace());
  }
  size_t workspace() const override { return summing_ + sizeof(double); }
  void run(const RunContext& r) const override {
    for (size_t k = 0; k < r.out.size(); ++k) {
      dispatch_float(r.out[k].dtype, "multi_lamb", [&](auto tag) {
        using T = typename decltype(tag)::type;
        step<T, std::conditional_t<Master, float, T>>(r, k);
      });
    }
  }

 private:
  template <class T, class S>
  void step(const RunContext& r, size_t k) const {
    using A = accumulator_t<T>;
    constexpr size_t group = 4 + Master;
    const Span<const TensorView> in = r.in.subspan(k * group, group);
    S* const copy = Master ? in[group - 1].as<S>() : nullptr;
    const Weight<T, S> weight{in[0].as<T>(), in[1].as<T>(),    in[2].as<S>(),   in[3].as<S>(),
                              copy,          r.out[k].as<T>(), r.out[k].size(), Direction<A>(p_, k)};
    char* const parts = static_cast<char*>(r.context.workspace);
    double* const rate = reinterpret_cast<double*>(parts + summing_);
    Stream& stream = *r.context.stream;
    gpu::map(stream, weight.size, TakeGradient<T, S>{weight, Moments<A>(p_)});
    gpu::Reduction(1, weight.size, false).run(stream, Norms<T, S>{weight, Rate(p_, k), rate}, parts);
    gpu::map(stream, weight.size, Step<T, S>{weight, rate});
  }

  const Params p_;
  size_t summing_ = 0;
};

template <bool Master>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<MultiKernel<Master>>(c);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::prepared(registry, "_multi_lamb_update", prepare<false>);
  gpu::prepared(registry, "_multi_mp_lamb_update", prepare<true>);
}

}  // namespace mixnet::op::multi_lamb
