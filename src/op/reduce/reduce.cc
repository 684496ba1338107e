// Reductions over axes: sum, mean, prod, nansum, nanprod, max, min, _square_sum.
#include "op/reduce/reduction.h"
#include "op/reduce/stored_reduction.h"

namespace mixnet::op::reduce {
namespace {

using reduction::Mean;
using reduction::Same;

template <class F, class Finish>
void kernel(const ReduceParams& p, const RunContext& r) {
  reduction::reduce<F>(r.in[0], r.out[0], reduced_axes(p, r.in[0].ndim(), "reduce"), Finish());
}

//[full
bool choose(InferStorage& c) {
  const ReduceParams& p = c.params<ReduceParams>();
  return stored_reduction::choose(c, stored_reduction::over(p, p.exclude));
}
template <class F, class Finish>
void stored_kernel(const ReduceParams& p, const RunContext& r) {
  stored_reduction::reduce<F>(r.in[0], r.out[0], stored_reduction::over(p, p.exclude), Finish());
}
void sum_gradient(GradientContext& g) { g.set(0, reduction::spread(g, g.params<ReduceParams>(), g.output_grad(0))); }
void mean_gradient(GradientContext& g) {
  g.set(0, reduction::spread(g, g.params<ReduceParams>(), g.output_grad(0), true));
}
void nansum_gradient(GradientContext& g) {
  const Entry valid = g.make("_equal", {g.input(0), g.input(0)});
  g.set(0, g.make("elemwise_mul", {reduction::spread(g, g.params<ReduceParams>(), g.output_grad(0)), valid}));
}
// Equal extremes all get the gradient.
void extreme_gradient(GradientContext& g) {
  const ReduceParams& p = g.params<ReduceParams>();
  const Entry chosen = g.make("_equal", {g.input(0), reduction::spread(g, p, g.output(0))});
  g.set(0, g.make("elemwise_mul", {reduction::spread(g, p, g.output_grad(0)), chosen}));
}
void square_gradient(GradientContext& g) {
  const Entry dy = reduction::spread(g, g.params<ReduceParams>(), g.output_grad(0));
  g.set(0, g.make("elemwise_mul", {dy, g.make("_mul_scalar", {g.input(0)}, {{"scalar", 2.0}})}));
}
void prod_gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_prod", {g.output_grad(0), g.input(0)})[0]);
}
void nanprod_gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_nanprod", {g.output_grad(0), g.input(0)})[0]);
}

// The gradient of a factor is the product of the others: with one zero only that factor has one, with two none has.
template <bool SkipNan, class T>
void prod_lines(const RunContext& r, const reduction::Geometry& g) {
  using A = accumulator_t<T>;
  const T *dy = r.in[0].as<T>(), *x = r.in[1].as<T>();
  T* dx = r.out[0].as<T>();
  auto skip = [](A v) { return SkipNan && v != v; };
  auto line = [&](int64_t result, int64_t base) {
    double product = 1;
    int64_t zeros = 0;
    g.summed.run(
        [&](const auto& at, int64_t n, const auto& step) {
          for (int64_t i = 0; i < n; ++i) {
            const A v = static_cast<A>(x[base + at[0] + i * step[0]]);
            if (v == 0) ++zeros;
            else if (!skip(v)) product *= static_cast<double>(v);
          }
        },
        reduction::serial);
    product *= static_cast<double>(static_cast<A>(dy[result]));
    g.summed.run(
        [&](const auto& at, int64_t n, const auto& step) {
          for (int64_t i = 0; i < n; ++i) {
            const int64_t k = base + at[0] + i * step[0];
            const A v = static_cast<A>(x[k]);
            double d = 0;
            if (!skip(v) && zeros == (v == 0 ? 1 : 0)) d = v == 0 ? product : product / static_cast<double>(v);
            dx[k] = static_cast<T>(static_cast<A>(d));
          }
        },
        reduction::serial);
  };
  g.kept.run(
      [&](const auto& at, int64_t n, const auto& stride) {
        for (int64_t k = 0; k < n; ++k) line(at[0] + k * stride[0], at[1] + k * stride[1]);
      },
      g.grain());
}
template <bool SkipNan>
void prod_backward(const ReduceParams& p, const RunContext& r) {
  const reduction::Geometry g(r.in[1].shape, reduced_axes(p, r.in[1].ndim(), "prod"));
  dispatch_float(r.in[1].dtype, "prod", [&](auto tag) { prod_lines<SkipNan, typename decltype(tag)::type>(r, g); });
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
void register_backward(Registry& registry, const char* name, void (*kernel)(const ReduceParams&, const RunContext&)) {
  OpBuilder<ReduceParams> op(registry, name);
  add_reduce_params(op);
  op.hidden().input("output_grad").input("data").infer_shape(infer_backward).kernel(kernel);
  op.no_gradient("has no second order");
}
//]
#if defined(MIXNET_PREDICTOR)
constexpr void (*sum_gradient)(GradientContext&) = nullptr, (*mean_gradient)(GradientContext&) = nullptr,
               (*prod_gradient)(GradientContext&) = nullptr, (*nanprod_gradient)(GradientContext&) = nullptr,
               (*nansum_gradient)(GradientContext&) = nullptr, (*extreme_gradient)(GradientContext&) = nullptr,
               (*square_gradient)(GradientContext&) = nullptr;
#endif

struct Row {
  const char *name, *alias;
  void (*kernel)(const ReduceParams&, const RunContext&);
  void (*gradient)(GradientContext&);
  const char* doc;
};
const Row rows[] = {
    {"sum", "sum_axis", kernel<reduction::Sum, Same>, sum_gradient, "The sum over axes"},
    {"mean", "", kernel<reduction::Sum, Mean>, mean_gradient, "The mean over axes"},
    {"prod", "", kernel<reduction::Prod, Same>, prod_gradient, "The product over axes"},
    {"nansum", "", kernel<reduction::NanSum, Same>, nansum_gradient, "The sum over axes, NaN counting as 0"},
    {"nanprod", "", kernel<reduction::NanProd, Same>, nanprod_gradient, "The product over axes, NaN counting as 1"},
    {"max", "max_axis", kernel<reduction::Max, Same>, extreme_gradient, "The largest element over axes"},
    {"min", "min_axis", kernel<reduction::Min, Same>, extreme_gradient, "The smallest element over axes"},
    {"_square_sum", "", kernel<reduction::SquareSum, Same>, square_gradient, "The sum of squares over axes"},
};

}  // namespace

void register_ops(Registry& registry) {
  for (const Row& row : rows) {
    OpBuilder<ReduceParams> op(registry, row.name);
    if (row.alias[0]) op.alias(row.alias);
    add_reduce_params(op);
    op.input("data", "Any shape and dtype.").infer_shape(reduction::infer<ReduceParams>).kernel(row.kernel);
    //[full
    const std::string name = row.name;
    if (name == "sum") op.sparse(choose, stored_kernel<reduction::Sum, Same>);
    if (name == "mean") op.sparse(choose, stored_kernel<reduction::Sum, Mean>);
    if (name == "_square_sum") op.sparse(choose, stored_kernel<reduction::SquareSum, Same>);
    op.doc(std::string(row.doc) + ". A full reduction gives shape (1,).").gradient(row.gradient);
    op.sample({{2, 3, 4}}).range(0.5, 2);
    op.sample({{2, 3, 4}}, {{"axis", Shape{1}}}).range(0.5, 2);
    op.sample({{2, 3, 4}}, {{"axis", Shape{0, 2}}, {"keepdims", true}}).range(0.5, 2);
    op.sample({{2, 3, 4}}, {{"axis", Shape{-1}}, {"exclude", true}}).range(0.5, 2);
    op.sample({{1}}).range(0.5, 2);
    op.sample({{0, 3}}, {{"axis", Shape{1}}});
    //]
  }
  //[full
  register_backward(registry, "_backward_prod", prod_backward<false>);
  register_backward(registry, "_backward_nanprod", prod_backward<true>);
  //]
}

}  // namespace mixnet::op::reduce
