// _linalg_trmm and _linalg_trsm: products with triangular matrices, and triangular systems solved. Only the triangle of A is read.
#include "op/linalg/linalg_trsm.h"
#include "op/linalg/matrices.h"

namespace mixnet::op::linalg_trsm {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("transpose", &Params::transpose).doc("Uses the transposed A.");
  op.param("rightside", &Params::rightside).doc("A stands right of the other matrix.");
  op.param("lower", &Params::lower).doc("A is lower triangular; else upper triangular.");
  op.param("alpha", &Params::alpha).doc("Multiplies the result.");
}

// y = alpha op(A) B, or alpha B op(A).
template <class T>
void multiply(const Params& p, const Triangle<T>& t, const T* b, T* y, int64_t rows, int64_t columns) {
  const T alpha = static_cast<T>(p.alpha);
  std::fill_n(y, rows * columns, T(0));
  for (int64_t i = 0; i < rows; ++i) {
    if (!p.rightside) {
      for (int64_t k = t.row_first(i); k < t.row_last(i); ++k) {
        const T factor = alpha * t.at(i, k);
        for (int64_t j = 0; j < columns; ++j) y[i * columns + j] += factor * b[k * columns + j];
      }
      continue;
    }
    for (int64_t k = 0; k < columns; ++k) {
      const T factor = alpha * b[i * columns + k];
      for (int64_t j = t.row_first(k); j < t.row_last(k); ++j) y[i * columns + j] += factor * t.at(k, j);
    }
  }
}

// op(A) X = alpha B, or X op(A) = alpha B, by substitution in X.
template <class T>
void solve(const Params& p, const Triangle<T>& t, const T* b, T* x, int64_t rows, int64_t columns) {
  for (int64_t e = 0; e < rows * columns; ++e) x[e] = static_cast<T>(p.alpha) * b[e];
  const int64_t n = t.n;
  if (!p.rightside) {
    for (int64_t step = 0; step < n; ++step) {
      const int64_t i = t.lower ? step : n - 1 - step;
      for (int64_t k = t.lower ? 0 : i + 1; k < (t.lower ? i : n); ++k) {
        for (int64_t j = 0; j < columns; ++j) x[i * columns + j] -= t.at(i, k) * x[k * columns + j];
      }
      for (int64_t j = 0; j < columns; ++j) x[i * columns + j] /= t.at(i, i);
    }
    return;
  }
  for (int64_t row = 0; row < rows; ++row) {
    T* line = x + row * columns;
    for (int64_t step = 0; step < n; ++step) {
      const int64_t k = t.lower ? n - 1 - step : step;
      line[k] /= t.at(k, k);
      for (int64_t j = t.lower ? 0 : k + 1; j < (t.lower ? k : n); ++j) line[j] -= line[k] * t.at(k, j);
    }
  }
}

template <bool Solve>
void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, Solve ? "linalg_trsm" : "linalg_trmm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices a(r.in[0].shape), b(r.in[1].shape);
    b.each([&](int64_t i) {
      const Triangle<T> t(p, r.in[0].as<T>() + i * a.area(), a.rows);
      const T* in = r.in[1].as<T>() + i * b.area();
      T* out = r.out[0].as<T>() + i * b.area();
      Solve ? solve(p, t, in, out, b.rows, b.columns) : multiply(p, t, in, out, b.rows, b.columns);
    });
  });
}
template <bool Solve>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, forward<Solve>, 0);
}

void infer(InferShape& c) {
  c.expect_ndim(1, 2, Shape::max_ndim);
  c.set_in(1, c.out[0]);
  const Shape b = c.in[1];
  if (b.ndim_known()) {
    const int64_t n = b[c.params<Params>().rightside ? b.ndim() - 1 : b.ndim() - 2];
    Shape a = b;
    a[b.ndim() - 1] = a[b.ndim() - 2] = n;
    c.set_in(0, a);
    c.set_out(0, b);
  }
  infer_square(c, 0);
}

//[full
// The outer product x y^T or y x^T that fits op(A), cut to A's triangle.
Entry triangle_of(GradientContext& g, const Entry& x, const Entry& y, double alpha) {
  const Params& p = g.params<Params>();
  const bool swapped = p.transpose, right = p.rightside;
  const Attributes attributes{{right ? "transpose_a" : "transpose_b", true}, {"alpha", alpha}};
  const Entry full = g.make("_linalg_gemm2", swapped ? std::vector<Entry>{y, x} : std::vector<Entry>{x, y}, attributes);
  const Attributes part{{"lower", p.lower}};
  return g.make("_linalg_maketrian", {g.make("_linalg_extracttrian", {full}, part)}, part);
}
Entry with_transposed(GradientContext& g, const char* op, double alpha) {
  const Params& p = g.params<Params>();
  const Attributes attributes{
      {"transpose", !p.transpose}, {"rightside", p.rightside}, {"lower", p.lower}, {"alpha", alpha}};
  return g.make(op, {g.input(0), g.output_grad(0)}, attributes);
}
// Left: dA = alpha dY B^T; right: dA = alpha B^T dY.
void multiply_gradient(GradientContext& g) {
  const Params& p = g.params<Params>();
  const Entry dy = g.output_grad(0), b = g.input(1);
  if (g.wants(0)) g.set(0, p.rightside ? triangle_of(g, b, dy, p.alpha) : triangle_of(g, dy, b, p.alpha));
  if (g.wants(1)) g.set(1, with_transposed(g, "_linalg_trmm", p.alpha));
}
// With Z the solution for dX and the transposed op(A): left dA = -Z X^T, right dA = -X^T Z, dB = alpha Z.
void solve_gradient(GradientContext& g) {
  const Params& p = g.params<Params>();
  const Entry x = g.output(0), z = with_transposed(g, "_linalg_trsm", 1);
  if (g.wants(0)) g.set(0, p.rightside ? triangle_of(g, x, z, -1) : triangle_of(g, z, x, -1));
  if (g.wants(1)) g.set(1, p.alpha == 1 ? z : g.make("_mul_scalar", {z}, {{"scalar", p.alpha}}));
}
void add_samples(OpBuilder<Params>& op) {
  for (int k = 0; k < 8; ++k) {
    const bool right = (k & 2) != 0;
    op.sample({{2, 2, 2}, right ? Shape{2, 3, 2} : Shape{2, 2, 3}},
              {{"transpose", (k & 1) != 0}, {"rightside", right}, {"lower", (k & 4) != 0}, {"alpha", 1.5}})
        .range(0.5, 1);
  }
  op.sample({{1, 1}, {1, 1}}).range(0.5, 1);
  op.sample({{0, 2, 2}, {0, 2, 1}});
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> product(registry, "_linalg_trmm");
  add_params(product);
  product.alias("linalg_trmm")
      .input("A", "Triangular matrices, float.")
      .input("B", "As many matrices.")
      .infer_shape(infer)
      .prepare(prepare<false>);
  OpBuilder<Params> system(registry, "_linalg_trsm");
  add_params(system);
  system.alias("linalg_trsm")
      .input("A", "Triangular matrices, float.")
      .input("B", "As many matrices.")
      .infer_shape(infer)
      .prepare(prepare<true>);
  //[full
  product.doc("alpha op(A) B, or alpha B op(A), for triangular A; op transposes or not.").gradient(multiply_gradient);
  system.doc("X with op(A) X = alpha B, or X op(A) = alpha B, for triangular A; op transposes or not.")
      .gradient(solve_gradient);
  add_samples(product);
  add_samples(system);
  //]
}

}  // namespace mixnet::op::linalg_trsm
