// argmax, argmin, argmax_channel on GPUs; see arg_extreme.cc.
#include "op/reduce/arg_extreme.h"

#include "op/reduce/gpu_reduction.h"

namespace mixnet::op::arg_extreme {
namespace {

// As a walk from the first element on, which a NaN never overtakes: one at the beginning stays, others do not count.
template <bool Max, class A>
struct Find {
  struct Value {
    A x;
    int64_t at;
  };
  gpu::Elements<A> in;
  void* out;
  DType out_dtype;
  Split s;

  static constexpr int64_t nowhere = int64_t{1} << 62;
  using Extreme = std::conditional_t<Max, reduction::Max, reduction::Min>;
  MIXNET_ON_DEVICE static Value start() { return {Extreme::template start<A>(), nowhere}; }
  MIXNET_ON_DEVICE static Value join(Value a, Value b) {
    if (a.x != a.x || b.x != b.x) return a.x != a.x ? a : b;
    if (a.x == b.x) return a.at < b.at ? a : b;
    return (Max ? a.x > b.x : a.x < b.x) ? a : b;
  }
  MIXNET_ON_DEVICE Value over(int64_t row, int64_t first, int64_t step) const {
    const int64_t base = row / s.inner * s.n * s.inner + row % s.inner;
    return in.visit([&](auto read) {
      Value best = start();
      for (int64_t i = first; i < s.n; i += step) {
        const A x = read(base + i * s.inner);
        if (x == x || i == 0) best = join(best, {x, i});
      }
      return best;
    });
  }
  MIXNET_ON_DEVICE void finish(int64_t row, Value v) const {
    switch (out_dtype) {
      case DType::f64: static_cast<double*>(out)[row] = static_cast<double>(v.at); break;
      case DType::i32: static_cast<int32_t*>(out)[row] = static_cast<int32_t>(v.at); break;
      case DType::i64: static_cast<int64_t*>(out)[row] = v.at; break;
      default: static_cast<float*>(out)[row] = static_cast<float>(v.at);
    }
  }
};

template <bool Max>
class FindKernel : public Kernel {
 public:
  explicit FindKernel(const Split& s) : split_(s), plan_(s.outer * s.inner, s.n, s.inner > 1) {}
  size_t workspace() const override { return plan_.workspace(); }
  void run(const RunContext& r) const override {
    gpu::dispatch_computed(r.in[0].dtype, [&](auto tag) {
      using A = typename decltype(tag)::type;
      plan_.run(*r.context.stream, Find<Max, A>{gpu::Elements<A>(r.in[0]), r.out[0].data, r.out[0].dtype, split_},
                r.context.workspace);
    });
  }

 private:
  const Split split_;
  const gpu::Reduction plan_;
};

template <bool Max>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<FindKernel<Max>>(Split(c.inputs[0].shape, c.params<Params>().axis));
}
std::unique_ptr<Kernel> prepare_channel(const PrepareContext& c) {
  return std::make_unique<FindKernel<true>>(Split(c.inputs[0].shape, 1));
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::prepared(registry, "argmax", prepare<true>);
  gpu::prepared(registry, "argmin", prepare<false>);
  gpu::prepared(registry, "argmax_channel", prepare_channel);
}

}  // namespace mixnet::op::arg_extreme
