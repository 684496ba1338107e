// all_finite and multi_all_finite: 1 when no element is infinite or NaN, else 0. Loss scaling asks it of every gradient.
#include "op/elemwise/all_finite.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "op/core/builder.h"

namespace mixnet::op::all_finite {
namespace {

bool finite(const TensorView& v) {
  return dispatch_float(v.dtype, "all_finite", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* x = v.as<T>();
    std::atomic<bool> good{true};
    parallel_for(v.size(), 16384, [&](int64_t first, int64_t last) {
      // 0 * x is 0 for finite x and NaN otherwise; sums of them, side by side, need no branch.
      using A = accumulator_t<T>;
      constexpr int lanes = 32;
      A sums[lanes] = {};
      int64_t i = first;
      for (; i + lanes <= last; i += lanes) {
        for (int k = 0; k < lanes; ++k) sums[k] += static_cast<A>(x[i + k]) * 0;
      }
      for (; i < last; ++i) sums[0] += static_cast<A>(x[i]) * 0;
      if (!std::all_of(sums, sums + lanes, [](A sum) { return sum == 0; })) good = false;
    });
    return good.load();
  });
}

void kernel(const Params& p, const RunContext& r) {
  float* y = r.out[0].as<float>();
  bool good = p.init_output || *y != 0;
  for (const TensorView& in : r.in) good = good && finite(in);
  *y = good ? 1.0f : 0.0f;
}
void infer(InferShape& c) { c.set_out(0, Shape{1}); }
void infer_type(InferType& c) { c.set_out(0, DType::f32); }

void add_init_output(OpBuilder<Params>& op) {
  op.param("init_output", &Params::init_output).doc("false: an array given with out= that holds 0 keeps it.");
  op.infer_shape(infer).infer_type(infer_type).kernel(kernel).zero_gradient();
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> one(registry, "all_finite");
  add_init_output(one);
  one.input("data", "Any shape, float.");
  OpBuilder<Params> many(registry, "multi_all_finite");
  many.param("num_arrays", &Params::num_arrays).range(1).doc("Number of arrays.");
  add_init_output(many);
  many.variadic_groups({"array"}, {}, "num_arrays", &Params::num_arrays)
      .outputs({"output"})
      .input("array", "Any shape, float; each its own.");
  //[full
  one.doc("(1,), float32: 1 when every element is finite, 0 when one is infinite or NaN.");
  many.doc("(1,), float32: 1 when every element of all arrays is finite, 0 when one is infinite or NaN.");
  for (const Shape& shape : {Shape{2, 3}, Shape{1}, Shape{0}}) {
    one.sample({shape});
    many.sample({shape, {3}});
  }
  //]
}

}  // namespace mixnet::op::all_finite
