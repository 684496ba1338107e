// Functions of one number, elementwise. One line each: forward, and the slope dy/dx from input x and output y.
#include <cmath>

#include "base/thread_pool.h"
#include "op/core/builder.h"

namespace mixnet::op::unary {
namespace {

constexpr double pi = 3.14159265358979323846;

template <class T> T sign(T x) { return x > 0 ? T(1) : x < 0 ? T(-1) : x; }

// Digamma for x > 0 by recurrence and the asymptotic series (Abramowitz and Stegun 6.3.5 and 6.3.18); reflection below 0.
double digamma(double x) {
  if (x <= 0 && x == std::floor(x)) return NAN;
  if (x < 0) return digamma(1 - x) - pi / std::tan(pi * x);
  double sum = 0;
  for (; x < 10; ++x) sum -= 1 / x;
  const double t = 1 / (x * x);
  return sum + std::log(x) - 0.5 / x - t * (1.0 / 12 - t * (1.0 / 120 - t * (1.0 / 252 - t * (1.0 / 240 - t / 132))));
}

// Inverse error function: a rational start, then two Newton steps in double.
double erfinv(double y) {
  if (y <= -1 || y >= 1) return y == 1 ? INFINITY : y == -1 ? -INFINITY : NAN;
  const double w = std::log1p(-y * y), a = 2 / (pi * 0.147) + w / 2;
  double x = sign(y) * std::sqrt(std::sqrt(a * a - w / 0.147) - a);
  for (int i = 0; i < 3; ++i) x -= (std::erf(x) - y) / (2 / std::sqrt(pi) * std::exp(-x * x));
  return x;
}

#define MIXNET_UNARY(stem, forward_expression, slope_expression)                              \
  struct stem {                                                                               \
    template <class T> static T of(T x) { return static_cast<T>(forward_expression); }        \
    template <class T> static T slope(T x, T y) { (void)x; (void)y; return static_cast<T>(slope_expression); } \
  };
MIXNET_UNARY(Negative, -x, -1)
MIXNET_UNARY(Abs, std::abs(x), sign(x))
MIXNET_UNARY(Sign, sign(x), 0)
MIXNET_UNARY(Round, x < 0 ? -std::floor(-x + T(0.5)) : std::floor(x + T(0.5)), 0)
MIXNET_UNARY(Rint, std::nearbyint(x), 0)
MIXNET_UNARY(Ceil, std::ceil(x), 0)
MIXNET_UNARY(Floor, std::floor(x), 0)
MIXNET_UNARY(Trunc, std::trunc(x), 0)
MIXNET_UNARY(Square, x * x, 2 * x)
MIXNET_UNARY(Sqrt, std::sqrt(x), T(0.5) / y)
MIXNET_UNARY(Rsqrt, 1 / std::sqrt(x), T(-0.5) * y / x)
MIXNET_UNARY(Cbrt, std::cbrt(x), 1 / (3 * y * y))
MIXNET_UNARY(Rcbrt, 1 / std::cbrt(x), -y / (3 * x))
MIXNET_UNARY(Exp, std::exp(x), y)
MIXNET_UNARY(Log, std::log(x), 1 / x)
MIXNET_UNARY(Log10, std::log10(x), 1 / (x * std::log(T(10))))
MIXNET_UNARY(Log2, std::log2(x), 1 / (x * std::log(T(2))))
MIXNET_UNARY(Log1p, std::log1p(x), 1 / (1 + x))
MIXNET_UNARY(Expm1, std::expm1(x), y + 1)
MIXNET_UNARY(Sin, std::sin(x), std::cos(x))
MIXNET_UNARY(Cos, std::cos(x), -std::sin(x))
MIXNET_UNARY(Tan, std::tan(x), 1 + y * y)
MIXNET_UNARY(Arcsin, std::asin(x), 1 / std::sqrt(1 - x * x))
MIXNET_UNARY(Arccos, std::acos(x), -1 / std::sqrt(1 - x * x))
MIXNET_UNARY(Arctan, std::atan(x), 1 / (1 + x * x))
MIXNET_UNARY(Sinh, std::sinh(x), std::cosh(x))
MIXNET_UNARY(Cosh, std::cosh(x), std::sinh(x))
MIXNET_UNARY(Tanh, std::tanh(x), 1 - y * y)
MIXNET_UNARY(Arcsinh, std::asinh(x), 1 / std::sqrt(x * x + 1))
MIXNET_UNARY(Arccosh, std::acosh(x), 1 / std::sqrt(x * x - 1))
MIXNET_UNARY(Arctanh, std::atanh(x), 1 / (1 - x * x))
MIXNET_UNARY(Degrees, x * T(180 / pi), 180 / pi)
MIXNET_UNARY(Radians, x * T(pi / 180), pi / 180)
MIXNET_UNARY(Gamma, std::tgamma(x), y * digamma(x))
MIXNET_UNARY(Gammaln, std::lgamma(x), digamma(x))
MIXNET_UNARY(Erf, std::erf(x), 2 / std::sqrt(pi) * std::exp(-x * x))
MIXNET_UNARY(Erfinv, erfinv(x), std::sqrt(pi) / 2 * std::exp(y * y))
MIXNET_UNARY(Reciprocal, 1 / x, -y * y)
MIXNET_UNARY(Relu, x > 0 ? x : (x != x ? x : T(0)), x > 0 ? 1 : 0)
MIXNET_UNARY(Sigmoid, 1 / (1 + std::exp(-x)), y * (1 - y))
MIXNET_UNARY(Softsign, x / (1 + std::abs(x)), 1 / ((1 + std::abs(x)) * (1 + std::abs(x))))
MIXNET_UNARY(LogicalNot, x == 0, 0)
#undef MIXNET_UNARY

template <class F, class T>
void map(const RunContext& r) {
  using A = accumulator_t<T>;
  const T* x = r.in[0].as<T>();
  T* y = r.out[0].as<T>();
  parallel_for(r.out[0].size(), 8192, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) y[i] = static_cast<T>(F::template of<A>(static_cast<A>(x[i])));
  });
}

template <class F>
void forward(const NoParams&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "unary", [&](auto tag) { map<F, typename decltype(tag)::type>(r); });
}
// Functions that make sense for integers too.
template <class F>
void forward_any(const NoParams&, const RunContext& r) {
  dispatch_all(r.in[0].dtype, "unary", [&](auto tag) { map<F, typename decltype(tag)::type>(r); });
}

//[full
// (output gradient, x, y) to (input gradient).
template <class F>
void backward(const NoParams&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "unary", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const T *dy = r.in[0].as<T>(), *x = r.in[1].as<T>(), *y = r.in[2].as<T>();
    T* dx = r.out[0].as<T>();
    parallel_for(r.out[0].size(), 8192, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        dx[i] = static_cast<T>(static_cast<A>(dy[i]) * F::template slope<A>(static_cast<A>(x[i]), static_cast<A>(y[i])));
      }
    });
  });
}

void infer_float(InferType& c) {
  c.all_same();
  if (c.in[0] != DType::unknown && !dtype_is_float(c.in[0])) c.fail(Code::type, concat("data: expected a float dtype, got ", c.in[0]));
}
//]

struct Row {
  const char* name;
  std::vector<std::string> aliases;
  void (*forward)(const NoParams&, const RunContext&);
  void (*backward)(const NoParams&, const RunContext&);  // null: piecewise constant
  bool integers;
  const char* doc;
  double low, high;
};

//[full
#define MIXNET_ROW(name, stem, doc, low, high) {name, {}, forward<stem>, backward<stem>, false, doc, low, high}
//]
#if defined(MIXNET_PREDICTOR)
#define MIXNET_ROW(name, stem, doc, low, high) {name, {}, forward<stem>, nullptr, false, doc, low, high}
#endif
const Row rows[] = {
    {"negative", {"_np_negative"}, forward_any<Negative>, nullptr, true, "-x", -1, 1},
    {"abs", {}, forward_any<Abs>, nullptr, true, "|x|", 0.1, 1},
    {"sign", {}, forward_any<Sign>, nullptr, true, "-1, 0 or 1", -1, 1},
    {"square", {}, forward_any<Square>, nullptr, true, "x^2", -1, 1},
    {"logical_not", {}, forward_any<LogicalNot>, nullptr, true, "1 where x is zero, else 0", -1, 1},
    {"round", {}, forward<Round>, nullptr, false, "The nearest integer, halves away from zero", -2, 2},
    {"rint", {}, forward<Rint>, nullptr, false, "The nearest integer, halves to even", -2, 2},
    {"ceil", {}, forward<Ceil>, nullptr, false, "The smallest integer not below x", -2, 2},
    {"floor", {}, forward<Floor>, nullptr, false, "The largest integer not above x", -2, 2},
    {"trunc", {"fix"}, forward<Trunc>, nullptr, false, "x without its fraction", -2, 2},
    MIXNET_ROW("sqrt", Sqrt, "The square root", 0.5, 2),
    MIXNET_ROW("rsqrt", Rsqrt, "1 / sqrt(x)", 0.5, 2),
    MIXNET_ROW("cbrt", Cbrt, "The cube root", 0.5, 2),
    MIXNET_ROW("rcbrt", Rcbrt, "1 / cbrt(x)", 0.5, 2),
    MIXNET_ROW("exp", Exp, "e^x", -1, 1),
    MIXNET_ROW("log", Log, "The natural logarithm", 0.5, 2),
    MIXNET_ROW("log10", Log10, "The logarithm to base 10", 0.5, 2),
    MIXNET_ROW("log2", Log2, "The logarithm to base 2", 0.5, 2),
    MIXNET_ROW("log1p", Log1p, "log(1 + x), exact for small x", -0.5, 1),
    MIXNET_ROW("expm1", Expm1, "e^x - 1, exact for small x", -1, 1),
    MIXNET_ROW("sin", Sin, "The sine of x in radians", -1, 1),
    MIXNET_ROW("cos", Cos, "The cosine of x in radians", -1, 1),
    MIXNET_ROW("tan", Tan, "The tangent of x in radians", -1, 1),
    MIXNET_ROW("arcsin", Arcsin, "The inverse sine, in radians", -0.9, 0.9),
    MIXNET_ROW("arccos", Arccos, "The inverse cosine, in radians", -0.9, 0.9),
    MIXNET_ROW("arctan", Arctan, "The inverse tangent, in radians", -1, 1),
    MIXNET_ROW("sinh", Sinh, "The hyperbolic sine", -1, 1),
    MIXNET_ROW("cosh", Cosh, "The hyperbolic cosine", -1, 1),
    MIXNET_ROW("tanh", Tanh, "The hyperbolic tangent", -1, 1),
    MIXNET_ROW("arcsinh", Arcsinh, "The inverse hyperbolic sine", -1, 1),
    MIXNET_ROW("arccosh", Arccosh, "The inverse hyperbolic cosine", 1.2, 3),
    MIXNET_ROW("arctanh", Arctanh, "The inverse hyperbolic tangent", -0.8, 0.8),
    MIXNET_ROW("degrees", Degrees, "Radians to degrees", -1, 1),
    MIXNET_ROW("radians", Radians, "Degrees to radians", -90, 90),
    MIXNET_ROW("gamma", Gamma, "The gamma function", 0.6, 3),
    MIXNET_ROW("gammaln", Gammaln, "The logarithm of the absolute value of the gamma function", 0.6, 3),
    MIXNET_ROW("erf", Erf, "The error function", -1, 1),
    MIXNET_ROW("erfinv", Erfinv, "The inverse of the error function", -0.8, 0.8),
    MIXNET_ROW("reciprocal", Reciprocal, "1 / x", 0.5, 2),
    MIXNET_ROW("relu", Relu, "max(x, 0)", 0.1, 1),
    MIXNET_ROW("sigmoid", Sigmoid, "1 / (1 + e^-x)", -1, 1),
    MIXNET_ROW("softsign", Softsign, "x / (1 + |x|)", -1, 1),
};
#undef MIXNET_ROW

//[full
// One rule for the whole table: the backward operator has the forward operator's name.
std::string backward_name(const std::string& name) { return "_backward_" + name; }
template <int N>
void gradient(GradientContext& g) {
  g.set(0, g.make_backward(backward_name(rows[N].name).c_str(), {g.output_grad(0), g.input(0), g.output(0)})[0]);
}
using Rule = void (*)(GradientContext&);
template <size_t... I>
Rule rule_at(size_t n, std::index_sequence<I...>) {
  static constexpr Rule rules[] = {gradient<static_cast<int>(I)>...};
  return rules[n];
}
void negative_gradient(GradientContext& g) { g.set(0, g.make("negative", {g.output_grad(0)})); }
void abs_gradient(GradientContext& g) { g.set(0, g.make("elemwise_mul", {g.output_grad(0), g.make("sign", {g.input(0)})})); }
void square_gradient(GradientContext& g) {
  g.set(0, g.make("elemwise_mul", {g.output_grad(0), g.make("_mul_scalar", {g.input(0)}, {{"scalar", 2.0}})}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  size_t n = 0;
  for (const Row& row : rows) {
    OpBuilder<> op(registry, row.name);
    for (const std::string& alias : row.aliases) op.alias(alias);
    op.input("data", row.integers ? "Any shape and dtype." : "Any shape, float.").inplace(0, 0).kernel(row.forward);
    //[full
    if (!row.integers) op.infer_type(infer_float);
    op.doc(std::string(row.doc) + ", elementwise.");
    const std::string name = row.name;
    if (name == "negative") op.gradient(negative_gradient);
    else if (name == "abs") op.gradient(abs_gradient);
    else if (name == "square") op.gradient(square_gradient);
    else if (!row.backward) op.zero_gradient();
    else op.gradient(rule_at(n, std::make_index_sequence<std::size(rows)>()));
    op.sample({{2, 3}}).range(row.low, row.high);
    op.sample({{1}}).range(row.low, row.high);
    op.sample({{0, 3}});
    if (row.backward) {
      OpBuilder<> grad(registry, backward_name(name));
      grad.hidden().input("output_grad").input("data").input("output").inplace(0, 0).inplace(2, 0).kernel(row.backward);
      grad.no_gradient("gradients of this function's gradient are not defined yet");
    }
    //]
    ++n;
  }
}

}  // namespace mixnet::op::unary
