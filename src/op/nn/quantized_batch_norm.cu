// _contrib_quantized_batch_norm on GPUs; see quantized_batch_norm.cc.
#include "op/nn/quantized_batch_norm.h"

#include <type_traits>

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::quantized_batch_norm {
namespace {

namespace q = mixnet::quantized;

template <class Q>
struct Forward {
  const Q* x;
  int8_t* y;
  const float *gamma, *beta, *mean, *variance, *low, *high;  // gamma is null where it is fixed
  int64_t channels, length;
  float eps, per_step;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t c = i / length % channels;
    const float step = q::step(low[0], high[0], std::is_unsigned_v<Q> ? DType::u8 : DType::i8);
    const float s = (gamma ? gamma[c] : 1.f) / std::sqrt(variance[c] + eps);
    const float factor = s * step * per_step, shift = (beta[c] - mean[c] * s) * per_step;
    y[i] = q::saturate<int8_t>(static_cast<float>(x[i]) * factor + shift);
  }
};

struct SetRange {
  float *to_low, *to_high, low, high;
  MIXNET_ON_DEVICE void operator()(int64_t) const {
    if (to_low) *to_low = low;
    if (to_high) *to_high = high;
  }
};

void forward(const Params& p, const RunContext& r) {
  const Shape& shape = r.in[0].shape;
  const int axis = normalize_axis(p.axis, shape.ndim(), "quantized_batch_norm");
  const float low = static_cast<float>(*p.low), high = static_cast<float>(*p.high);
  const auto statistic = [&](size_t i) { return r.in[i].as<float>(); };
  q::dispatch_bytes(r.in[0].dtype, [&](auto tag) {
    using Q = typename decltype(tag)::type;
    gpu::map(
        *r.context.stream, shape.size(),
        Forward<Q>{r.in[0].as<Q>(), r.out[0].as<int8_t>(), p.fix_gamma ? nullptr : statistic(1), statistic(2),
                   statistic(3), statistic(4), statistic(5), statistic(6), shape[axis],
                   shape.size(axis + 1, shape.ndim()), static_cast<float>(p.eps), q::per_step(low, high, DType::i8)});
  });
  const auto [min, max] = q::reported(low, high, DType::i8);
  gpu::map(*r.context.stream, 1, SetRange{r.out[1].as<float>(), r.out[2].as<float>(), min, max});
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "_contrib_quantized_batch_norm", forward); }

}  // namespace mixnet::op::quantized_batch_norm
