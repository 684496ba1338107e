// _linalg_inverse, _linalg_det and _linalg_slogdet, by Gaussian elimination.
#include "op/linalg/elimination.h"
#include "op/linalg/matrices.h"

namespace mixnet::op::linalg_inverse {
namespace {

// A copy of each matrix is taken apart in workspace.
template <class T>
T* copy_of(const RunContext& r, const TensorView& a, const Matrices& m, int64_t i, int64_t copies) {
  T* work = static_cast<T*>(r.context.workspace) + i * copies * m.area();
  std::copy_n(a.as<T>() + i * m.area(), m.area(), work);
  return work;
}
template <void (*body)(const NoParams&, const RunContext&), int input, int copies>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  const size_t size = static_cast<size_t>(c.inputs[input].size()) * copies * sizeof(double);
  return std::make_unique<WideKernel<NoParams>>(c, body, size);
}

void inverse(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "linalg_inverse", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.in[0].shape);
    m.each([&](int64_t i) {
      const bool good = invert(copy_of<T>(r, r.in[0], m, i, 1), r.out[0].as<T>() + i * m.area(), m.rows, Alone());
      MIXNET_CHECK(good, invalid, "[linalg_inverse] A: expected invertible matrices, number ", i, " is singular");
    });
  });
}
void det(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "linalg_det", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.in[0].shape);
    m.each([&](int64_t i) {
      const auto [sign, log] = sign_and_log(copy_of<T>(r, r.in[0], m, i, 1), m.rows, Alone());
      r.out[0].as<T>()[i] = sign * std::exp(log);
    });
  });
}
void slogdet(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "linalg_slogdet", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.in[0].shape);
    m.each([&](int64_t i) {
      const auto [sign, log] = sign_and_log(copy_of<T>(r, r.in[0], m, i, 1), m.rows, Alone());
      r.out[0].as<T>()[i] = sign;
      r.out[1].as<T>()[i] = log;
    });
  });
}
void infer_numbers(InferShape& c) {
  if (!infer_square(c, 0)) return;
  for (size_t i = 0; i < c.out.size(); ++i) c.set_out(static_cast<int>(i), one_per_matrix(c.in[0]));
}

//[full
// dA = -B^T dB B^T with B the inverse.
void inverse_gradient(GradientContext& g) {
  const Entry b = g.output(0), left = g.make("_linalg_gemm2", {b, g.output_grad(0)}, {{"transpose_a", true}});
  g.set(0, g.make("_linalg_gemm2", {left, b}, {{"transpose_b", true}, {"alpha", -1.0}}));
}
// (factor, A): factor times the transposed inverse, 0 for a singular matrix.
void times_inverse(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[1].dtype, "linalg_det", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.in[1].shape);
    const int64_t n = m.rows;
    m.each([&](int64_t i) {
      T *work = copy_of<T>(r, r.in[1], m, i, 2), *inverted = work + m.area(), *dx = r.out[0].as<T>() + i * m.area();
      const T factor = invert(work, inverted, n, Alone()) ? r.in[0].as<T>()[i] : T(0);
      for (int64_t e = 0; e < n * n; ++e) dx[e] = factor == 0 ? T(0) : factor * inverted[e % n * n + e / n];
    });
  });
}
void infer_times(InferShape& c) { c.set_out(0, c.in[1]); }
void det_gradient(GradientContext& g) {
  const Entry factor = g.make("elemwise_mul", {g.output_grad(0), g.output(0)});
  g.set(0, g.make("_backward_linalg_det", {factor, g.input(0)}));
}
void slogdet_gradient(GradientContext& g) { g.set(0, g.make("_backward_linalg_det", {g.output_grad(1), g.input(0)})); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> inverted(registry, "_linalg_inverse");
  inverted.alias("linalg_inverse")
      .input("A", "Square invertible matrices, float.")
      .infer_shape(infer_square_same)
      .prepare(prepare<inverse, 0, 1>);
  OpBuilder<> determinant(registry, "_linalg_det");
  determinant.alias("linalg_det")
      .input("A", "Square matrices, float.")
      .infer_shape(infer_numbers)
      .prepare(prepare<det, 0, 1>);
  OpBuilder<> logarithm(registry, "_linalg_slogdet");
  logarithm.alias("linalg_slogdet").input("A", "Square matrices, float.").outputs({"sign", "logabsdet"});
  logarithm.infer_shape(infer_numbers).prepare(prepare<slogdet, 0, 1>);
  //[full
  inverted.doc("The inverse of each matrix; a singular one is an error, on a GPU it gives NaN.")
      .gradient(inverse_gradient);
  determinant.doc("The determinant of each matrix: one number per matrix, (1,) for a single one.")
      .gradient(det_gradient);
  logarithm.doc("Sign and logarithm of the absolute determinant of each matrix: 0 and -infinity for a singular one.")
      .gradient(slogdet_gradient);
  for (OpBuilder<>* op : {&inverted, &determinant, &logarithm}) {
    op->sample({{3, 3}});
    op->sample({{2, 2, 2}});
    op->sample({{2, 1, 4, 4}});
    op->sample({{1, 1}}).range(0.5, 1);
    op->sample({{0, 2, 2}});
  }
  OpBuilder<> back(registry, "_backward_linalg_det");
  back.hidden().input("factor").input("A").infer_shape(infer_times).prepare(prepare<times_inverse, 1, 2>);
  back.no_gradient("compose it from linalg_inverse for higher orders");
  //]
}

}  // namespace mixnet::op::linalg_inverse
