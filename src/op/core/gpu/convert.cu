#include "op/core/gpu/convert.h"

#include "op/core/gpu/lanes.h"

namespace mixnet::gpu {
namespace {

template <class From, class To>
struct Convert {
  MIXNET_ON_DEVICE To operator()(From x) const { return static_cast<To>(static_cast<accumulator_t<From>>(x)); }
};

template <class From>
void from_type(Stream& stream, const TensorView& from, const TensorView& to) {
  dispatch_all(to.dtype, "Cast", [&](auto tag) {
    using To = typename decltype(tag)::type;
    if constexpr (!std::is_same_v<From, To>)
      map_values(stream, to.size(), Convert<From, To>(), to.as<To>(), from.as<From>());
  });
}

}  // namespace

void convert(Stream& stream, const TensorView& from, const TensorView& to) {
  if (from.dtype == to.dtype) {
    if (from.data != to.data && to.size() > 0) stream.copy(to.data, from.data, static_cast<size_t>(to.bytes()));
    return;
  }
  dispatch_all(from.dtype, "Cast", [&](auto tag) { from_type<typename decltype(tag)::type>(stream, from, to); });
}

}  // namespace mixnet::gpu
