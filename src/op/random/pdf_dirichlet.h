// The density of a Dirichlet distribution at a point.
#pragma once
#include <cmath>

#include "base/on_device.h"
#include "base/shape.h"
#include "op/core/digamma.h"

namespace mixnet::op::pdf_dirichlet {

struct Params {
  bool is_log = false;
};

// `count` points of `width` numbers share each alpha.
struct Sizes {
  int64_t alphas, count, width;
  Sizes(const Shape& sample, const Shape& alpha) : width(alpha.back()) {
    alphas = alpha.size(0, alpha.ndim() - 1);
    count = sample.size(alpha.ndim() - 1, sample.ndim() - 1);
  }
};
template <class T>
MIXNET_ON_DEVICE double log_density(const T* x, const T* alpha, int64_t width) {
  double sum = 0, total = 0;
  for (int64_t i = 0; i < width; ++i) {
    const double a = static_cast<double>(alpha[i]);
    total += a;
    sum += (a - 1) * std::log(static_cast<double>(x[i])) - log_gamma(a);
  }
  return sum + log_gamma(total);
}

}  // namespace mixnet::op::pdf_dirichlet
