// _linalg_syevd: eigenvalues and eigenvectors of symmetric matrices, by Jacobi rotations.
//
// A = U^T diag(L) U: the rows of U are the eigenvectors, eigenvalues ascend. The largest element of every eigenvector is positive.
#include <algorithm>
#include <cmath>

#include "op/linalg/jacobi.h"
#include "op/linalg/matrices.h"

namespace mixnet::op::linalg_syevd {
namespace {

void forward(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "linalg_syevd", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.in[0].shape);
    m.each([&](int64_t i) {
      T* work = static_cast<T*>(r.context.workspace) + i * 2 * m.area();
      eigenvectors(r.in[0].as<T>() + i * m.area(), work, work + m.area(), r.out[0].as<T>() + i * m.area(),
                   r.out[1].as<T>() + i * m.rows, m.rows, Alone());
    });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<WideKernel<NoParams>>(c, forward,
                                                static_cast<size_t>(c.inputs[0].size()) * 2 * sizeof(double));
}
void infer(InferShape& c) {
  c.set_in(0, c.out[0]);
  if (!infer_square(c, 0)) return;
  c.set_out(0, c.in[0]);
  c.set_out(1, Shape(c.in[0].data(), c.in[0].ndim() - 1));
}

//[full
// (dU, dL, U, L): the symmetric matrix M of dA = U^T M U. Off the diagonal (dU U^T)_ij / (L_i - L_j), with equal eigenvalues kept apart.
void middle(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "linalg_syevd", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.in[0].shape);
    const int64_t n = m.rows;
    m.each([&](int64_t item) {
      const T *du = r.in[0].as<T>() + item * m.area(), *dl = r.in[1].as<T>() + item * n,
              *u = r.in[2].as<T>() + item * m.area(), *l = r.in[3].as<T>() + item * n;
      T* y = r.out[0].as<T>() + item * m.area();
      for (int64_t i = 0; i < n; ++i) {
        y[i * n + i] = dl[i];
        for (int64_t j = 0; j < i; ++j) {
          T sum = 0;
          for (int64_t k = 0; k < n; ++k) sum += du[i * n + k] * u[j * n + k] - du[j * n + k] * u[i * n + k];
          const T least = std::numeric_limits<T>::epsilon() * std::max(std::fabs(l[i]), std::fabs(l[j])) +
                          std::numeric_limits<T>::min();
          y[i * n + j] = y[j * n + i] = sum / (2 * std::max(l[i] - l[j], least));
        }
      }
    });
  });
}
std::unique_ptr<Kernel> prepare_middle(const PrepareContext& c) {
  return std::make_unique<WideKernel<NoParams>>(c, middle, 0);
}
void infer_middle(InferShape& c) { c.set_out(0, c.in[2]); }
void gradient(GradientContext& g) {
  const Entry u = g.output(0),
              m = g.make("_backward_linalg_syevd", {g.output_grad(0), g.output_grad(1), u, g.output(1)});
  g.set(0, g.make("_linalg_gemm2", {g.make("_linalg_gemm2", {u, m}, {{"transpose_a", true}}), u}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> op(registry, "_linalg_syevd");
  op.alias("linalg_syevd")
      .input("A", "Symmetric matrices, float; the lower triangle is read.")
      .outputs({"U", "L"})
      .infer_shape(infer)
      .prepare(prepare);
  //[full
  op.doc(
      "Eigenvectors as the rows of U and eigenvalues L, ascending, of symmetric matrices: A = U^T diag(L) U. The "
      "gradient is symmetric and holds for distinct eigenvalues.");
  op.gradient(gradient);
  // The gradient is spread over both triangles, of which differences see one.
  op.sample({{2, 2, 2}}).not_differentiable();
  op.sample({{3, 3}}).not_differentiable();
  op.sample({{2, 1, 1}});
  op.sample({{1, 1}});
  op.sample({{0, 2, 2}});
  OpBuilder<> back(registry, "_backward_linalg_syevd");
  for (const char* name : {"U_grad", "L_grad", "U", "L"}) back.input(name);
  back.hidden()
      .infer_shape(infer_middle)
      .prepare(prepare_middle)
      .no_gradient("the second derivative of eigenvectors is not provided");
  //]
}

}  // namespace mixnet::op::linalg_syevd
