// multi_sum_sq: the sum of squares of each of several arrays.
#include "op/core/builder.h"
#include "op/optimizer/parts.h"

namespace mixnet::op::multi_sum_sq {
namespace {

struct Params {
  int64_t num_arrays = 1;
};

// Side by side, so that they are added by vectors.
template <class T>
double sum_of_squares(const T* x, int64_t first, int64_t last) {
  constexpr int lanes = 16;
  double sums[lanes] = {}, sum = 0;
  int64_t i = first;
  for (; i + lanes <= last; i += lanes) {
    for (int k = 0; k < lanes; ++k) {
      const double v = static_cast<double>(static_cast<accumulator_t<T>>(x[i + k]));
      sums[k] += v * v;
    }
  }
  for (; i < last; ++i) sums[0] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  for (const double s : sums) sum += s;
  return sum;
}

void kernel(const Params&, const RunContext& r) {
  for (size_t k = 0; k < r.in.size(); ++k) {
    dispatch_float(r.in[k].dtype, "multi_sum_sq", [&](auto tag) {
      const auto* x = r.in[k].as<typename decltype(tag)::type>();
      const double sum =
          sum_of_parts(r.in[k].size(), [=](int64_t first, int64_t last) { return sum_of_squares(x, first, last); });
      r.out[0].as<float>()[k] = static_cast<float>(sum);
    });
  }
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
