// Reductions over axes on GPUs, for those that reduction.h describes.
#pragma once
#include "op/core/gpu/elements.h"
#include "op/core/gpu/reduction.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/strided.h"
#include "op/reduce/reduction.h"

namespace mixnet::op::reduction {

// The same cut as Geometry's, for kernels. Results are numbered in row-major order.
struct Places {
  explicit Places(const Geometry& g) : kept(g.kept), summed(g.summed) {}
  MIXNET_ON_DEVICE int64_t start(int64_t result) const {
    int64_t at[2];
    kept.at(result, at);
    return at[1];
  }
  MIXNET_ON_DEVICE int64_t step_to(int64_t i) const {
    int64_t at[1];
    summed.at(i, at);
    return at[0];
  }

  gpu::Strided<2> kept;
  gpu::Strided<1> summed;
};

inline gpu::Reduction plan_for(const Geometry& g) {
  return gpu::Reduction(g.kept.size(), g.summed.size(), !g.rows_inside);
}

// An integer is never NaN: fewer kernels.
template <class F, class A> struct Folding {
  using type = F;
};
template <> struct Folding<NanSum, int64_t> {
  using type = Sum;
};
template <> struct Folding<NanProd, int64_t> {
  using type = Prod;
};

// Results in the dtype of the input, or in any.
template <class A>
struct SameOutput : gpu::Elements<A> {
  using gpu::Elements<A>::Elements;
  template <class W> MIXNET_ON_DEVICE void put(int64_t i, W value) const {
    gpu::with_pointer<A>(this->data, this->dtype, [&](auto* y) { y[i] = narrowed<std::decay_t<decltype(*y)>>(value); });
  }
};
template <class A>
struct AnyOutput : gpu::Elements<A> {
  using gpu::Elements<A>::Elements;
  template <class W> MIXNET_ON_DEVICE void put(int64_t i, W value) const {
    auto store = [&](auto* y) { y[i] = narrowed<std::decay_t<decltype(*y)>>(value); };
    switch (this->dtype) {
      case DType::f64: gpu::with_pointer<double>(this->data, this->dtype, store); break;
      case DType::f32:
      case DType::f16:
      case DType::bf16: gpu::with_pointer<float>(this->data, this->dtype, store); break;
      default: gpu::with_pointer<int64_t>(this->data, this->dtype, store);
    }
  }
};

template <class F, class A, class Finish, class Output>
struct OverAxes {
  using Value = Wide<A>;
  gpu::Elements<A> x;
  Output out;
  Places places;

  MIXNET_ON_DEVICE static Value start() { return F::template start<Value>(); }
  MIXNET_ON_DEVICE static Value join(Value a, Value b) { return F::template join<Value>(a, b); }
  // As on the CPU, not too many elements are joined in A.
  MIXNET_ON_DEVICE Value over(int64_t row, int64_t first, int64_t step) const {
    const int64_t base = places.start(row), n = places.summed.size;
    return x.visit([&](auto read) {
      Value total = start();
      for (int64_t i = first; i < n;) {
        A part = F::template start<A>();
        for (int k = 0; k < 32 && i < n; ++k, i += step) part = F::template of<A>(part, read(base + places.step_to(i)));
        total = join(total, static_cast<Value>(part));
      }
      return total;
    });
  }
  MIXNET_ON_DEVICE void finish(int64_t row, Value v) const { out.put(row, Finish()(v, places.summed.size)); }
};

template <class F, class Finish, template <class> class Output = SameOutput>
class AxesKernel : public Kernel {
 public:
  AxesKernel(const TensorView& in, const std::vector<bool>& reduced)
      : geometry_(in.shape, reduced), plan_(plan_for(geometry_)) {}
  size_t workspace() const override { return plan_.workspace(); }
  void run(const RunContext& r) const override {
    gpu::dispatch_computed(r.in[0].dtype, [&](auto tag) {
      using A = typename decltype(tag)::type;
      using Fold = typename Folding<F, A>::type;
      plan_.run(*r.context.stream,
                OverAxes<Fold, A, Finish, Output<A>>{gpu::Elements<A>(r.in[0]), Output<A>(r.out[0]), Places(geometry_)},
                r.context.workspace);
    });
  }

 private:
  const Geometry geometry_;
  const gpu::Reduction plan_;
};

}  // namespace mixnet::op::reduction
