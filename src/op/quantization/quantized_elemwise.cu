// _contrib_quantized_elemwise_add and _mul on GPUs; see quantized_elemwise.cc.
#include "op/quantization/quantized_elemwise.h"

#include "op/core/gpu/quantized.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::quantized_elemwise {
namespace {

// Both operands as bytes of either kind with their ranges.
struct Operands {
  const void* data[2];
  bool is_unsigned[2];
  const float *low[2], *high[2];
  explicit Operands(const RunContext& r) {
    for (size_t k = 0; k < 2; ++k) {
      data[k] = r.in[k].data;
      is_unsigned[k] = r.in[k].dtype == DType::u8;
      low[k] = r.in[2 + 2 * k].as<float>();
      high[k] = r.in[3 + 2 * k].as<float>();
    }
  }
  MIXNET_ON_DEVICE int at(int k, int64_t i) const {
    return is_unsigned[k] ? static_cast<int>(static_cast<const uint8_t*>(data[k])[i])
                          : static_cast<int>(static_cast<const int8_t*>(data[k])[i]);
  }
  MIXNET_ON_DEVICE float reach(int k) const { return q::reach(*low[k], *high[k]); }
  MIXNET_ON_DEVICE float step(int k) const { return reach(k) / (is_unsigned[k] ? 255.f : 127.f); }
};

// The range of a result that is not calibrated, to both sides.
struct SumReach {
  MIXNET_ON_DEVICE static float of(const Operands& o) { return o.reach(0) + o.reach(1); }
};
struct ProductReach {
  MIXNET_ON_DEVICE static float of(const Operands& o) { return o.step(0) * o.step(1) * 2147483647.f; }
};
template <class Reach>
struct ReportReach {
  Operands o;
  float *min, *max;
  MIXNET_ON_DEVICE void operator()(int64_t) const {
    const float all = Reach::of(o);
    if (min) *min = -all;
    if (max) *max = all;
  }
};
struct ReportRange {
  float low, high, *min, *max;
  MIXNET_ON_DEVICE void operator()(int64_t) const {
    if (min) *min = low;
    if (max) *max = high;
  }
};
template <class Reach>
void report(const Params& p, const RunContext& r, const Operands& o) {
  float *min = r.out[1].as<float>(), *max = r.out[2].as<float>();
  if (!p.known()) return OnGpu::each(r, 1, 1, ReportReach<Reach>{o, min, max});
  OnGpu::each(r, 1, 1, ReportRange{static_cast<float>(*p.low), static_cast<float>(*p.high), min, max});
}

struct SumBytes {
  Operands o;
  float per_step;
  int8_t* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    y[i] = q::saturate<int8_t>(
        (static_cast<float>(o.at(0, i)) * o.step(0) + static_cast<float>(o.at(1, i)) * o.step(1)) * per_step);
  }
};
struct SumWide {
  Operands o;
  int32_t* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const float all = SumReach::of(o);
    const double per_step = all > 0 ? 2147483647. / static_cast<double>(all) : 0;
    const double l = static_cast<double>(o.step(0)) * per_step, s = static_cast<double>(o.step(1)) * per_step;
    const double sum = o.at(0, i) * l + o.at(1, i) * s;
    y[i] = static_cast<int32_t>(std::nearbyint(sum < -2147483648.  ? -2147483648.
                                               : sum > 2147483647. ? 2147483647.
                                                                   : sum));
  }
};
void add(const Params& p, const RunContext& r) {
  const Operands o(r);
  if (p.known()) {
    const float per_step = q::per_step(static_cast<float>(*p.low), static_cast<float>(*p.high), DType::i8);
    OnGpu::each(r, r.in[0].size(), 1, SumBytes{o, per_step, r.out[0].as<int8_t>()});
  } else {
    OnGpu::each(r, r.in[0].size(), 1, SumWide{o, r.out[0].as<int32_t>()});
  }
  report<SumReach>(p, r, o);
}

struct ProductFloat {
  Operands o;
  float* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    y[i] = static_cast<float>(o.at(0, i) * o.at(1, i)) * (o.step(0) * o.step(1));
  }
};
struct ProductBytes {
  Operands o;
  float per_step;
  int8_t* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const float factor = o.step(0) * o.step(1) * per_step;
    y[i] = q::saturate<int8_t>(static_cast<float>(o.at(0, i) * o.at(1, i)) * factor);
  }
};
struct ProductWide {
  Operands o;
  int32_t* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { y[i] = o.at(0, i) * o.at(1, i); }
};
void multiply(const Params& p, const RunContext& r) {
  const Operands o(r);
  const int64_t n = r.in[0].size();
  if (p.enable_float_output) return OnGpu::each(r, n, 1, ProductFloat{o, r.out[0].as<float>()});
  if (p.known()) {
    const float per_step = q::per_step(static_cast<float>(*p.low), static_cast<float>(*p.high), DType::i8);
    OnGpu::each(r, n, 1, ProductBytes{o, per_step, r.out[0].as<int8_t>()});
  } else {
    OnGpu::each(r, n, 1, ProductWide{o, r.out[0].as<int32_t>()});
  }
  report<ProductReach>(p, r, o);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "_contrib_quantized_elemwise_add", add);
  gpu::kernel<Params>(registry, "_contrib_quantized_elemwise_mul", multiply);
}

}  // namespace mixnet::op::quantized_elemwise
