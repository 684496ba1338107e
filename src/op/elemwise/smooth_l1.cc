<<<<<<< HEAD
// smooth_l1: the absolute value, rounded off at 0.
=======
// smooth_l1 (Girshick, 2015): quadratic near 0, linear beyond 1 / scalar^2.
>>>>>>> op2
#include <cmath>

#include "op/core/builder.h"

namespace mixnet::op::smooth_l1 {
namespace {

struct Params {
  double scalar = 1;
};

<<<<<<< HEAD
void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "smooth_l1", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const T* x = r.in[0].as<T>();
    T* y = r.out[0].as<T>();
    const A square = static_cast<A>(p.scalar * p.scalar), rest = static_cast<A>(0.5 / (p.scalar * p.scalar));
    parallel_for(r.out[0].size(), 16384, [=](int64_t first, int64_t last) {
#pragma GCC ivdep
      for (int64_t i = first; i < last; ++i) {
        const A v = static_cast<A>(x[i]), size = std::abs(v);
        y[i] = static_cast<T>(size * square < 1 ? v * v * square / 2 : size - rest);
      }
    });
  });
}

void infer_type(InferType& c) {
  c.expect_float(0);
  c.all_same();
}

//[full
// dy/dx = scalar^2 x, but at most 1.
void gradient(GradientContext& g) {
  const double scalar = g.params<Params>().scalar;
  const Entry line = g.make("_mul_scalar", {g.input(0)}, {{"scalar", scalar * scalar}});
  const Entry slope = g.make("clip", {line}, {{"a_min", -1.0}, {"a_max", 1.0}});
  g.set(0, g.make("elemwise_mul", {g.output_grad(0), slope}));
}
=======
template <class F>
void each(const RunContext& r, F f) {
  dispatch_float(r.out[0].dtype, "smooth_l1", [&](auto tag) {
    using T = typename decltype(tag)::type;
    parallel_for(r.out[0].size(), 16384, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) r.out[0].as<T>()[i] = static_cast<T>(f(tag, i));
    });
  });
}
void forward(const Params& p, const RunContext& r) {
  each(r, [&](auto tag, int64_t i) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const A x = static_cast<A>(r.in[0].as<T>()[i]), s = static_cast<A>(p.scalar * p.scalar), size = std::fabs(x);
    return size * s > 1 ? size - A(0.5) / s : A(0.5) * s * x * x;
  });
}

//[full
// (dy, x): the slope is s x near 0 and the sign of x beyond.
void backward(const Params& p, const RunContext& r) {
  each(r, [&](auto tag, int64_t i) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const A x = static_cast<A>(r.in[1].as<T>()[i]) * static_cast<A>(p.scalar * p.scalar);
    return static_cast<A>(r.in[0].as<T>()[i]) * (x > 1 ? A(1) : x < -1 ? A(-1) : x);
  });
}
void gradient(GradientContext& g) { g.set(0, g.make_backward("_backward_smooth_l1", {g.output_grad(0), g.input(0)})[0]); }
>>>>>>> op2
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "smooth_l1");
<<<<<<< HEAD
  op.param("scalar", &Params::scalar).doc("sigma: the larger, the smaller the rounded part.");
  op.input("data", "Any shape, float.").inplace(0, 0).infer_type(infer_type).kernel(forward);
  //[full
  op.doc("(scalar x)^2 / 2 where |x| < 1 / scalar^2, |x| - 0.5 / scalar^2 elsewhere (Girshick, Fast R-CNN, 2015).");
  op.gradient(gradient);
  op.sample({{2, 3}}, {{"scalar", 1.0}}).range(-0.9, 0.9);
  op.sample({{3, 2}}, {{"scalar", 2.0}}).range(-3, -0.3);
  op.sample({{1}}, {{"scalar", 3.0}}).range(0.2, 2);
  op.sample({{0, 3}});
=======
  op.param("scalar", &Params::scalar).doc("Its square is the curvature near 0.");
  op.input("data", "Any shape, float.").inplace(0, 0).kernel(forward);
  //[full
  op.doc("With s = scalar^2: s x^2 / 2 where |x| < 1 / s, |x| - 1 / (2 s) elsewhere.").gradient(gradient);
  op.sample({{2, 3}}, {{"scalar", 1.0}}).range(-3, 3);
  op.sample({{2, 3}}, {{"scalar", 2.0}});
  op.sample({{1}});
  op.sample({{0}});
  OpBuilder<Params> grad(registry, "_backward_smooth_l1");
  grad.param("scalar", &Params::scalar);
  grad.hidden().input("output_grad").input("data").inplace(0, 0).kernel(backward).no_gradient("piecewise linear: compose it from clip for higher orders");
>>>>>>> op2
  //]
}

}  // namespace mixnet::op::smooth_l1
