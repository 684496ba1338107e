// _linalg_syrk: alpha A A^T, or alpha A^T A.
#include "op/linalg/linalg_syrk.h"

#include "op/core/gemm.h"
#include "op/linalg/matrices.h"

namespace mixnet::op::linalg_syrk {
namespace {

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "linalg_syrk", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices a(r.in[0].shape), y(r.out[0].shape);
    const int64_t k = p.transpose ? a.rows : a.columns;
    a.each([&](int64_t i) {
      const T* x = r.in[0].as<T>() + i * a.area();
      gemm<T>(p.transpose, !p.transpose, y.rows, y.rows, k, static_cast<T>(p.alpha), x, a.columns, x, a.columns, T(0),
              r.out[0].as<T>() + i * y.area(), y.rows);
    });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, forward, 0); }

void infer(InferShape& c) {
  c.expect_ndim(0, 2, Shape::max_ndim);
  if (!c.in[0].ndim_known()) return;
  Shape out = c.in[0];
  const int n = out.ndim();
  out[n - 1] = out[n - 2] = c.in[0][c.params<Params>().transpose ? n - 1 : n - 2];
  c.set_out(0, out);
}

//[full
// dA = alpha (dY + dY^T) A, or alpha A (dY + dY^T).
void gradient(GradientContext& g) {
  const Params& p = g.params<Params>();
  const Entry dy = g.output_grad(0), a = g.input(0);
  auto term = [&](bool transposed) {
    const Attributes attributes{{p.transpose ? "transpose_b" : "transpose_a", transposed}, {"alpha", p.alpha}};
    return g.make("_linalg_gemm2", p.transpose ? std::vector<Entry>{a, dy} : std::vector<Entry>{dy, a}, attributes);
  };
  const Entry one = term(false), two = term(true);
  g.set(0, g.make("elemwise_add", {one, two}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_linalg_syrk");
  op.alias("linalg_syrk");
  op.param("transpose", &Params::transpose).doc("A^T A instead of A A^T.");
  op.param("alpha", &Params::alpha).doc("Multiplies the product.");
  op.input("A", "Matrices, float.").infer_shape(infer).prepare(prepare);
  //[full
  op.doc("alpha A A^T, or alpha A^T A, for batches of matrices.").gradient(gradient);
  for (bool transpose : {false, true}) op.sample({{2, 2, 3}}, {{"transpose", transpose}, {"alpha", 1.5}});
  op.sample({{1, 1}});
  op.sample({{0, 2, 3}});
  //]
}

}  // namespace mixnet::op::linalg_syrk
