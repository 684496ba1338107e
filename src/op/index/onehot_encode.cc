// _onehot_encode: the old form of one_hot, whose second input gives the shape of the result.
#include "op/core/builder.h"
#include "op/index/indices.h"

namespace mixnet::op::onehot_encode {
namespace {

void forward(const NoParams&, const RunContext& r) {
  const int64_t depth = r.out[0].shape[1];
  const Indices index(r.in[0]);
  dispatch_all(r.out[0].dtype, "_onehot_encode", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* out = r.out[0].as<T>();
    std::fill_n(out, r.out[0].size(), static_cast<T>(accumulator_t<T>(0)));
    for (int64_t i = 0; i < r.in[0].size(); ++i) {
      const int64_t k = index[i];
      if (k >= 0 && k < depth) out[i * depth + k] = static_cast<T>(accumulator_t<T>(1));
    }
  });
}

void infer(InferShape& c) {
  c.expect_ndim(0, 1, 1);
  c.expect_ndim(1, 2, 2);
  for (int k = 0; k < 2; ++k) {
    if (c.in[0].ndim_known()) c.set_in(1, Shape{c.in[0][0], -1});
    if (c.in[1].ndim_known()) c.set_in(0, Shape{c.in[1][0]});
  }
  c.set_out(0, c.in[1]);
}
void infer_type(InferType& c) {
  c.set_out(0, c.in[1]);
  c.set_in(1, c.out[0]);
  if (c.in[0] == DType::unknown) c.in[0] = c.in[1];
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> op(registry, "_onehot_encode");
  op.input("lhs", "(N,), indices.").input("rhs", "(N, depth), gives shape and dtype.").shape_only({1});
  op.infer_shape(infer).infer_type(infer_type).kernel(forward).zero_gradient();
  //[full
  op.doc("output[i, k] = 1 where k is lhs[i], else 0; indices out of range give a row of zeros.");
  op.sample({{3}, {3, 4}}).integers({0}, 6);
  op.sample({{1}, {1, 1}}).integers({0}, 1);
  op.sample({{0}, {0, 3}});
  //]
}

}  // namespace mixnet::op::onehot_encode
