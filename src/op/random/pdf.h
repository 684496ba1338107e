// Densities of one number, with their slopes.
#pragma once
#include "op/core/digamma.h"

namespace mixnet::op::pdf {

struct Params {
  bool is_log = false;
};
enum class Kind { uniform, normal, gamma, exponential, poisson, negative_binomial, generalized_negative_binomial };

// The logarithm of a density and its slopes along the sample and the two parameters.
struct Density {
  double log, of_sample, of_first, of_second;
};
constexpr double half_log_two_pi = 0.91893853320467274178;

// Failures before `limit` successes of probability p, and the slopes of that along limit and p.
MIXNET_ON_DEVICE inline Density binomial(double x, double limit, double p) {
  return {log_gamma(x + limit) - log_gamma(x + 1) - log_gamma(limit) + limit * std::log(p) + x * std::log1p(-p), 0,
          digamma(x + limit) - digamma(limit) + std::log(p), limit / p - x / (1 - p)};
}
MIXNET_ON_DEVICE inline Density density(Kind kind, double x, double a, double b) {
  switch (kind) {
    // As in MXNet, whether the sample is inside or not.
    case Kind::uniform: return {-std::log(b - a), 0, 1 / (b - a), -1 / (b - a)};
    case Kind::normal: {
      const double u = (x - a) / b;
      return {-0.5 * u * u - half_log_two_pi - std::log(b), -u / b, u / b, (u * u - 1) / b};
    }
    // Shape a and rate b.
    case Kind::gamma:
      return {a * std::log(b) + (a - 1) * std::log(x) - b * x - log_gamma(a), (a - 1) / x - b,
              std::log(b) + std::log(x) - digamma(a), a / b - x};
    case Kind::exponential: return {std::log(a) - a * x, -a, 1 / a - x, 0};
    case Kind::poisson: return {x * std::log(a) - a - log_gamma(x + 1), 0, x / a - 1, 0};
    case Kind::negative_binomial: return binomial(x, a, b);
    // Mean a and dispersion b: limit 1 / b and probability 1 / (a b + 1).
    case Kind::generalized_negative_binomial: {
      const double limit = 1 / b, p = 1 / (a * b + 1);
      const Density d = binomial(x, limit, p);
      return {d.log, 0, d.of_second * -b * p * p, d.of_first * -limit * limit + d.of_second * -a * p * p};
    }
  }
  return {};
}

// A uniform density is what it is even where its logarithm is none.
MIXNET_ON_DEVICE inline double value(Kind kind, const Density& d, bool is_log) {
  if (is_log) return d.log;
  return kind == Kind::uniform ? d.of_first : std::exp(d.log);
}

}  // namespace mixnet::op::pdf
