// Functions of one number, elementwise: one line of the table each.
//
// Every function is compiled for float and double; the 16-bit floats are widened and narrowed in blocks. Functions that
// make sense for integers take these too. `_backward_<name>` multiplies by the slope at the one forward value that is
// needed for it, and has a gradient itself, `_backward__backward_<name>`.
#include <algorithm>
#include <string>

#include "base/independent.h"
#include "base/thread_pool.h"
#include "op/core/builder.h"
#include "op/elemwise/functions.h"

namespace mixnet::op::unary {
namespace {

using namespace functions;

// y[i] from a[i] and, in the backward functions, b[i]. y may be a or b.
template <class A>
using Loop = void (*)(int64_t n, A* y, const A* a, const A* b);
struct Loops {
  Loop<float> f32;
  Loop<double> f64;
};

template <class To, class From>
void convert(int64_t n, To* y, const From* x) {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<To>(x[i]);
}

template <class T, class A>
void run_as(const RunContext& r, Loop<A> loop) {
  const T *a = r.in[0].as<T>(), *b = r.in.size() > 1 ? r.in[1].as<T>() : nullptr;
  T* y = r.out[0].as<T>();
  parallel_for(r.out[0].size(), 8192, [=](int64_t first, int64_t last) {
    if constexpr (std::is_same<T, A>::value) {
      loop(last - first, y + first, a + first, b ? b + first : nullptr);
    } else {
      constexpr int64_t block = 512;
      A wide_a[block], wide_b[block];
      for (int64_t at = first; at < last; at += block) {
        const int64_t n = std::min(block, last - at);
        convert(n, wide_a, a + at);
        if (b) convert(n, wide_b, b + at);
        loop(n, wide_a, wide_a, wide_b);
        convert(n, y + at, wide_a);
      }
    }
  });
}

void run(const RunContext& r, const Loops& loops) {
  dispatch_float(r.in[0].dtype, "unary", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same<T, double>::value) run_as<T>(r, loops.f64);
    else run_as<T>(r, loops.f32);
  });
}

template <class F, class A>
void forward_loop(int64_t n, A* y, const A* x, const A*) {
  MIXNET_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) y[i] = F::template of<A>(x[i]);
}
template <class F>
void forward(const NoParams&, const RunContext& r) {
  run(r, {forward_loop<F, float>, forward_loop<F, double>});
}
// Integers stay what they are.
template <class F>
void forward_any(const NoParams& p, const RunContext& r) {
  dispatch_all(r.in[0].dtype, "unary", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral<T>::value) {
      using A = std::conditional_t<std::is_same<T, bool>::value, int64_t, T>;
      const T* x = r.in[0].as<T>();
      T* y = r.out[0].as<T>();
      parallel_for(r.out[0].size(), 8192, [=](int64_t first, int64_t last) {
        MIXNET_INDEPENDENT
        for (int64_t i = first; i < last; ++i) y[i] = static_cast<T>(F::template of<A>(x[i]));
      });
    } else {
      forward<F>(p, r);
    }
  });
}
void infer_float(InferType& c) {
  c.all_same();
  c.expect_float(0);
}

//[full
template <class F, class A>
void slope_loop(int64_t n, A* dx, const A* dy, const A* v) {
  MIXNET_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) dx[i] = dy[i] * F::template slope<A>(v[i]);
}
template <class F>
void backward(const NoParams&, const RunContext& r) {
  run(r, {slope_loop<F, float>, slope_loop<F, double>});
}
template <class F, class A>
void bend_loop(int64_t n, A* dv, const A* w, const A* v) {
  MIXNET_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) dv[i] = w[i] * F::template bend<A>(v[i]);
}
template <class F>
void second(const NoParams&, const RunContext& r) {
  run(r, {bend_loop<F, float>, bend_loop<F, double>});
}

Entry times(GradientContext& g, Entry a, Entry b) { return g.make("elemwise_mul", {std::move(a), std::move(b)}); }
std::string backward_name(const std::string& name) { return "_backward_" + name; }
template <bool OfOutput>
void slope_gradient(GradientContext& g) {
  const std::string name = backward_name(g.op().name);
  g.set(0, g.make(name.c_str(), {g.output_grad(0), OfOutput ? g.output(0) : g.input(0)}));
}
// dx = dy * slope(v), for every _backward_ operator.
void bend_gradient(GradientContext& g) {
  if (g.wants(0)) g.set(0, g.make(g.op().name.c_str(), {g.output_grad(0), g.input(1)}));
  if (!g.wants(1)) return;
  g.set(1, g.make(backward_name(g.op().name).c_str(), {times(g, g.output_grad(0), g.input(0)), g.input(1)}));
}
// A linear function maps the gradient as it maps x.
void linear_gradient(GradientContext& g) { g.set(0, g.make(g.op().name.c_str(), {g.output_grad(0)})); }
void abs_gradient(GradientContext& g) { g.set(0, times(g, g.output_grad(0), g.make("sign", {g.input(0)}))); }
void square_gradient(GradientContext& g) {
  g.set(0, times(g, g.output_grad(0), g.make("_mul_scalar", {g.input(0)}, {{"scalar", 2.0}})));
}
//]

using Run = void (*)(const NoParams&, const RunContext&);
struct Row {
  const char *name, *doc;
  double low, high;  // where samples are taken
  Run forward;
  bool integers;
  //[full
  void (*gradient)(GradientContext&);  // null: piecewise constant
  Run backward = nullptr, second = nullptr;
  double (*of)(double) = nullptr;
  bool of_output = false;
  //]
};

#if defined(MIXNET_PREDICTOR)
#define MIXNET_SMOOTH(stem) forward<stem>, false
#define MIXNET_PLAIN(stem, gradient) forward<stem>, false
#define MIXNET_ANY(stem, gradient) forward_any<stem>, true
#else
#define MIXNET_SMOOTH(stem) \
  forward<stem>, false, slope_gradient<stem::of_output>, backward<stem>, second<stem>, stem::of<double>, stem::of_output
#define MIXNET_PLAIN(stem, gradient) forward<stem>, false, gradient
#define MIXNET_ANY(stem, gradient) forward_any<stem>, true, gradient
#endif

// clang-format off
const Row rows[] = {
    {"negative", "-x", -1, 1, MIXNET_ANY(Negative, linear_gradient)},
    {"abs", "|x|", 0.1, 1, MIXNET_ANY(Abs, abs_gradient)},
    {"sign", "-1, 0 or 1; 0 for NaN", 0.1, 1, MIXNET_ANY(Sign, nullptr)},
    {"square", "x^2", -1, 1, MIXNET_ANY(Square, square_gradient)},
    {"logical_not", "1 where x is zero, else 0", 0.1, 1, MIXNET_ANY(LogicalNot, nullptr)},
    {"round", "The nearest integer, halves away from zero", -2, 2, MIXNET_ANY(Round, nullptr)},
    {"rint", "The nearest integer, halves to the smaller one", -2, 2, MIXNET_ANY(Rint, nullptr)},
    {"ceil", "The smallest integer not below x", -2, 2, MIXNET_ANY(Ceil, nullptr)},
    {"floor", "The largest integer not above x", -2, 2, MIXNET_ANY(Floor, nullptr)},
    {"trunc", "x without its fraction", -2, 2, MIXNET_ANY(Trunc, nullptr)},
    {"fix", "The nearest integer towards zero", -2, 2, MIXNET_ANY(Trunc, nullptr)},
    {"degrees", "Radians to degrees", -1, 1, MIXNET_PLAIN(Degrees, linear_gradient)},
    {"radians", "Degrees to radians", -90, 90, MIXNET_PLAIN(Radians, linear_gradient)},
    {"relu", "max(x, 0)", 0.1, 1, MIXNET_SMOOTH(Relu)},
    {"sqrt", "The square root", 0.5, 2, MIXNET_SMOOTH(Sqrt)},
    {"rsqrt", "1 / sqrt(x)", 0.5, 2, MIXNET_SMOOTH(Rsqrt)},
    {"cbrt", "The cube root", 0.5, 2, MIXNET_SMOOTH(Cbrt)},
    {"rcbrt", "1 / cbrt(x)", 0.5, 2, MIXNET_SMOOTH(Rcbrt)},
    {"exp", "e^x", -1, 1, MIXNET_SMOOTH(Exp)},
    {"expm1", "e^x - 1, exact for small x", -1, 1, MIXNET_SMOOTH(Expm1)},
    {"log", "The natural logarithm", 0.5, 2, MIXNET_SMOOTH(Log)},
    {"log10", "The logarithm to base 10", 0.5, 2, MIXNET_SMOOTH(Log10)},
    {"log2", "The logarithm to base 2", 0.5, 2, MIXNET_SMOOTH(Log2)},
    {"log1p", "log(1 + x), exact for small x", -0.5, 1, MIXNET_SMOOTH(Log1p)},
    {"sin", "The sine of x in radians", -1, 1, MIXNET_SMOOTH(Sin)},
    {"cos", "The cosine of x in radians", -1, 1, MIXNET_SMOOTH(Cos)},
    {"tan", "The tangent of x in radians", -1, 1, MIXNET_SMOOTH(Tan)},
    {"arcsin", "The inverse sine, in radians", -0.9, 0.9, MIXNET_SMOOTH(Arcsin)},
    {"arccos", "The inverse cosine, in radians", -0.9, 0.9, MIXNET_SMOOTH(Arccos)},
    {"arctan", "The inverse tangent, in radians", -1, 1, MIXNET_SMOOTH(Arctan)},
    {"sinh", "The hyperbolic sine", -1, 1, MIXNET_SMOOTH(Sinh)},
    {"cosh", "The hyperbolic cosine", -1, 1, MIXNET_SMOOTH(Cosh)},
    {"tanh", "The hyperbolic tangent", -1, 1, MIXNET_SMOOTH(Tanh)},
    {"arcsinh", "The inverse hyperbolic sine", -1, 1, MIXNET_SMOOTH(Arcsinh)},
    {"arccosh", "The inverse hyperbolic cosine", 1.2, 3, MIXNET_SMOOTH(Arccosh)},
    {"arctanh", "The inverse hyperbolic tangent", -0.8, 0.8, MIXNET_SMOOTH(Arctanh)},
    {"gamma", "The gamma function", 0.6, 3, MIXNET_SMOOTH(Gamma)},
    {"gammaln", "The logarithm of the absolute value of the gamma function", 0.6, 3, MIXNET_SMOOTH(Gammaln)},
    {"erf", "The error function", -1, 1, MIXNET_SMOOTH(Erf)},
    {"erfinv", "The inverse of the error function", -0.8, 0.8, MIXNET_SMOOTH(Erfinv)},
    {"reciprocal", "1 / x", 0.5, 2, MIXNET_SMOOTH(Reciprocal)},
    {"sigmoid", "1 / (1 + e^-x)", -1, 1, MIXNET_SMOOTH(Sigmoid)},
    {"softsign", "x / (1 + |x|)", 0.1, 1, MIXNET_SMOOTH(Softsign)},
};
// clang-format on
#undef MIXNET_SMOOTH
#undef MIXNET_PLAIN
#undef MIXNET_ANY

//[full
void register_backward(Registry& registry, const Row& row) {
  // Sampled where the function's own samples put the value the slope is computed from.
  const double first = row.of_output ? row.of(row.low) : row.low, last = row.of_output ? row.of(row.high) : row.high;
  for (const Run kernel : {row.backward, row.second}) {
    const bool second = kernel == row.second;
    OpBuilder<> op(registry, second ? backward_name(backward_name(row.name)) : backward_name(row.name));
    op.hidden().input("output_grad").input(row.of_output ? "output" : "data");
    op.inplace(0, 0).inplace(1, 0).infer_type(infer_float).kernel(kernel).pointwise();
    if (second) op.no_gradient("gradients are defined up to the second order");
    else op.gradient(bend_gradient);
    for (const Shape& shape : {Shape{2, 3}, Shape{1}, Shape{0, 3}}) {
      op.sample({shape, shape}).range(std::min(first, last), std::max(first, last));
    }
  }
}
//]

//[full
// Functions that MXNet's sparse arrays keep their zeros under.
bool keeps_zeros(const std::string& name) {
  for (const char* keeper : {"negative", "abs",     "sign",    "square", "round", "rint",    "ceil",   "floor", "trunc",
                             "fix",      "degrees", "radians", "relu",   "sqrt",  "cbrt",    "expm1",  "log1p", "sin",
                             "tan",      "arcsin",  "arctan",  "sinh",   "tanh",  "arcsinh", "arctanh"}) {
    if (name == keeper) return true;
  }
  return false;
}
//]

}  // namespace

void register_ops(Registry& registry) {
  for (const Row& row : rows) {
    OpBuilder<> op(registry, row.name);
    op.input("data", row.integers ? "Any shape and dtype." : "Any shape, float.");
    op.inplace(0, 0).kernel(row.forward).pointwise();
    if (!row.integers) op.infer_type(infer_float);
    //[full
    op.doc(std::string(row.doc) + ", elementwise.");
    if (keeps_zeros(row.name)) op.keeps_zeros();
    if (row.gradient) op.gradient(row.gradient);
    else op.zero_gradient();
    for (const Shape& shape : {Shape{2, 3}, Shape{1}, Shape{0, 3}}) op.sample({shape}).range(row.low, row.high);
    if (row.backward) register_backward(registry, row);
    //]
  }
}

}  // namespace mixnet::op::unary
