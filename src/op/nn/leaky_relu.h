// Parameters of LeakyReLU, shared with its device siblings.
#pragma once
#include "base/philox.h"
#include "op/core/builder.h"
#include "op/nn/rectifiers.h"

namespace mixnet::op::leaky_relu {

enum class Act { elu, gelu, leaky, prelu, rrelu, selu };
struct Params {
  Act act = Act::leaky;
  double slope = 0.25, lower_bound = 0.125, upper_bound = 0.334;
};
// Whether every element goes through one function of it alone.
inline bool is_plain(const Params& p) { return p.act != Act::prelu && p.act != Act::rrelu; }

// f(function).
template <class F>
void dispatch(Act act, F f) {
  switch (act) {
    case Act::elu: return f(Elu());
    case Act::selu: return f(Selu());
    case Act::gelu: return f(Gelu());
    default: return f(Leaky());
  }
}

// Where elements are that have one gamma: one per channel, or one for all.
struct Channels {
  int64_t outer = 1, channels = 1, inner;
  Channels(const Shape& data, int64_t gamma) : inner(data.size()) {
    if (gamma <= 1 || data.ndim() < 2) return;
    outer = data[0];
    channels = data[1];
    inner = data.size(2, data.ndim());
  }
};

// The slope below zero that rrelu has at element i: drawn in training, the mean of what could be drawn otherwise.
MIXNET_ON_DEVICE inline double random_slope(const Params& p, bool training, const PhiloxKey& random, int64_t i) {
  if (!training) return (p.lower_bound + p.upper_bound) / 2;
  const PhiloxBlock draw = philox(random, static_cast<uint64_t>(i));
  return p.lower_bound + (p.upper_bound - p.lower_bound) * uniform_double(draw.word[0], draw.word[1]);
}

}  // namespace mixnet::op::leaky_relu
