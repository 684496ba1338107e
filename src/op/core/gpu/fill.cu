#include "op/core/gpu/fill.h"

#include "op/core/gpu/launch.h"

namespace mixnet::gpu {
namespace {

template <class T>
struct Fill {
  T* y;
  T value;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { y[i] = value; }
};

}  // namespace

void fill(Stream& stream, const TensorView& to, double value) {
  dispatch_all(to.dtype, "fill", [&](auto tag) {
    using T = typename decltype(tag)::type;
    map(stream, to.size(), Fill<T>{to.as<T>(), static_cast<T>(static_cast<accumulator_t<T>>(value))});
  });
}

}  // namespace mixnet::gpu
