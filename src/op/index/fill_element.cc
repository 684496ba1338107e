// fill_element_0index: a matrix with one element of every row replaced.
#include <cstring>

#include "op/core/builder.h"
#include "op/index/indices.h"

namespace mixnet::op::fill_element {
namespace {

void forward(const NoParams&, const RunContext& r) {
  const int64_t n = r.out[0].shape[1], item = dtype_size(r.out[0].dtype);
  const Indices index(r.in[2]);
  char* out = r.out[0].as<char>();
  if (out != r.in[0].data) std::copy_n(r.in[0].as<char>(), r.in[0].bytes(), out);
  for (int64_t i = 0; i < r.in[2].size(); ++i) {
    const int64_t k = index[i];
    if (k >= 0 && k < n)
      std::memcpy(out + (i * n + k) * item, r.in[1].as<char>() + i * item, static_cast<size_t>(item));
  }
}

void infer(InferShape& c) {
  c.expect_ndim(0, 2, 2);
  c.set_in(0, c.out[0]);
  for (int i = 1; i < 3; ++i) {
    if (c.in[0].ndim_known()) c.set_in(i, Shape{c.in[0][0]});
  }
  c.set_out(0, c.in[0]);
}
void infer_type(InferType& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  c.set_in(1, c.in[0]);
  if (c.in[2] == DType::unknown) c.in[2] = c.in[0];
}

//[full
void gradient(GradientContext& g) {
  const Entry dy = g.output_grad(0);
  if (g.wants(0)) g.set(0, g.make("fill_element_0index", {dy, g.make("zeros_like", {g.input(1)}), g.input(2)}));
  if (!g.wants(1)) return;
  // An index out of range changed nothing: one_hot gives it a row of zeros.
  const Entry chosen = g.make("_onehot_encode", {g.input(2), dy});
  g.set(1, g.make("sum", {g.make("elemwise_mul", {dy, chosen})}, {{"axis", Shape{1}}}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> op(registry, "fill_element_0index");
  op.input("lhs", "(N, M).").input("mhs", "(N,), the new elements.").input("rhs", "(N,), column numbers.");
  op.inplace(0, 0).infer_shape(infer).infer_type(infer_type).kernel(forward);
  //[full
  op.doc("lhs with lhs[i, rhs[i]] = mhs[i]; rows whose number is out of range stay as they are.").gradient(gradient);
  op.sample({{3, 4}, {3}, {3}}).integers({2}, 6);
  op.sample({{1, 1}, {1}, {1}}).integers({2}, 1);
  op.sample({{0, 3}, {0}, {0}});
  //]
}

}  // namespace mixnet::op::fill_element
