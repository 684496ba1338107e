// A value on another device: put by the placement pass where a node reads what another device computes (MXNet's operator of that name).
//
// The devices copy; output and input never share bytes, so it is no view and nothing runs in its place.
#include "device/device.h"
#include "op/core/builder.h"

namespace mixnet::op::cross_device_copy {
namespace {

void copy(const NoParams&, const RunContext& r) {
  const TensorView &from = r.in[0], &to = r.out[0];
  get_device(to.device).copy_from(get_device(from.device), to.data, from.data, static_cast<size_t>(from.bytes()));
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> op(registry, "_CrossDeviceCopy");
  op.hidden().input("data", "Any shape and dtype.").kernel(copy).gpu_kernel(copy);
  //[full
  op.doc("The value of data on another device.").gradient([](GradientContext& g) { g.set(0, g.output_grad(0)); });
  op.sample({{2, 3}});
  op.sample({{0, 2}});
  //]
}

}  // namespace mixnet::op::cross_device_copy
