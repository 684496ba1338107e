// What values of a group's members are joined with: group.reduce(mine, Plus()).
#pragma once
#include "base/on_device.h"

namespace mixnet::gpu {

struct Plus {
  template <class A> MIXNET_ON_DEVICE A operator()(A a, A b) const { return a + b; }
};
// Both pass over NaN, unless that is a.
struct Least {
  template <class A> MIXNET_ON_DEVICE A operator()(A a, A b) const { return b < a ? b : a; }
};
struct Greatest {
  template <class A> MIXNET_ON_DEVICE A operator()(A a, A b) const { return a < b ? b : a; }
};

}  // namespace mixnet::gpu
