#include "op/core/gpu/fill.h"

#include "op/core/gpu/lanes.h"

namespace mixnet::gpu {
namespace {

template <class T>
struct Fill {
  T value;
  MIXNET_ON_DEVICE T operator()() const { return value; }
};

}  // namespace

void fill(Stream& stream, const TensorView& to, double value) {
  dispatch_all(to.dtype, "fill", [&](auto tag) {
    using T = typename decltype(tag)::type;
    map_values(stream, to.size(), Fill<T>{static_cast<T>(static_cast<accumulator_t<T>>(value))}, to.as<T>());
  });
}

}  // namespace mixnet::gpu
