// _linalg_gelqf: A = L Q with L lower triangular and the rows of Q orthonormal, by Householder reflections as LAPACK does it.
#include "op/linalg/matrices.h"
#include "op/linalg/reflections.h"

namespace mixnet::op::linalg_gelqf {
namespace {

void forward(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "linalg_gelqf", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.in[0].shape);
    m.each([&](int64_t i) {
      T* work = static_cast<T*>(r.context.workspace) + i * m.rows * (m.columns + 1);
      std::copy_n(r.in[0].as<T>() + i * m.area(), m.area(), work);
      lq_factor(work, work + m.area(), r.out[0].as<T>() + i * m.area(), r.out[1].as<T>() + i * m.rows * m.rows, m.rows,
                m.columns, Alone());
    });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  const Matrices m(c.inputs[0].shape);
  return std::make_unique<WideKernel<NoParams>>(
      c, forward, static_cast<size_t>(m.count * m.rows * (m.columns + 1)) * sizeof(double));
}
void infer(InferShape& c) {
  c.expect_ndim(0, 2, Shape::max_ndim);
  c.set_in(0, c.out[0]);
  c.set_out(0, c.in[0]);
  if (!c.in[0].ndim_known()) return;
  Shape l = c.in[0];
  const int n = l.ndim();
  if (l[n - 1] >= 0 && l[n - 2] > l[n - 1])
    c.fail(Code::shape, concat("A: expected at least as many columns as rows, got ", l));
  l[n - 1] = l[n - 2];
  c.set_out(1, l);
}

//[full
// dA = L^-T (dQ + S(L^T dL - dQ Q^T) Q), where S copies the lower triangle over the upper one.
void gradient(GradientContext& g) {
  const Entry q = g.output(0), l = g.output(1), dq = g.output_grad(0), dl = g.output_grad(1);
  const Entry one = g.make("_linalg_gemm2", {l, dl}, {{"transpose_a", true}}),
              two = g.make("_linalg_gemm2", {dq, q}, {{"transpose_b", true}});
  const Entry s = g.make("_linalg_copy_lower", {g.make("elemwise_sub", {one, two})});
  const Entry sum = g.make("elemwise_add", {dq, g.make("_linalg_gemm2", {s, q})});
  g.set(0, g.make("_linalg_trsm", {l, sum}, {{"transpose", true}}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> op(registry, "_linalg_gelqf");
  op.alias("linalg_gelqf")
      .input("A", "Matrices with at least as many columns as rows and full rank, float.")
      .outputs({"Q", "L"});
  op.infer_shape(infer).prepare(prepare);
  //[full
  op.doc("The LQ factorisation A = L Q: Q with orthonormal rows, of A's shape, then L, lower triangular.")
      .gradient(gradient);
  op.sample({{2, 3}});
  op.sample({{2, 2, 4}});
  op.sample({{3, 3}});
  op.sample({{1, 1}}).range(0.5, 1);
  op.sample({{0, 2, 3}});
  //]
}

}  // namespace mixnet::op::linalg_gelqf
