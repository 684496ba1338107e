// The gradient of IdentityAttachKLSparseReg on GPUs; see kl_sparse.cc.
#include "op/loss/kl_sparse.h"

#include "op/core/gpu/reduction.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::kl_sparse {
namespace {

// Of every unit: the moving average, and what the penalty adds to the gradient.
template <class T>
struct Units {
  using Value = double;
  using A = accumulator_t<T>;
  const T* x;
  T* average;
  double* extra;
  int64_t units, inner, count;
  Params p;
  MIXNET_ON_DEVICE static double start() { return 0; }
  MIXNET_ON_DEVICE static double join(double a, double b) { return a + b; }
  MIXNET_ON_DEVICE double over(int64_t u, int64_t first, int64_t step) const {
    double sum = 0;
    for (int64_t k = first; k < count; k += step)
      sum += static_cast<double>(static_cast<A>(x[(k / inner * units + u) * inner + k % inner]));
    return sum;
  }
  MIXNET_ON_DEVICE void finish(int64_t u, double sum) const {
    const A mean = moved(p, static_cast<A>(average[u]), static_cast<A>(sum) / static_cast<A>(count));
    average[u] = static_cast<T>(mean);
    extra[u] = static_cast<double>(slope(p, mean));
  }
};
template <class T>
struct Add {
  const T* dy;
  T* dx;
  const double* extra;
  int64_t units, inner;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = accumulator_t<T>;
    dx[i] = static_cast<T>(static_cast<A>(dy[i]) + static_cast<A>(extra[i / inner % units]));
  }
};

class BackwardKernel : public Kernel {
 public:
  BackwardKernel(const Params& p, const Shape& s)
      : p_(p),
        units_(s[1]),
        inner_(s.size(2, s.ndim())),
        count_(s[0] * inner_),
        averaging_(units_, count_, inner_ == 1) {}
  size_t workspace() const override { return averaging_.workspace() + static_cast<size_t>(units_) * sizeof(double); }
  void run(const RunContext& r) const override {
    if (count_ == 0) return;
    dispatch_float(r.in[0].dtype, "IdentityAttachKLSparseReg", [&](auto tag) {
      using T = typename decltype(tag)::type;
      char* const parts = static_cast<char*>(r.context.workspace);
      double* const extra = reinterpret_cast<double*>(parts + averaging_.workspace());
      Stream& stream = *r.context.stream;
      averaging_.run(stream, Units<T>{r.in[1].as<T>(), r.in[2].as<T>(), extra, units_, inner_, count_, p_}, parts);
      gpu::map(stream, r.out[0].size(), Add<T>{r.in[0].as<T>(), r.out[0].as<T>(), extra, units_, inner_});
    });
  }

 private:
  const Params p_;
  const int64_t units_, inner_, count_;
  const gpu::Reduction averaging_;
};
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<BackwardKernel>(c.params<Params>(), c.inputs[1].shape);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::prepared(registry, "_backward_IdentityAttachKLSparseReg", prepare_backward);
}

}  // namespace mixnet::op::kl_sparse
