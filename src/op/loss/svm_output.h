// The parameters and the slope of SVMOutput.
#pragma once
#include "base/on_device.h"

namespace mixnet::op::svm_output {

struct Params {
  double margin = 1, regularization_coefficient = 1;
  bool use_linear = false;
};

// Of a class's score; its sign is +1 for the label and -1 for the others.
template <class T>
MIXNET_ON_DEVICE T slope(const Params& p, T score, bool is_label) {
  const T sign = is_label ? T(1) : T(-1), missing = static_cast<T>(p.margin) - sign * score;
  const T slope = p.use_linear ? T(1) : 2 * missing;
  return missing > 0 ? -sign * static_cast<T>(p.regularization_coefficient) * slope : T(0);
}

}  // namespace mixnet::op::svm_output
