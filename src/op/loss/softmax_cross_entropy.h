// How softmax_cross_entropy takes labels.
#pragma once
#include <cstdint>

#include "base/on_device.h"

namespace mixnet::op::softmax_cross_entropy {

// Labels outside the classes are clipped.
template <class T>
MIXNET_ON_DEVICE int64_t class_of(T label, int64_t classes) {
  if (!(label > 0)) return 0;
  return label >= static_cast<T>(classes) ? classes - 1 : static_cast<int64_t>(label);
}

}  // namespace mixnet::op::softmax_cross_entropy
