// The parameters and formulas of IdentityAttachKLSparseReg.
#pragma once
#include "base/on_device.h"

namespace mixnet::op::kl_sparse {

struct Params {
  double sparseness_target = 0.1, penalty = 0.001, momentum = 0.9;
};

// The moving average when a batch's mean has come to it.
template <class A>
MIXNET_ON_DEVICE A moved(const Params& p, A average, A mean) {
  const A keep = static_cast<A>(p.momentum);
  return keep * average + (1 - keep) * mean;
}

// The penalty's.
template <class A>
MIXNET_ON_DEVICE A slope(const Params& p, A mean) {
  const A target = static_cast<A>(p.sparseness_target);
  return static_cast<A>(p.penalty) * ((1 - target) / (1 - mean) - target / mean);
}

}  // namespace mixnet::op::kl_sparse
