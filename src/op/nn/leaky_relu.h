// The functions of LeakyReLU, for CPUs and GPUs.
#pragma once
#include <cmath>

#include "base/philox.h"
#include "op/core/builder.h"

namespace mixnet::op::leaky_relu {

enum class Act { elu, gelu, leaky, prelu, rrelu, selu };
struct Params {
  Act act = Act::leaky;
  double slope = 0.25, lower_bound = 0.125, upper_bound = 0.334;
};
// The constants of Klambauer et al., 2017.
constexpr double selu_alpha = 1.6732632423543772, selu_scale = 1.0507009873554805;

MIXNET_ON_DEVICE inline double value(const Params& p, double x, double slope) {
  switch (p.act) {
    case Act::elu: return x > 0 ? x : p.slope * std::expm1(x);
    case Act::selu: return selu_scale * (x > 0 ? x : selu_alpha * std::expm1(x));
    case Act::gelu: return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    default: return x > 0 ? x : slope * x;
  }
}

// Which element of gamma belongs to element i: one per channel, or one for all.
struct Channels {
  int64_t channels = 1, inner = 1;
  Channels(const Shape& data, int64_t gamma) {
    if (gamma <= 1 || data.ndim() < 2) return;
    channels = data[1];
    inner = data.size(2, data.ndim());
  }
  MIXNET_ON_DEVICE int64_t of(int64_t i) const { return i / inner % channels; }
};

// The slope below zero of element i, of which prelu is given one; rrelu draws it in training and takes the mean otherwise.
MIXNET_ON_DEVICE inline double slope_at(const Params& p, bool training, const PhiloxKey& random, double given,
                                        int64_t i) {
  if (p.act != Act::rrelu) return given;
  if (!training) return (p.lower_bound + p.upper_bound) / 2;
  const PhiloxBlock draw = philox(random, static_cast<uint64_t>(i));
  return p.lower_bound + (p.upper_bound - p.lower_bound) * uniform_double(draw.word[0], draw.word[1]);
}

//[full
MIXNET_ON_DEVICE inline double derivative(const Params& p, double x, double slope) {
  switch (p.act) {
    case Act::elu: return x > 0 ? 1 : p.slope * std::exp(x);
    case Act::selu: return selu_scale * (x > 0 ? 1 : selu_alpha * std::exp(x));
    case Act::gelu:
      return 0.5 * (1 + std::erf(x / std::sqrt(2.0))) +
             x * std::exp(-0.5 * x * x) / std::sqrt(2 * 3.14159265358979323846);
    default: return x > 0 ? 1 : slope;
  }
}
//]

}  // namespace mixnet::op::leaky_relu
