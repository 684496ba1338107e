// _scatter_elemwise_div, _scatter_plus_scalar, _scatter_minus_scalar: arithmetic on what a sparse tensor stores, zeros left alone.
#include "op/elemwise/sparse_binary.h"

namespace mixnet::op::scatter {
namespace {

//[full
bool rows_over_dense(InferStorage& c) {
  if (c.in[0] != StorageKind::row_sparse) return false;
  c.in[1] = StorageKind::dense;
  c.prefer_out(0, StorageKind::row_sparse);
  return c.out[0] == StorageKind::row_sparse;
}
//]

template <class F>
void add_scalar(Registry& registry, const char* name, [[maybe_unused]] const char* doc) {
  OpBuilder<ScalarParams> op(registry, name);
  op.param("scalar", &ScalarParams::scalar).doc("The number.");
  op.param("is_int", &ScalarParams::is_int).doc("Accepted for MXNet's files; the output has data's dtype.");
  op.input("data", "Any shape, usually sparse.").inplace(0, 0).kernel(scalar_kernel<F>);
  //[full
  op.doc(doc).keeps_zeros().no_gradient("for optimizers");
  op.sample({{2, 3}}, {{"scalar", 2.0}});
  op.sample({{1}}, {{"scalar", 2.0}});
  op.sample({{0}}, {{"scalar", 2.0}});
  //]
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> op(registry, "_scatter_elemwise_div");
  op.input("lhs", "Any shape, usually row_sparse.").input("rhs", "The same shape and dtype.");
  op.inplace(0, 0).kernel(binary_kernel<functions::Div>);
  //[full
  op.doc(
      "lhs / rhs in the rows that a row_sparse lhs stores; the others stay zero. A dense lhs is divided everywhere.");
  op.sparse(rows_over_dense, sparse_binary::kernel<functions::Div, false>).no_gradient("for optimizers");
  op.sample({{2, 3}, {2, 3}}).range(0.5, 2);
  op.sample({{1}, {1}}).range(0.5, 2);
  op.sample({{0, 2}, {0, 2}});
  //]
  add_scalar<functions::Add>(registry, "_scatter_plus_scalar",
                             "data + scalar where a sparse data stores something; a dense one gets it everywhere.");
  add_scalar<functions::Sub>(registry, "_scatter_minus_scalar",
                             "data - scalar where a sparse data stores something; a dense one gets it everywhere.");
}

}  // namespace mixnet::op::scatter
