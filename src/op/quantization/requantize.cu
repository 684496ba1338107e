// _contrib_dequantize and _contrib_requantize on GPUs; see requantize.cc.
#include "op/quantization/requantize.h"

#include "op/core/gpu/quantized.h"
#include "op/core/gpu/scratch.h"

namespace mixnet::op::requantize {
namespace {

// The value that element i stands for; runs of `length` have one range.
template <class Q>
struct Actual {
  const Q* x;
  q::Ranges ranges;
  int64_t length;
  DType t;
  MIXNET_ON_DEVICE float step(int64_t i) const {
    return ranges.step(ranges.count == 1 ? 0 : i / length % ranges.count, t);
  }
  MIXNET_ON_DEVICE float operator()(int64_t i) const { return static_cast<float>(x[i]) * step(i); }
};
template <class Q>
Actual<Q> actual(const RunContext& r) {
  const Shape& s = r.in[0].shape;
  return {r.in[0].as<Q>(), q::Ranges(r.in[1], r.in[2]), std::max<int64_t>(1, s.size(std::min(2, s.ndim()), s.ndim())),
          r.in[0].dtype};
}

template <class Q>
struct Dequantize {
  Actual<Q> of;
  float* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { y[i] = of(i); }
};
void dequantize(const DequantizeParams&, const RunContext& r) {
  q::dispatch(r.in[0].dtype, [&](auto tag) {
    using Q = typename decltype(tag)::type;
    OnGpu::each(r, r.in[0].size(), 1, Dequantize<Q>{actual<Q>(r), r.out[0].as<float>()});
  });
}

// Nothing below zero is held by uint8.
struct Clip {
  float* range;
  MIXNET_ON_DEVICE void operator()(int64_t) const {
    range[0] = range[0] > 0 ? range[0] : 0.f;
    range[1] = range[1] > 0 ? range[1] : 0.f;
  }
};
template <class Q>
struct Requantize {
  Actual<int32_t> of;
  const float* range;
  Q* y;
  DType t;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const float factor = of.step(i) * q::per_step(range[0], range[1], t);
    y[i] = q::saturate<Q>(static_cast<float>(of.x[i]) * factor);
  }
};
void forward(const Params& p, const RunContext& r) {
  const Actual<int32_t> of = actual<int32_t>(r);
  const float* range = gpu::find_range(r, p, r.in[0].size(), of);
  const DType t = r.out[0].dtype;
  if (t == DType::u8) OnGpu::each(r, 1, 1, Clip{static_cast<float*>(r.context.workspace)});
  q::dispatch_bytes(t, [&](auto tag) {
    using Q = typename decltype(tag)::type;
    OnGpu::each(r, r.in[0].size(), 1, Requantize<Q>{of, range, r.out[0].as<Q>(), t});
  });
  gpu::report(r, range);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<DequantizeParams>(registry, "_contrib_dequantize", dequantize);
  gpu::kernel<Params>(registry, "_contrib_requantize", forward, gpu::pair_of_floats);
}

}  // namespace mixnet::op::requantize
