// What layers on 8-bit numbers do on GPUs with their int32 sums: what op/core/int8_finish.h and int8_layer.h do on CPUs.
#pragma once
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/int8_finish.h"
#include "op/core/int8_layer.h"

namespace mixnet::gpu {

// One sum of a channel to its place, scaled, shifted and rounded.
struct Int8Store {
  const float *scale, *bias;
  const void* more;  // the summand, or null
  DType more_type, type;
  float unit, low, per_step;
  void* out;
  template <class P>
  Int8Store(const P& p, const RunContext& r)
      : scale(r.in[2].as<float>()),
        bias(p.no_bias ? nullptr : r.in[3].as<float>()),
        more(p.sum_step > 0 ? r.in[int8_summand(p)].data : nullptr),
        more_type(p.sum_step > 0 ? r.in[int8_summand(p)].dtype : DType::i8),
        type(r.out[0].dtype),
        unit(static_cast<float>(p.sum_step)),
        low(p.relu ? 0.f : -std::numeric_limits<float>::infinity()),
        per_step(p.out_step > 0 ? static_cast<float>(1 / p.out_step) : 0.f),
        out(r.out[0].data) {}
  MIXNET_ON_DEVICE void operator()(int64_t channel, int64_t at, int32_t sum) const {
    float y = static_cast<float>(sum) * scale[channel] + (bias ? bias[channel] : 0);
    if (more) {
      const int other =
          more_type == DType::u8 ? static_cast<const uint8_t*>(more)[at] : static_cast<const int8_t*>(more)[at];
      y += static_cast<float>(other) * unit;
    }
    y = y < low ? low : y;
    if (type == DType::f32) static_cast<float*>(out)[at] = y;
    else if (type == DType::u8) static_cast<uint8_t*>(out)[at] = quantized::saturate<uint8_t>(y * per_step);
    else static_cast<int8_t*>(out)[at] = quantized::saturate<int8_t>(y * per_step);
  }
};

// One sum of a channel to its place, with its bias.
struct Int8Sums {
  Int8Steps steps;
  int32_t* out;
  MIXNET_ON_DEVICE void operator()(int64_t channel, int64_t at, int32_t sum) const {
    out[at] = Int8Steps::add(sum, steps.bias(channel));
  }
};

// The range of a result, of one number or of one per channel.
struct Int8Ranges {
  Int8Steps steps;
  float *low, *high;
  MIXNET_ON_DEVICE void operator()(int64_t c) const {
    const float all = steps.step(c) * quantized::levels(DType::i32);
    if (low) low[c] = -all;
    if (high) high[c] = all;
  }
};
inline void set_int8_ranges(const RunContext& r, const Int8Steps& steps) {
  map(*r.context.stream, steps.weight.count, Int8Ranges{steps, r.out[1].as<float>(), r.out[2].as<float>()});
}

}  // namespace mixnet::gpu
