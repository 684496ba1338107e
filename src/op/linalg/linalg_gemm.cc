// _linalg_gemm and _linalg_gemm2: alpha op(A) op(B) + beta C for batches of matrices.
//
// A matrix has its rows along `axis` and its columns along the last axis; all other axes count matrices.
#include "op/linalg/linalg_gemm.h"

#include "op/core/gemm.h"
#include "op/core/wide.h"

namespace mixnet::op::linalg_gemm {
namespace {

// Scales C before the product is added; beta 0 does not read it.
template <class T>
void prepare_sum(const Params& p, const RunContext& r) {
  const T *c = r.in[2].as<T>(), beta = static_cast<T>(p.beta);
  T* y = r.out[0].as<T>();
  parallel_for(r.out[0].size(), 16384, [=](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) y[i] = beta == 0 ? T(0) : beta * c[i];
  });
}

template <bool Sum>
void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "linalg_gemm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices a(r.in[0].shape, p.axis), b(r.in[1].shape, p.axis), y(r.out[0].shape, p.axis);
    if constexpr (Sum) prepare_sum<T>(p, r);
    const int64_t k = p.transpose_a ? a.rows : a.columns;
    const int64_t work = std::max<int64_t>(1, y.rows * y.columns * k);
    parallel_for(y.count(), std::max<int64_t>(1, 100000 / work), [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        gemm<T>(p.transpose_a, p.transpose_b, y.rows, y.columns, k, static_cast<T>(p.alpha), r.in[0].as<T>() + a.at(i),
                a.pitch(), r.in[1].as<T>() + b.at(i), b.pitch(), T(Sum), r.out[0].as<T>() + y.at(i), y.pitch());
      }
    });
  });
}
template <bool Sum>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, forward<Sum>, 0);
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  const Shape &a = c.in[0], &b = c.in[1];
  c.expect_ndim(0, 2, Shape::max_ndim);
  if (!a.known() || !b.known()) return;
  c.expect_ndim(1, a.ndim(), a.ndim());
  const int axis = normalize_axis(p.axis, a.ndim(), c.place().c_str()), last = a.ndim() - 1;
  if (axis == last) c.fail(Code::invalid, concat("axis: expected another than the last, got ", p.axis));
  for (int i = 0; i < last; ++i) {
    if (i != axis && a[i] != b[i])
      c.fail(Code::shape, concat("B: expected the extents of ", a, " but for a matrix, got ", b));
  }
  if (a[p.transpose_a ? axis : last] != b[p.transpose_b ? last : axis]) {
    const char *ta = p.transpose_a ? " transposed" : "", *tb = p.transpose_b ? " transposed" : "";
    c.fail(Code::shape, concat("cannot multiply ", a, ta, " by ", b, tb));
  }
  Shape out = a;
  out[axis] = a[p.transpose_a ? last : axis];
  out[last] = b[p.transpose_b ? axis : last];
  c.set_out(0, out);
  if (c.num_inputs() > 2) c.set_in(2, out);
}

//[full
// dA = alpha dY op(B)^T and dB = alpha op(A)^T dY, transposed when A or B is.
void product(GradientContext& g, int input, Entry x, Entry y, bool tx, bool ty) {
  const Params& p = g.params<Params>();
  const Attributes attributes{{"transpose_a", tx}, {"transpose_b", ty}, {"alpha", p.alpha}, {"axis", p.axis}};
  g.set(input, g.make("_linalg_gemm2", {std::move(x), std::move(y)}, attributes));
}
void gradient(GradientContext& g) {
  const Params& p = g.params<Params>();
  const Entry dy = g.output_grad(0);
  if (g.wants(0) && p.transpose_a) product(g, 0, g.input(1), dy, p.transpose_b, true);
  if (g.wants(0) && !p.transpose_a) product(g, 0, dy, g.input(1), false, !p.transpose_b);
  if (g.wants(1) && p.transpose_b) product(g, 1, dy, g.input(0), true, p.transpose_a);
  if (g.wants(1) && !p.transpose_b) product(g, 1, g.input(0), dy, !p.transpose_a, false);
  if (g.num_inputs() > 2 && g.wants(2)) g.set(2, g.make("_mul_scalar", {dy}, {{"scalar", p.beta}}));
}
void add_samples(OpBuilder<Params>& sum, OpBuilder<Params>& plain) {
  sum.doc(
      "alpha op(A) op(B) + beta C, where op transposes or not. Rows stand along axis, columns along the last axis.");
  plain.doc("alpha op(A) op(B), where op transposes or not. Rows stand along axis, columns along the last axis.");
  for (bool ta : {false, true}) {
    for (bool tb : {false, true}) {
      const Shape a = ta ? Shape{2, 4, 3} : Shape{2, 3, 4}, b = tb ? Shape{2, 2, 4} : Shape{2, 4, 2};
      const Attributes attributes{{"transpose_a", ta}, {"transpose_b", tb}, {"alpha", 1.5}};
      plain.sample({a, b}, attributes);
      sum.sample({a, b, {2, 3, 2}}, attributes);
    }
  }
  plain.sample({{3, 2, 4}, {4, 2, 5}}, {{"axis", 0}});
  sum.sample({{2, 3, 2, 4}, {2, 4, 2, 3}, {2, 3, 2, 3}}, {{"axis", -3}, {"beta", 0.5}});
  sum.sample({{1, 1}, {1, 1}, {1, 1}});
  sum.sample({{0, 2, 3}, {0, 3, 2}, {0, 2, 2}});
  plain.sample({{1, 1}, {1, 1}});
  plain.sample({{2, 0}, {0, 2}});
  sum.gradient(gradient);
  plain.gradient(gradient);
}
//]

void add_transposes(OpBuilder<Params>& op) {
  op.param("transpose_a", &Params::transpose_a).doc("Transposes A first.");
  op.param("transpose_b", &Params::transpose_b).doc("Transposes B first.");
  op.param("alpha", &Params::alpha).doc("Multiplies the product.");
}
void add_axis(OpBuilder<Params>& op) { op.param("axis", &Params::axis).doc("The axis of rows."); }

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> sum(registry, "_linalg_gemm");
  sum.alias("linalg_gemm");
  add_transposes(sum);
  sum.param("beta", &Params::beta).doc("Multiplies C.");
  add_axis(sum);
  sum.input("A", "Matrices, float.").input("B", "As many matrices.").input("C", "Matrices of the output's shape.");
  sum.inplace(2, 0).infer_shape(infer).prepare(prepare<true>);
  OpBuilder<Params> plain(registry, "_linalg_gemm2");
  plain.alias("linalg_gemm2");
  add_transposes(plain);
  add_axis(plain);
  plain.input("A", "Matrices, float.").input("B", "As many matrices.").infer_shape(infer).prepare(prepare<false>);
  //[full
  add_samples(sum, plain);
  //]
}

}  // namespace mixnet::op::linalg_gemm
