// LAMB steps of several weights on GPUs; see multi_lamb.cc. Moments and norms of all weights, then the steps.
#include "op/optimizer/multi_lamb.h"

#include "op/core/gpu/many.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::multi_lamb {
namespace {

template <class T, bool Master>
struct Take {
  using Value = Norms;
  using W = Weight<T, Master>;
  static constexpr int V = gpu::lanes_of<T, typename W::S>;
  W of;
  Rate rate;
  double* out;
  int64_t size, whole;  // pieces of V elements
  MIXNET_ON_DEVICE static Norms start() { return {0, 0}; }
  MIXNET_ON_DEVICE static Norms join(Norms a, Norms b) { return a + b; }
  MIXNET_ON_DEVICE Norms over(int64_t, int64_t first, int64_t step) const {
    Norms sum = start();
    for (int64_t k = first; k < whole; k += step) sum = join(sum, of.template take<V>(k * V));
    for (int64_t i = whole * V + first; i < size; i += step) sum = join(sum, of.template take<1>(i));
    return sum;
  }
  MIXNET_ON_DEVICE void finish(int64_t, Norms v) const { *out = rate(v.weight, v.step); }
};

template <bool Master>
class MultiKernel : public Kernel {
 public:
  explicit MultiKernel(const PrepareContext& c)
      : p_(c.params<Params>()),
        summing_(gpu::ManyTotals<Take<float, false>>::workspace(c.outputs)),
        rates_(c.outputs.size() * sizeof(double)) {}
  size_t workspace() const override { return summing_ + rates_; }
  void run(const RunContext& r) const override {
    constexpr size_t group = 4 + Master;
    char* const parts = static_cast<char*>(r.context.workspace);
    double* const rates = reinterpret_cast<double*>(parts + summing_);
    gpu::for_stretches(r.out, "multi_lamb", [&](auto tag, size_t first, size_t last) {
      using T = typename decltype(tag)::type;
      using W = Weight<T, Master>;
      gpu::ManyTotals<Take<T, Master>> totals(*r.context.stream, parts);
      gpu::Many<Step<T, Master>, T, typename W::S> steps(*r.context.stream);
      const auto weight_of = [&](size_t k) { return W(p_, k, r.in.subspan(k * group, group), r.out[k]); };
      for (size_t k = first; k < last; ++k) {
        const W weight = weight_of(k);
        const int64_t size = r.out[k].size();
        totals.add(size, {weight, Rate(p_, k), rates + k, size, weight.even() ? size / Take<T, Master>::V : 0});
      }
      totals.launch();
      for (size_t k = first; k < last; ++k) steps.add(r.out[k].size(), {weight_of(k), rates + k});
      steps.launch();
    });
  }

 private:
  const Params p_;
  const size_t summing_, rates_;
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
