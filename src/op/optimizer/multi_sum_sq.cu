// multi_sum_sq on GPUs; see multi_sum_sq.cc.
#include <algorithm>

#include "op/core/gpu/reduction.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::multi_sum_sq {
namespace {

template <class T>
struct SumOfSquares {
  using Value = double;
  const T* x;
  float* out;
  int64_t size;
  MIXNET_ON_DEVICE static double start() { return 0; }
  MIXNET_ON_DEVICE static double join(double a, double b) { return a + b; }
  MIXNET_ON_DEVICE double over(int64_t, int64_t first, int64_t step) const {
    double sum = 0;
    for (int64_t i = first; i < size; i += step) {
      const double v = static_cast<double>(x[i]);
      sum += v * v;
    }
    return sum;
  }
  MIXNET_ON_DEVICE void finish(int64_t, double sum) const { *out = static_cast<float>(sum); }
};

class SumKernel : public Kernel {
 public:
  explicit SumKernel(const PrepareContext& c) {
    for (const TensorView& v : c.inputs) workspace_ = std::max(workspace_, plan(v).workspace());
  }
  size_t workspace() const override { return workspace_; }
  void run(const RunContext& r) const override {
    float* out = r.out[0].as<float>();
    for (const TensorView& in : r.in) {
      dispatch_float(in.dtype, "multi_sum_sq", [&](auto tag) {
        using T = typename decltype(tag)::type;
        plan(in).run(*r.context.stream, SumOfSquares<T>{in.as<T>(), out, in.size()}, r.context.workspace);
      });
      ++out;
    }
  }

 private:
  static gpu::Reduction plan(const TensorView& v) { return gpu::Reduction(1, v.size(), false); }

  size_t workspace_ = 0;
};
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<SumKernel>(c); }

}  // namespace

void register_gpu(Registry& registry) { gpu::prepared(registry, "multi_sum_sq", prepare); }

}  // namespace mixnet::op::multi_sum_sq
