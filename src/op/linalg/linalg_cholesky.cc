// _linalg_potrf: A = L L^T with L lower triangular (Cholesky). _linalg_potri: (L L^T)^-1 from L.
#include "op/linalg/cholesky.h"
#include "op/linalg/matrices.h"

namespace mixnet::op::linalg_cholesky {
namespace {

void potrf(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "linalg_potrf", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.in[0].shape);
    m.each([&](int64_t i) {
      const bool good = cholesky(r.in[0].as<T>() + i * m.area(), r.out[0].as<T>() + i * m.area(), m.rows, Alone());
      MIXNET_CHECK(good, invalid, "[linalg_potrf] A: expected positive definite matrices, number ", i, " is not");
    });
  });
}

// With W = L^-1 (lower triangular, in workspace), the result is W^T W.
void potri(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "linalg_potri", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.in[0].shape);
    const int64_t n = m.rows;
    m.each([&](int64_t item) {
      const T* l = r.in[0].as<T>() + item * m.area();
      T *w = static_cast<T*>(r.context.workspace) + item * m.area(), *b = r.out[0].as<T>() + item * m.area();
      std::fill_n(w, n * n, T(0));
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t k = 0; k < i; ++k) {
          for (int64_t j = 0; j <= k; ++j) w[i * n + j] -= l[i * n + k] * w[k * n + j];
        }
        w[i * n + i] = 1;
        for (int64_t j = 0; j <= i; ++j) w[i * n + j] /= l[i * n + i];
      }
      std::fill_n(b, n * n, T(0));
      for (int64_t k = 0; k < n; ++k) {
        for (int64_t i = 0; i <= k; ++i) {
          for (int64_t j = 0; j <= k; ++j) b[i * n + j] += w[k * n + i] * w[k * n + j];
        }
      }
    });
  });
}
std::unique_ptr<Kernel> prepare_potrf(const PrepareContext& c) {
  return std::make_unique<WideKernel<NoParams>>(c, potrf, 0);
}
std::unique_ptr<Kernel> prepare_potri(const PrepareContext& c) {
  return std::make_unique<WideKernel<NoParams>>(c, potri, static_cast<size_t>(c.inputs[0].size()) * sizeof(double));
}

//[full
// dA = L^-T S(L^T dL) L^-1 / 2 (Murray, 2016), where S copies the lower triangle over the upper one.
void potrf_gradient(GradientContext& g) {
  const Entry l = g.output(0);
  const Entry s =
      g.make("_linalg_copy_lower", {g.make("_linalg_gemm2", {l, g.output_grad(0)}, {{"transpose_a", true}})});
  const Entry left = g.make("_linalg_trsm", {l, s}, {{"transpose", true}, {"alpha", 0.5}});
  g.set(0, g.make("_linalg_trsm", {l, left}, {{"rightside", true}}));
}
// With B the result: dL = -B (dB + dB^T) L^-T, of which the lower triangle counts.
void potri_gradient(GradientContext& g) {
  const Entry b = g.output(0), db = g.output_grad(0), l = g.input(0);
  const Entry sum = g.make(
      "elemwise_add", {g.make("_linalg_gemm2", {b, db}), g.make("_linalg_gemm2", {b, db}, {{"transpose_b", true}})});
  const Entry full = g.make("_linalg_trsm", {l, sum}, {{"transpose", true}, {"rightside", true}, {"alpha", -1.0}});
  g.set(0, g.make("_linalg_maketrian", {g.make("_linalg_extracttrian", {full})}));
}
void copy_lower(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "linalg_copy_lower", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.in[0].shape);
    const int64_t n = m.rows;
    m.each([&](int64_t item) {
      const T* x = r.in[0].as<T>() + item * m.area();
      T* y = r.out[0].as<T>() + item * m.area();
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j <= i; ++j) y[i * n + j] = y[j * n + i] = x[i * n + j];
      }
    });
  });
}
std::unique_ptr<Kernel> prepare_copy(const PrepareContext& c) {
  return std::make_unique<WideKernel<NoParams>>(c, copy_lower, 0);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> root(registry, "_linalg_potrf");
  root.alias("linalg_potrf")
      .input("A", "Symmetric positive definite matrices, float; the lower triangle is read.")
      .infer_shape(infer_square_same)
      .prepare(prepare_potrf);
  OpBuilder<> back(registry, "_linalg_potri");
  back.alias("linalg_potri")
      .input("A", "Lower triangular matrices, float.")
      .infer_shape(infer_square_same)
      .prepare(prepare_potri);
  //[full
  root.doc(
          "The Cholesky factor: L, lower triangular, with L L^T = A. A matrix that is not positive definite is an "
          "error; on a GPU it gives NaN.")
      .gradient(potrf_gradient);
  back.doc("The inverse of A A^T for lower triangular A: the inverse of a matrix from its Cholesky factor.")
      .gradient(potri_gradient);
  // Random matrices are positive definite only if they are single numbers.
  root.sample({{3, 1, 1}}).range(0.5, 2);
  root.sample({{1, 1}}).range(0.5, 2);
  root.sample({{0, 2, 2}});
  back.sample({{3, 3}}).range(0.5, 1);
  back.sample({{2, 2, 2}}).range(0.5, 1);
  back.sample({{1, 1}}).range(0.5, 2);
  back.sample({{0, 2, 2}});
  OpBuilder<> copy(registry, "_linalg_copy_lower");
  copy.hidden()
      .input("A")
      .infer_shape(infer_square_same)
      .prepare(prepare_copy)
      .no_gradient("serves the gradient of potrf and gelqf");
  //]
}

}  // namespace mixnet::op::linalg_cholesky
