// multi_sum_sq on GPUs; see multi_sum_sq.cc.
#include "op/core/gpu/many.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::multi_sum_sq {
namespace {

template <class T>
struct SumOfSquares {
  using Value = double;
  static constexpr int V = gpu::lanes_of<T>;
  const T* x;
  float* out;
  int64_t size, whole;  // pieces of V elements
  MIXNET_ON_DEVICE static double start() { return 0; }
  MIXNET_ON_DEVICE static double join(double a, double b) { return a + b; }
  MIXNET_ON_DEVICE double over(int64_t, int64_t first, int64_t step) const {
    double sum = 0;
    for (int64_t k = first; k < whole; k += step) sum += of(gpu::load<V>(x + k * V));
    for (int64_t i = whole * V + first; i < size; i += step) sum += of(gpu::load<1>(x + i));
    return sum;
  }
  MIXNET_ON_DEVICE void finish(int64_t, double sum) const { *out = static_cast<float>(sum); }

 private:
  template <int N> MIXNET_ON_DEVICE static double of(const gpu::Lanes<T, N>& values) {
    double sum = 0;
    MIXNET_UNROLL
    for (int k = 0; k < N; ++k) sum += static_cast<double>(values.at[k]) * static_cast<double>(values.at[k]);
    return sum;
  }
};

class SumKernel : public Kernel {
 public:
  explicit SumKernel(const PrepareContext& c) : workspace_(gpu::ManyTotals<SumOfSquares<float>>::workspace(c.inputs)) {}
  size_t workspace() const override { return workspace_; }
  void run(const RunContext& r) const override {
    gpu::for_stretches(r.in, "multi_sum_sq", [&](auto tag, size_t first, size_t last) {
      using T = typename decltype(tag)::type;
      using Sum = SumOfSquares<T>;
      gpu::ManyTotals<Sum> totals(*r.context.stream, r.context.workspace);
      for (size_t k = first; k < last; ++k) {
        const T* x = r.in[k].as<T>();
        const int64_t size = r.in[k].size();
        totals.add(size, Sum{x, r.out[0].as<float>() + k, size, gpu::even(x) ? size / Sum::V : 0});
      }
      totals.launch();
    });
  }

 private:
  size_t workspace_;
};
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<SumKernel>(c); }

}  // namespace

void register_gpu(Registry& registry) { gpu::prepared(registry, "multi_sum_sq", prepare); }

}  // namespace mixnet::op::multi_sum_sq
