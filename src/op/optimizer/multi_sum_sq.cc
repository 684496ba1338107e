// multi_sum_sq: the sum of squares of each of several arrays.
#include "op/core/builder.h"

namespace mixnet::op::multi_sum_sq {
namespace {

struct Params {
  int64_t num_arrays = 1;
};

void kernel(const Params&, const RunContext& r) {
  float* y = r.out[0].as<float>();
  parallel_for(static_cast<int64_t>(r.in.size()), 1, [&](int64_t first, int64_t last) {
    for (int64_t k = first; k < last; ++k) {
      const TensorView& in = r.in[static_cast<size_t>(k)];
      dispatch_float(in.dtype, "multi_sum_sq", [&](auto tag) {
        using T = typename decltype(tag)::type;
        const T* x = in.as<T>();
        double sum = 0;
        for (int64_t i = 0; i < in.size(); ++i)
          sum += static_cast<double>(static_cast<accumulator_t<T>>(x[i])) * static_cast<double>(x[i]);
        y[k] = static_cast<float>(sum);
      });
    }
  });
}
void infer(InferShape& c) { c.set_out(0, Shape{c.num_inputs()}); }
void infer_type(InferType& c) { c.set_out(0, DType::f32); }

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "multi_sum_sq");
  op.param("num_arrays", &Params::num_arrays).required().range(1).doc("Number of arrays.");
  op.variadic_groups({"array"}, {}, "num_arrays", &Params::num_arrays).outputs({"output"});
  op.input("array", "Any shape, float; each its own.").infer_shape(infer).infer_type(infer_type).kernel(kernel);
  op.no_gradient("serves optimizers; use square and sum for a differentiable one");
  //[full
  op.doc("The sums of squares of several arrays, (num_arrays,), float32.");
  op.sample({{2, 3}, {4}});
  op.sample({{1}});
  op.sample({{0}, {2}});
  //]
}

}  // namespace mixnet::op::multi_sum_sq
