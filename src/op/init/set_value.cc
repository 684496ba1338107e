// _set_value: fills an array that is there with a number.
#include "op/init/set_value.h"

#include "op/core/builder.h"

namespace mixnet::op::set_value {
namespace {

void kernel(const Params& p, const RunContext& r) {
  dispatch_all(r.out[0].dtype, "_set_value", [&](auto tag) {
    using T = typename decltype(tag)::type;
    std::fill_n(r.out[0].as<T>(), r.out[0].size(), static_cast<T>(static_cast<accumulator_t<T>>(p.src)));
  });
}
// The output says what it is; alone, it is one number.
void infer(InferShape& c) {
  if (c.last && !c.out[0].ndim_known()) c.set_out(0, Shape{1});
}
void infer_type(InferType& c) {
  if (c.out[0] == DType::unknown) c.set_out(0, DType::f32);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_set_value");
  op.param("src", &Params::src).doc("The number.");
  op.infer_shape(infer).infer_type(infer_type).kernel(kernel).zero_gradient();
  //[full
  op.doc("Fills the array that is given as `out` with a number; without one, the result has shape (1,).");
  op.sample({}, {{"src", 2.5}});
  //]
}

}  // namespace mixnet::op::set_value
