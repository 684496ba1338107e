// dot and batch_dot: matrix products.
#include "op/linalg/dot.h"

#include "op/core/bilinear.h"
#include "op/core/gemm.h"
#include "op/core/wide.h"
#include "op/linalg/sparse_dot.h"

namespace mixnet::op::dot {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("transpose_a", &Params::transpose_a).doc("Transposes lhs first.");
  op.param("transpose_b", &Params::transpose_b).doc("Transposes rhs first.");
  op.param("forward_stype", &Params::forward_stype, {"None", "csr", "default", "row_sparse"})
      .doc("The storage kind of the result where an operand is csr; None: dense for csr times dense, else sparse.");
}

template <class T>
void multiply(const Params& p, const Sizes& s, const T* a, const T* b, T* c) {
  gemm<T>(p.transpose_a, p.transpose_b, s.m, s.n, s.k, 1, a, p.transpose_a ? s.m : s.k, b, p.transpose_b ? s.k : s.n, 0,
          c, s.n);
}
void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "dot", [&](auto tag) {
    using T = typename decltype(tag)::type;
    multiply<T>(p, Sizes(p, r.in[0].shape, r.in[1].shape), r.in[0].as<T>(), r.in[1].as<T>(), r.out[0].as<T>());
  });
}
void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  const Shape &a = c.in[0], &b = c.in[1];
  c.expect_ndim(0, 1, Shape::max_ndim);
  c.expect_ndim(1, 1, Shape::max_ndim);
  if (!a.known() || !b.known()) return;
  if (a.ndim() == 1 && b.ndim() == 1 && (p.transpose_a || p.transpose_b))
    c.fail(Code::invalid, "transpose_a, transpose_b: expected False for vectors");
  const Sizes s(p, a, b);
  if (s.k != s.k2)
    c.fail(Code::shape, concat("cannot multiply ", a, p.transpose_a ? " transposed" : "", " by ", b,
                               p.transpose_b ? " transposed" : ""));
  Shape out;
  for (int i = 0; i < a.ndim() - 1; ++i) out.push_back(a[p.transpose_a ? i + 1 : i]);
  for (int i = 0; i < b.ndim() - 1; ++i) out.push_back(b[p.transpose_b ? i : i + 1]);
  if (out.ndim() == 0) out.push_back(1);
  c.set_out(0, out);
}

void batch_forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "batch_dot", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape &a = r.in[0].shape, &b = r.in[1].shape;
    const Sizes s(p, matrix(a), matrix(b));
    const int64_t batch = a.size(0, a.ndim() - 2);
    parallel_for(batch, std::max<int64_t>(1, 100000 / std::max<int64_t>(1, s.m * s.n * s.k)),
                 [&](int64_t first, int64_t last) {
                   for (int64_t i = first; i < last; ++i)
                     multiply<T>(p, s, r.in[0].as<T>() + i * s.m * s.k, r.in[1].as<T>() + i * s.k * s.n,
                                 r.out[0].as<T>() + i * s.m * s.n);
                 });
  });
}
void infer_batch(InferShape& c) {
  const Params& p = c.params<Params>();
  const Shape &a = c.in[0], &b = c.in[1];
  c.expect_ndim(0, 3, Shape::max_ndim);
  if (!a.known() || !b.known()) return;
  c.expect_ndim(1, a.ndim(), a.ndim());
  const Sizes s(p, matrix(a), matrix(b));
  Shape out = a;
  for (int i = 0; i < a.ndim() - 2; ++i)
    if (a[i] != b[i]) c.fail(Code::shape, concat("rhs: expected the batch of ", a, ", got ", b));
  if (s.k != s.k2)
    c.fail(Code::shape, concat("cannot multiply ", a, p.transpose_a ? " transposed" : "", " by ", b,
                               p.transpose_b ? " transposed" : ""));
  out[a.ndim() - 2] = s.m;
  out[a.ndim() - 1] = s.n;
  c.set_out(0, out);
}
template <void (*F)(const Params&, const RunContext&)>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, F, 0);
}

//[full
Entry product(GradientContext& g, const char* op, Entry a, Entry b, bool ta, bool tb) {
  return g.make(op, {std::move(a), std::move(b)}, {{"transpose_a", ta}, {"transpose_b", tb}});
}
// C = A B: dA = dC B^T, dB = A^T dC, and their transposes.
void matrix_gradient(GradientContext& g, const char* op) {
  const Params& p = g.params<Params>();
  const Entry dy = g.output_grad(0), a = g.input(0), b = g.input(1);
  if (g.wants(0))
    g.set(0, p.transpose_a ? product(g, op, b, dy, p.transpose_b, true) : product(g, op, dy, b, false, !p.transpose_b));
  if (g.wants(1))
    g.set(1, p.transpose_b ? product(g, op, dy, a, true, p.transpose_a) : product(g, op, a, dy, !p.transpose_a, false));
}
void batch_gradient(GradientContext& g) { matrix_gradient(g, "batch_dot"); }
// Of any number of axes: a kernel that sees them as matrices.
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "dot", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(p, r.in[1].shape, r.in[2].shape);
    const T *dy = r.in[0].as<T>(), *a = r.in[1].as<T>(), *b = r.in[2].as<T>();
    T *da = r.out[0].as<T>(), *db = r.out[1].as<T>();
    const int64_t lda = p.transpose_a ? s.m : s.k, ldb = p.transpose_b ? s.k : s.n;
    if (da && p.transpose_a) gemm<T>(p.transpose_b, true, s.k, s.m, s.n, 1, b, ldb, dy, s.n, 0, da, s.m);
    if (da && !p.transpose_a) gemm<T>(false, !p.transpose_b, s.m, s.k, s.n, 1, dy, s.n, b, ldb, 0, da, s.k);
    if (db && p.transpose_b) gemm<T>(true, p.transpose_a, s.n, s.k, s.m, 1, dy, s.n, a, lda, 0, db, s.k);
    if (db && !p.transpose_b) gemm<T>(!p.transpose_a, false, s.k, s.n, s.m, 1, a, lda, dy, s.n, 0, db, s.n);
  });
}
void infer_backward(InferShape& c) {
  c.set_out(0, c.in[1]);
  c.set_out(1, c.in[2]);
}
void gradient(GradientContext& g) {
  const auto grads = g.make_backward("_backward_dot", {g.output_grad(0), g.input(0), g.input(1)});
  for (int i = 0; i < 2; ++i)
    if (g.wants(i)) g.set(i, grads[static_cast<size_t>(i)]);
}
// S dy, dense or the rows that are not empty.
template <class T>
void product_rows(const RunContext& r, const TensorView& sparse, const sparse_dot::Matrix<T>& dy, int64_t n) {
  const sparse_dot::Csr s(sparse);
  if (r.out[1].kind == StorageKind::dense)
    return sparse_dot::times_dense<T>(s, sparse.sparse->as<T>(), dy, n, r.out[1].as<T>());
  std::vector<int64_t> rows, begin{0};
  for (int64_t i = 0; i < s.rows; ++i) {
    if (s.begin[i] == s.begin[i + 1]) continue;
    rows.push_back(i);
    begin.push_back(s.begin[i + 1]);
  }
  const SparseView& to = r.context.memory->sparse(1, static_cast<int64_t>(rows.size()));
  std::copy(rows.begin(), rows.end(), to.indices);
  sparse_dot::Csr packed = s;
  packed.rows = to.count;
  packed.begin = begin.data();
  sparse_dot::times_dense<T>(packed, sparse.sparse->as<T>(), dy, n, to.as<T>());
}
// Of the csr operand, as a dense tensor: dy B^T, or its transpose.
template <class T>
void dense_left_gradient(const Params& p, const Sizes& s, const RunContext& r) {
  using A = accumulator_t<T>;
  const T *dy = r.in[0].as<T>(), *b = r.in[2].as<T>();
  for (int64_t i = 0; i < s.m; ++i) {
    for (int64_t k = 0; k < s.k; ++k) {
      A sum = 0;
      for (int64_t j = 0; j < s.n; ++j) sum += static_cast<A>(dy[i * s.n + j]) * static_cast<A>(b[k * s.n + j]);
      r.out[0].as<T>()[p.transpose_a ? k * s.m + i : i * s.k + k] = static_cast<T>(sum);
    }
  }
}
// csr times dense is dense, csr^T times dense row_sparse, dense times csr is csr, dense times csr^T dense.
bool choose_kinds(InferStorage& c) {
  const Params& p = c.params<Params>();
  const bool left = c.in[0] == StorageKind::csr, right = c.in[1] == StorageKind::csr;
  if (left == right) return false;
  for (StorageKind& kind : c.in) {
    if (kind != StorageKind::csr) kind = StorageKind::dense;
  }
  const bool sparse = left ? p.transpose_a : !p.transpose_b;
  const StorageKind preferred = left ? StorageKind::row_sparse : StorageKind::csr;
  const bool dense = !sparse || p.forward_stype == Storage::dense;
  c.prefer_out(0, dense ? StorageKind::dense : preferred);
  return c.out[0] == StorageKind::dense || (sparse && c.out[0] == preferred);
}
void sparse_forward(const Params& p, const RunContext& r) {
  const TensorView &a = r.in[0], &b = r.in[1];
  dispatch_float(a.dtype, "dot", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(p, a.shape, b.shape);
    if (a.kind == StorageKind::csr) {
      const sparse_dot::Matrix<T> right(b.as<T>(), s.k, s.n, p.transpose_b);
      if (p.transpose_a) sparse_dot::give_transposed_product<T>(r, 0, a, right, s.n);
      else sparse_dot::times_dense<T>(sparse_dot::Csr(a), a.sparse->as<T>(), right, s.n, r.out[0].as<T>());
      return;
    }
    const sparse_dot::Matrix<T> left(a.as<T>(), s.m, s.k, p.transpose_a);
    sparse_dot::give_dense_times<T>(r, 0, left, s.m, b, p.transpose_b);
  });
}
// Of csr times dense: the gradient of the dense operand, row_sparse unless something else is asked for.
bool choose_backward_kinds(InferStorage& c) {
  const Params& p = c.params<Params>();
  if (c.in[1] != StorageKind::csr || p.transpose_b) return false;
  c.in[0] = c.in[2] = StorageKind::dense;
  c.out[0] = StorageKind::dense;
  c.prefer_out(1, StorageKind::row_sparse);
  return c.out[1] != StorageKind::csr;
}
void sparse_backward(const Params& p, const RunContext& r) {
  const TensorView &a = r.in[1], &b = r.in[2];
  dispatch_float(a.dtype, "dot", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(p, a.shape, b.shape);
    const sparse_dot::Matrix<T> dy(r.in[0].as<T>(), s.m, s.n, false);
    const bool wanted = r.out[1].data || r.out[1].sparse;
    if (wanted && !p.transpose_a) {
      sparse_dot::give_transposed_product<T>(r, 1, a, dy, s.n);
    } else if (wanted) {
      product_rows<T>(r, a, dy, s.n);
    }
    if (r.out[0].data) dense_left_gradient<T>(p, s, r);
  });
}
void second_gradient(GradientContext& g) { bilinear_gradient(g, "dot", "_backward_dot", false); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "dot");
  add_params(op);
  op.input("lhs", "(..., k).").input("rhs", "(k, ...).").infer_shape(infer).prepare(prepare<forward>);
  OpBuilder<Params> batch(registry, "batch_dot");
  add_params(batch);
  batch.input("lhs", "(batch..., m, k).")
      .input("rhs", "(batch..., k, n).")
      .infer_shape(infer_batch)
      .prepare(prepare<batch_forward>);
  //[full
  op.sparse(choose_kinds, sparse_forward);
  op.doc(
        "Contracts the last axis of lhs with the first of rhs: the matrix product of two matrices, the inner product "
        "of two vectors.")
      .gradient(gradient);
  batch.doc("The matrix product of every pair of matrices.").gradient(batch_gradient);
  for (bool ta : {false, true}) {
    for (bool tb : {false, true}) {
      op.sample({ta ? Shape{3, 2} : Shape{2, 3}, tb ? Shape{4, 3} : Shape{3, 4}},
                {{"transpose_a", ta}, {"transpose_b", tb}});
      batch.sample({ta ? Shape{2, 3, 2} : Shape{2, 2, 3}, tb ? Shape{2, 4, 3} : Shape{2, 3, 4}},
                   {{"transpose_a", ta}, {"transpose_b", tb}});
    }
  }
  op.sample({{3}, {3}});
  op.sample({{2, 2, 3}, {3, 2}});
  op.sample({{1}, {1}});
  op.sample({{0, 3}, {3, 2}});
  batch.sample({{1, 1, 1}, {1, 1, 1}});
  batch.sample({{0, 2, 3}, {0, 3, 2}});
  OpBuilder<Params> grad(registry, "_backward_dot");
  add_params(grad);
  grad.hidden()
      .input("output_grad")
      .input("lhs")
      .input("rhs")
      .outputs({"lhs", "rhs"})
      .optional_outputs()
      .infer_shape(infer_backward)
      .prepare(prepare<backward>);
  grad.gradient(second_gradient).sparse(choose_backward_kinds, sparse_backward);
  //]
}

}  // namespace mixnet::op::dot
