// How numbers of every distribution are drawn, and what the operators that draw them are told.
//
// Element i of a draw depends on (seed, draw, i) alone. Exponential by inversion, normal by Box and Muller (1958), gamma by
// Marsaglia and Tsang (2000), Poisson by multiplication, or through the gamma-Poisson mixture for large rates.
#pragma once
#include <cmath>
#include <string>

#include "base/dtype.h"
#include "base/philox.h"
#include "base/shape.h"

namespace mixnet::op::sample {

// A normal number of two uniform ones.
MIXNET_ON_DEVICE inline double box_muller(double u, double v) {
  return std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v);
}

// A stream of uniform numbers for one element: as many as a rejection method needs. Each is drawn in a statement of its own, so that
// every compiler draws them in one order.
class Draws {
 public:
  MIXNET_ON_DEVICE Draws(const PhiloxKey& key, int64_t element)
      : key_(key), index_(static_cast<uint64_t>(element) << 20) {}
  // In (0, 1).
  MIXNET_ON_DEVICE double uniform() {
    if (left_ == 0) {
      block_ = philox(key_, index_++);
      left_ = 2;
    }
    --left_;
    return uniform_double(block_.word[2 * left_], block_.word[2 * left_ + 1]) + 0x1p-54;
  }
  MIXNET_ON_DEVICE double normal() {
    const double u = uniform();
    return box_muller(u, uniform());
  }
  MIXNET_ON_DEVICE double exponential() { return -std::log(uniform()); }
  // NaN for parameters that no distribution has.
  MIXNET_ON_DEVICE double gamma(double shape) {
    if (!(shape > 0) || !std::isfinite(shape)) return std::nan("");
    if (shape >= 1) return gamma_from_1(shape);
    const double more = gamma_from_1(shape + 1);
    return more * std::pow(uniform(), 1 / shape);
  }
  MIXNET_ON_DEVICE double poisson(double rate) {
    if (!(rate >= 0) || !std::isfinite(rate)) return std::nan("");
    // The work below grows with the rate; here the distribution is normal to three digits of its skewness.
    if (rate > 1e5) return std::floor(rate + std::sqrt(rate) * normal() + 0.5);
    // Halve large rates by the order statistics of a Poisson process (Ahrens and Dieter, 1974).
    double count = 0;
    while (rate > 30) {
      const double m = std::floor(rate * 7 / 8), x = gamma(m);
      if (x > rate) {
        // Binomial(m - 1, rate / x) by counting.
        for (double i = 0; i < m - 1; ++i) count += uniform() < rate / x;
        return count;
      }
      count += m;
      rate -= x;
    }
    const double limit = std::exp(-rate);
    for (double product = uniform(); product > limit; product *= uniform()) ++count;
    return count;
  }

 private:
  MIXNET_ON_DEVICE double gamma_from_1(double shape) {
    const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
    while (true) {
      const double x = normal(), v = std::pow(1 + c * x, 3);
      if (v > 0 && std::log(uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
    }
  }

  PhiloxKey key_;
  uint64_t index_;
  PhiloxBlock block_{};
  int left_ = 0;
};

enum class Kind {
  uniform,
  normal,
  gamma,
  exponential,
  poisson,
  negative_binomial,
  generalized_negative_binomial,
  randint
};

MIXNET_ON_DEVICE inline double draw(Kind kind, Draws& s, double a, double b) {
  switch (kind) {
    case Kind::uniform: return a + (b - a) * (s.uniform() - 0x1p-54);
    case Kind::normal: return a + b * s.normal();
    case Kind::gamma: return s.gamma(a) * b;
    case Kind::exponential: return s.exponential() / a;
    case Kind::poisson: return s.poisson(a);
    // k failures at success probability p: Poisson with a gamma rate.
    case Kind::negative_binomial: return b >= 1 ? 0 : s.poisson(s.gamma(a) * (1 - b) / b);
    // Mean a, dispersion b.
    case Kind::generalized_negative_binomial: return b == 0 ? s.poisson(a) : s.poisson(s.gamma(1 / b) * a * b);
    case Kind::randint: {
      const double v = std::floor(a + (b - a) * (s.uniform() - 0x1p-54));
      return v < b - 1 ? v : b - 1;
    }
  }
  return 0;
}

struct Params {
  double a = 0, b = 1;
  Shape shape;
  std::string ctx;
  DType dtype = DType::f32;
};

}  // namespace mixnet::op::sample
