// reset_arrays: sets several arrays to zero in one call.
#include "device/stream.h"
#include "op/core/builder.h"
#include "op/core/set_zero.h"

namespace mixnet::op::reset_arrays {
namespace {

struct Params {
  int64_t num_arrays = 1;
};
void kernel(const Params&, const RunContext& r) {
  for (const TensorView& in : r.in) set_zero(in);
  for (const TensorView& out : r.out) set_zero(out);
}
//[full
void zero_on_gpu(const Params&, const RunContext& r) {
  for (const auto& tensors : {r.in, r.out}) {
    for (const TensorView& v : tensors)
      if (v.size() > 0) r.context.stream->fill_zero(v.data, static_cast<size_t>(v.bytes()));
  }
}
//]
void infer(InferShape& c) { c.set_out(0, Shape{1}); }
// Arrays have dtypes of their own.
void infer_type(InferType& c) { c.set_out(0, DType::f32); }

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "reset_arrays");
  op.param("num_arrays", &Params::num_arrays).required().range(1).doc("Number of arrays.");
  op.variadic_groups({"array"}, {}, "num_arrays", &Params::num_arrays).outputs({"done"}).mutates({0});
  op.input("array", "Any shape and dtype, set to zero in place.").infer_shape(infer).infer_type(infer_type);
  op.kernel(kernel).no_gradient("it changes arrays");
  //[full
  op.gpu_kernel(zero_on_gpu);
  op.doc("Sets several arrays to zero. The result, (1,), says only that it was done.");
  op.sample({{2, 3}, {4}});
  op.sample({{1}});
  op.sample({{0}, {2}});
  //]
}

}  // namespace mixnet::op::reset_arrays
