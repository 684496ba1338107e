// Reductions over axes: sum, mean, prod, nansum, nanprod, max, min, norm.
#include <cmath>
#include <limits>

#include "op/core/axes.h"

namespace mixnet::op::reduce {
namespace {

// start: the value over nothing; of: takes one element in.
struct Sum { template <class A> static A start() { return 0; } template <class A> static A of(A s, A x) { return s + x; } };
struct NanSum { template <class A> static A start() { return 0; } template <class A> static A of(A s, A x) { return x == x ? s + x : s; } };
struct Prod { template <class A> static A start() { return 1; } template <class A> static A of(A s, A x) { return s * x; } };
struct NanProd { template <class A> static A start() { return 1; } template <class A> static A of(A s, A x) { return x == x ? s * x : s; } };
struct Max {
  template <class A> static A start() { return std::numeric_limits<A>::has_infinity ? -std::numeric_limits<A>::infinity() : std::numeric_limits<A>::lowest(); }
  template <class A> static A of(A s, A x) { return x > s || x != x ? x : s; }
};
struct Min {
  template <class A> static A start() { return std::numeric_limits<A>::has_infinity ? std::numeric_limits<A>::infinity() : std::numeric_limits<A>::max(); }
  template <class A> static A of(A s, A x) { return x < s || x != x ? x : s; }
};
struct AbsSum { template <class A> static A start() { return 0; } template <class A> static A of(A s, A x) { return s + (x < 0 ? -x : x); } };
struct SquareSum { template <class A> static A start() { return 0; } template <class A> static A of(A s, A x) { return s + x * x; } };

// Lanes side by side let the compiler vectorise and keep the rounding error of long sums small.
template <class F, class A, class T>
A reduce_row(A start, const T* x, int64_t n, int64_t step) {
  constexpr int lanes = 16;
  A lane[lanes];
  std::fill_n(lane, lanes, F::template start<A>());
  int64_t i = 0;
  if (step == 1) {
    for (; i + lanes <= n; i += lanes) {
      for (int l = 0; l < lanes; ++l) lane[l] = F::template of<A>(lane[l], static_cast<A>(x[i + l]));
    }
  }
  for (; i < n; ++i) lane[i % lanes] = F::template of<A>(lane[i % lanes], static_cast<A>(x[i * step]));
  // Lanes hold partial results already: they are joined by the plain operation.
  using Join = std::conditional_t<std::is_same<F, AbsSum>::value || std::is_same<F, SquareSum>::value, Sum, F>;
  for (A v : lane) start = Join::template of<A>(start, v);
  return start;
}

template <class F, class T, class Finish>
void reduce(const RunContext& r, const std::vector<bool>& reduced, Finish finish) {
  using A = accumulator_t<T>;
  const T* x = r.in[0].as<T>();
  T* y = r.out[0].as<T>();
  const Shape& in = r.in[0].shape;
  const auto strides = row_major_strides(in);
  StridedLoop<2> kept;    // (output, input)
  StridedLoop<1> summed;  // (input)
  int64_t out_stride[Shape::max_ndim], next = 1;
  for (int i = in.ndim() - 1; i >= 0; --i) {
    out_stride[i] = next;
    if (!reduced[static_cast<size_t>(i)]) next *= in[i];
  }
  for (int i = 0; i < in.ndim(); ++i) {
    const size_t d = static_cast<size_t>(i);
    if (reduced[d]) summed.add(in[i], {strides[d]});
    else kept.add(in[i], {out_stride[i], strides[d]});
  }
  using Join = std::conditional_t<std::is_same<F, AbsSum>::value || std::is_same<F, SquareSum>::value, Sum, F>;
  const int64_t count = summed.size();
  const bool rows_inside = in.ndim() > 0 && reduced[static_cast<size_t>(in.ndim() - 1)];
  constexpr int64_t serial = INT64_MAX / 2;
  kept.run([&](const auto& at, int64_t n, const auto& stride) {
    const T* base = x + at[1];
    T* out = y + at[0];
    if (rows_inside || stride[1] != 1) {
      for (int64_t k = 0; k < n; ++k) {
        A sum = F::template start<A>();
        summed.run([&](const auto& s, int64_t m, const auto& step) {
          sum = Join::template of<A>(sum, reduce_row<F, A, T>(Join::template start<A>(), base + k * stride[1] + s[0], m, step[0]));
        }, serial);
        out[k * stride[0]] = static_cast<T>(finish(sum, count));
      }
      return;
    }
    // Columns side by side: each row of the input is added to a block of sums.
    constexpr int64_t block = 512;
    A sums[block];
    for (int64_t first = 0; first < n; first += block) {
      const int64_t width = std::min(block, n - first);
      std::fill_n(sums, width, F::template start<A>());
      summed.run([&](const auto& s, int64_t m, const auto& step) {
        for (int64_t j = 0; j < m; ++j) {
          const T* row = base + first + s[0] + j * step[0];
          for (int64_t k = 0; k < width; ++k) sums[k] = F::template of<A>(sums[k], static_cast<A>(row[k]));
        }
      }, serial);
      for (int64_t k = 0; k < width; ++k) out[(first + k) * stride[0]] = static_cast<T>(finish(sums[k], count));
    }
  }, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, count)));
}

enum class Kind { sum, mean, prod, nansum, nanprod, max, min };

template <Kind K>
void kernel(const ReduceParams& p, const RunContext& r) {
  const std::vector<bool> reduced = reduced_axes(p, r.in[0].ndim(), "reduce");
  dispatch_all(r.in[0].dtype, "reduce", [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto plain = [](auto s, int64_t) { return s; };
    if constexpr (K == Kind::sum) reduce<Sum, T>(r, reduced, plain);
    if constexpr (K == Kind::mean) reduce<Sum, T>(r, reduced, [](auto s, int64_t n) { return static_cast<decltype(s)>(n ? s / static_cast<decltype(s)>(n) : s); });
    if constexpr (K == Kind::prod) reduce<Prod, T>(r, reduced, plain);
    if constexpr (K == Kind::nansum) reduce<NanSum, T>(r, reduced, plain);
    if constexpr (K == Kind::nanprod) reduce<NanProd, T>(r, reduced, plain);
    if constexpr (K == Kind::max) reduce<Max, T>(r, reduced, plain);
    if constexpr (K == Kind::min) reduce<Min, T>(r, reduced, plain);
  });
}

void infer(InferShape& c) {
  if (!c.in[0].ndim_known()) return;
  const ReduceParams& p = c.params<ReduceParams>();
  c.set_out(0, reduced_shape(c.in[0], reduced_axes(p, c.in[0].ndim(), c.place().c_str()), p.keepdims));
}

struct NormParams : ReduceParams {
  int64_t ord = 2;
};
void norm(const NormParams& p, const RunContext& r) {
  const std::vector<bool> reduced = reduced_axes(p, r.in[0].ndim(), "norm");
  dispatch_float(r.in[0].dtype, "norm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (p.ord == 1) reduce<AbsSum, T>(r, reduced, [](auto s, int64_t) { return s; });
    else reduce<SquareSum, T>(r, reduced, [](auto s, int64_t) { return std::sqrt(s); });
  });
}
void infer_norm(InferShape& c) {
  if (!c.in[0].ndim_known()) return;
  const NormParams& p = c.params<NormParams>();
  c.set_out(0, reduced_shape(c.in[0], reduced_axes(p, c.in[0].ndim(), c.place().c_str()), p.keepdims));
}

//[full
// A reduced tensor in the shape it has with keepdims, spread over the input's shape.
Entry spread(GradientContext& g, const ReduceParams& p, Entry x) {
  return g.make("_spread_like", {std::move(x), g.input(0)}, {{"axis", p.axis ? Value(*p.axis) : Value()}, {"exclude", p.exclude}});
}
void sum_gradient(GradientContext& g) { g.set(0, spread(g, g.params<ReduceParams>(), g.output_grad(0))); }
void mean_gradient(GradientContext& g) {
  const ReduceParams& p = g.params<ReduceParams>();
  g.set(0, g.make("_spread_like", {g.output_grad(0), g.input(0)}, {{"axis", p.axis ? Value(*p.axis) : Value()}, {"exclude", p.exclude}, {"mean", true}}));
}
void nansum_gradient(GradientContext& g) {
  const Entry valid = g.make("_equal", {g.input(0), g.input(0)});
  g.set(0, g.make("elemwise_mul", {spread(g, g.params<ReduceParams>(), g.output_grad(0)), valid}));
}
void prod_gradient(GradientContext& g) {
  const Entry full = spread(g, g.params<ReduceParams>(), g.make("elemwise_mul", {g.output_grad(0), g.output(0)}));
  g.set(0, g.make("elemwise_div", {full, g.input(0)}));
}
void extreme_gradient(GradientContext& g) {
  const ReduceParams& p = g.params<ReduceParams>();
  const Entry chosen = g.make("_equal", {g.input(0), spread(g, p, g.output(0))});
  g.set(0, g.make("elemwise_mul", {spread(g, p, g.output_grad(0)), chosen}));
}
void norm_gradient(GradientContext& g) {
  const NormParams& p = g.params<NormParams>();
  if (p.ord == 1) {
    g.set(0, g.make("elemwise_mul", {spread(g, p, g.output_grad(0)), g.make("sign", {g.input(0)})}));
    return;
  }
  const Entry unit = g.make("elemwise_div", {g.input(0), spread(g, p, g.output(0))});
  g.set(0, g.make("elemwise_mul", {spread(g, p, g.output_grad(0)), unit}));
}

struct SpreadParams : ReduceParams {
  bool mean = false;
};
void spread_kernel(const SpreadParams& p, const RunContext& r) {
  const Shape& out = r.out[0].shape;
  const std::vector<bool> reduced = reduced_axes(p, out.ndim(), "_spread_like");
  const auto so = row_major_strides(out);
  int64_t in_stride[Shape::max_ndim], next = 1, count = 1;
  for (int i = out.ndim() - 1; i >= 0; --i) {
    const bool gone = reduced[static_cast<size_t>(i)];
    in_stride[i] = gone ? 0 : next;
    if (!gone) next *= out[i];
    else count *= out[i];
  }
  StridedLoop<2> loop;
  for (int i = 0; i < out.ndim(); ++i) loop.add(out[i], {so[static_cast<size_t>(i)], in_stride[i]});
  copy_strided(loop, r.out[0].data, r.in[0].data, dtype_size(r.out[0].dtype));
  if (!p.mean) return;
  dispatch_float(r.out[0].dtype, "_spread_like", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const A scale = A(1) / static_cast<A>(std::max<int64_t>(1, count));
    for (int64_t i = 0; i < r.out[0].size(); ++i) r.out[0].as<T>()[i] = static_cast<T>(static_cast<A>(r.out[0].as<T>()[i]) * scale);
  });
}
void infer_spread(InferShape& c) { c.set_out(0, c.in[1]); }
void spread_gradient(GradientContext& g) {
  const SpreadParams& p = g.params<SpreadParams>();
  const Entry total = g.make(p.mean ? "mean" : "sum", {g.output_grad(0)}, {{"axis", p.axis ? Value(*p.axis) : Value()}, {"exclude", p.exclude}});
  g.set(0, g.make("reshape_like", {total, g.input(0)}));
}
//]
#if defined(MIXNET_PREDICTOR)
constexpr void (*sum_gradient)(GradientContext&) = nullptr, (*mean_gradient)(GradientContext&) = nullptr, (*prod_gradient)(GradientContext&) = nullptr,
    (*nansum_gradient)(GradientContext&) = nullptr, (*extreme_gradient)(GradientContext&) = nullptr;
#endif

struct Row {
  const char* name;
  std::vector<std::string> aliases;
  void (*kernel)(const ReduceParams&, const RunContext&);
  void (*gradient)(GradientContext&);
  const char* doc;
};
const Row rows[] = {
    {"sum", {"sum_axis"}, kernel<Kind::sum>, sum_gradient, "The sum over axes"},
    {"mean", {}, kernel<Kind::mean>, mean_gradient, "The mean over axes"},
    {"prod", {}, kernel<Kind::prod>, prod_gradient, "The product over axes"},
    {"nansum", {}, kernel<Kind::nansum>, nansum_gradient, "The sum over axes, NaN counting as 0"},
    {"nanprod", {}, kernel<Kind::nanprod>, prod_gradient, "The product over axes, NaN counting as 1"},
    {"max", {"max_axis"}, kernel<Kind::max>, extreme_gradient, "The largest element over axes"},
    {"min", {"min_axis"}, kernel<Kind::min>, extreme_gradient, "The smallest element over axes"},
};

}  // namespace

void register_ops(Registry& registry) {
  for (const Row& row : rows) {
    OpBuilder<ReduceParams> op(registry, row.name);
    for (const std::string& alias : row.aliases) op.alias(alias);
    add_reduce_params(op);
    op.input("data", "Any shape.").infer_shape(infer).kernel(row.kernel);
    //[full
    op.doc(std::string(row.doc) + ". A full reduction gives shape (1,).").gradient(row.gradient);
    op.sample({{2, 3, 4}}).range(0.5, 2);
    op.sample({{2, 3, 4}}, {{"axis", Shape{1}}}).range(0.5, 2);
    op.sample({{2, 3, 4}}, {{"axis", Shape{0, 2}}, {"keepdims", true}}).range(0.5, 2);
    op.sample({{2, 3, 4}}, {{"axis", Shape{-1}}, {"exclude", true}}).range(0.5, 2);
    op.sample({{1}}).range(0.5, 2);
    op.sample({{0, 3}}, {{"axis", Shape{1}}});
    //]
  }
  OpBuilder<NormParams> op(registry, "norm");
  op.param("ord", &NormParams::ord).range(1, 2).doc("1: sum of absolute values, 2: Euclidean norm.");
  op.param("axis", &NormParams::axis).doc("Axes to reduce; none means all.");
  op.param("keepdims", &NormParams::keepdims).doc("Keeps reduced axes with extent 1.");
  op.input("data", "Any shape, float.").infer_shape(infer_norm).kernel(norm);
  //[full
  op.doc("The L1 or L2 norm over axes.").gradient(norm_gradient);
  op.sample({{2, 3}}).range(0.5, 2);
  op.sample({{2, 3}}, {{"ord", 1}, {"axis", Shape{0}}}).range(0.5, 2);
  op.sample({{1}}).range(0.5, 2);
  op.sample({{0, 3}}, {{"axis", Shape{1}}});

  OpBuilder<SpreadParams> spread_op(registry, "_spread_like");
  add_reduce_params(spread_op);
  spread_op.param("mean", &SpreadParams::mean);
  spread_op.hidden().input("data").input("like").shape_only({1}).infer_shape(infer_spread).kernel(spread_kernel).gradient(spread_gradient);
  //]
}

}  // namespace mixnet::op::reduce
