// batch_take: one element of every row of a matrix.
#include <cstring>

#include "op/core/builder.h"
#include "op/index/indices.h"

namespace mixnet::op::batch_take {
namespace {

void forward(const NoParams&, const RunContext& r) {
  const int64_t n = r.in[0].shape[1], item = dtype_size(r.in[0].dtype);
  const Indices index(r.in[1]);
  parallel_for(r.out[0].size(), 16384, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const char* from = r.in[0].as<char>() + (i * n + index.clipped(i, n)) * item;
      std::memcpy(r.out[0].as<char>() + i * item, from, static_cast<size_t>(item));
    }
  });
}

void infer(InferShape& c) {
  c.expect_ndim(0, 2, 2);
  for (int k = 0; k < 2; ++k) {
    if (c.in[0].ndim_known()) c.set_in(1, Shape{c.in[0][0]});
    if (c.in[1].ndim_known()) c.set_in(0, Shape{c.in[1][0], -1});
  }
  c.set_out(0, c.in[1]);
  if (c.in[0].known() && c.in[0][0] > 0 && c.in[0][1] == 0)
    c.fail(Code::shape, concat("a: expected rows of at least one element, got ", c.in[0]));
}
void infer_type(InferType& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (c.in[1] == DType::unknown) c.in[1] = DType::i32;
}

//[full
void gradient(GradientContext& g) {
  g.set(0, g.make("_backward_pick", {g.output_grad(0), g.input(1), g.input(0)}, {{"axis", 1}}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> op(registry, "batch_take");
  op.input("a", "(N, M), any dtype.").input("indices", "(N,), column numbers, clipped into range.");
  op.infer_shape(infer).infer_type(infer_type).kernel(forward);
  //[full
  op.doc("output[i] = a[i, indices[i]].").gradient(gradient);
  op.sample({{3, 4}, {3}}).integers({1}, 4);
  op.sample({{1, 1}, {1}}).integers({1}, 1);
  op.sample({{0, 3}, {0}});
  //]
}

}  // namespace mixnet::op::batch_take
