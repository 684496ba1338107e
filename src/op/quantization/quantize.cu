// _contrib_quantize, _contrib_quantize_v2 and _contrib_quantize_asym on GPUs; see quantize.cc.
#include "op/quantization/quantize.h"

#include "op/core/gpu/quantized.h"
#include "op/core/gpu/scratch.h"

namespace mixnet::op::quantize {
namespace {

template <class Q>
struct ToBytes {
  const float *x, *range;
  Q* y;
  DType t;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    y[i] = q::saturate<Q>(x[i] * q::per_step(range[0], range[1], t));
  }
};
void into_range(const RunContext& r, const float* range) {
  q::dispatch_bytes(r.out[0].dtype, [&](auto tag) {
    using Q = typename decltype(tag)::type;
    OnGpu::each(r, r.in[0].size(), 1, ToBytes<Q>{r.in[0].as<float>(), range, r.out[0].as<Q>(), r.out[0].dtype});
  });
  gpu::report(r, range);
}

struct Join {
  const float *low, *high;
  float* range;
  MIXNET_ON_DEVICE void operator()(int64_t) const {
    range[0] = *low;
    range[1] = *high;
  }
};
void forward(const Params&, const RunContext& r) {
  float* range = static_cast<float*>(r.context.workspace);
  OnGpu::each(r, 1, 1, Join{r.in[1].as<float>(), r.in[2].as<float>(), range});
  into_range(r, range);
}
void forward_v2(const ParamsV2& p, const RunContext& r) {
  into_range(r, gpu::find_range(r, p, r.in[0].size(), gpu::Element<float>{r.in[0].as<float>()}));
}

// A range of reals as scale and shift.
struct Asymmetric {
  float scale, shift;
  MIXNET_ON_DEVICE explicit Asymmetric(const float* range) {
    scale = range[1] > range[0] ? 255 / (range[1] - range[0]) : 1;
    shift = 255 - range[1] * scale;
  }
};
struct Shifted {
  const float *x, *range;
  uint8_t* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const Asymmetric a(range);
    y[i] = q::saturate<uint8_t>(x[i] * a.scale + a.shift);
  }
};
struct ReportShift {
  const float* range;
  float *scale, *shift;
  MIXNET_ON_DEVICE void operator()(int64_t) const {
    const Asymmetric a(range);
    if (scale) *scale = a.scale;
    if (shift) *shift = a.shift;
  }
};
void forward_asym(const q::Calibrated& p, const RunContext& r) {
  const float* x = r.in[0].as<float>();
  const float* range = gpu::find_range(r, p, r.in[0].size(), gpu::Element<float>{x});
  OnGpu::each(r, r.in[0].size(), 1, Shifted{x, range, r.out[0].as<uint8_t>()});
  OnGpu::each(r, 1, 1, ReportShift{range, r.out[1].as<float>(), r.out[2].as<float>()});
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "_contrib_quantize", forward, gpu::pair_of_floats);
  gpu::kernel<ParamsV2>(registry, "_contrib_quantize_v2", forward_v2, gpu::pair_of_floats);
  gpu::kernel<q::Calibrated>(registry, "_contrib_quantize_asym", forward_asym, gpu::pair_of_floats);
}

}  // namespace mixnet::op::quantize
