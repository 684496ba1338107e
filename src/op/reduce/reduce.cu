// Reductions over axes on GPUs; see reduce.cc.
#include "op/reduce/gpu_reduction.h"
#include "op/reduce/spread_like.h"

namespace mixnet::op::reduce {
namespace {

using namespace reduction;

template <class F, class Finish = Same>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<AxesKernel<F, Finish>>(c.inputs[0],
                                                 reduced_axes(c.params<ReduceParams>(), c.inputs[0].ndim(), "reduce"));
}

// Of the factors that are not 0, NaN left out if SkipNan; and how many are 0.
template <class A, bool SkipNan>
struct Factors {
  struct Value {
    double product;
    int64_t zeros;
  };
  gpu::Elements<A> x;
  Value* out;
  Places places;

  MIXNET_ON_DEVICE static Value start() { return {1, 0}; }
  MIXNET_ON_DEVICE static Value join(Value a, Value b) { return {a.product * b.product, a.zeros + b.zeros}; }
  MIXNET_ON_DEVICE Value over(int64_t row, int64_t first, int64_t step) const {
    const int64_t base = places.start(row);
    Value value = start();
    for (int64_t i = first; i < places.summed.size; i += step) {
      const A v = x.get(base + places.step_to(i));
      if (v == 0) ++value.zeros;
      else if (!SkipNan || v == v) value.product *= static_cast<double>(v);
    }
    return value;
  }
  MIXNET_ON_DEVICE void finish(int64_t row, Value v) const { out[row] = v; }
};

template <class A, bool SkipNan>
struct OtherFactors {
  gpu::Elements<A> dy, x;
  SameOutput<A> dx;
  const typename Factors<A, SkipNan>::Value* factors;
  gpu::Strided<2> places;  // (element, result)
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    int64_t at[2];
    places.at(i, at);
    const A v = x.get(i);
    const auto f = factors[at[1]];
    const double product = f.product * static_cast<double>(dy.get(at[1]));
    const bool skip = SkipNan && v != v;
    double d = 0;
    if (!skip && f.zeros == (v == 0 ? 1 : 0)) d = v == 0 ? product : product / static_cast<double>(v);
    dx.put(i, d);
  }
};

template <bool SkipNan>
class ProdBackward : public Kernel {
 public:
  ProdBackward(const Shape& in, const std::vector<bool>& reduced)
      : geometry_(in, reduced), spread_(in, reduced), plan_(plan_for(geometry_)) {}
  size_t workspace() const override { return plan_.workspace() + static_cast<size_t>(geometry_.kept.size()) * 16; }
  void run(const RunContext& r) const override {
    if (r.in[1].dtype == DType::f64) launch<double>(r);
    else launch<float>(r);
  }

 private:
  template <class A>
  void launch(const RunContext& r) const {
    using Of = Factors<A, SkipNan>;
    char* const parts = static_cast<char*>(r.context.workspace);
    auto* const factors = reinterpret_cast<typename Of::Value*>(parts + plan_.workspace());
    const gpu::Elements<A> dy(r.in[0]), x(r.in[1]);
    plan_.run(*r.context.stream, Of{x, factors, Places(geometry_)}, parts);
    gpu::map(*r.context.stream, r.out[0].size(),
             OtherFactors<A, SkipNan>{dy, x, SameOutput<A>(r.out[0]), factors, gpu::Strided<2>(spread_.loop)});
  }

  const Geometry geometry_;
  const spread_like::Spread spread_;
  const gpu::Reduction plan_;
};

template <bool SkipNan>
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  const TensorView& in = c.inputs[1];
  dispatch_float(in.dtype, "prod", [](auto) {});
  return std::make_unique<ProdBackward<SkipNan>>(in.shape, reduced_axes(c.params<ReduceParams>(), in.ndim(), "prod"));
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::prepared(registry, "sum", prepare<Sum>);
  gpu::prepared(registry, "mean", prepare<Sum, Mean>);
  gpu::prepared(registry, "prod", prepare<Prod>);
  gpu::prepared(registry, "nansum", prepare<NanSum>);
  gpu::prepared(registry, "nanprod", prepare<NanProd>);
  gpu::prepared(registry, "max", prepare<Max>);
  gpu::prepared(registry, "min", prepare<Min>);
  gpu::prepared(registry, "_square_sum", prepare<SquareSum>);
  gpu::prepared(registry, "_backward_prod", prepare_backward<false>);
  gpu::prepared(registry, "_backward_nanprod", prepare_backward<true>);
}

}  // namespace mixnet::op::reduce
