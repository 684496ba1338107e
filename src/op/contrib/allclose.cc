// _contrib_allclose: whether two arrays agree within tolerances.
#include "op/contrib/allclose.h"

#include "op/core/builder.h"

namespace mixnet::op::allclose {
namespace {

void forward(const Params& p, const RunContext& r) {
  bool close = true;
  dispatch_all(r.in[0].dtype, "allclose", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (int64_t i = 0; close && i < r.in[0].size(); ++i) {
      close = is_close(p, r.in[0].as<T>()[i], r.in[1].as<T>()[i]);
    }
  });
  r.out[0].as<uint8_t>()[0] = close;
}
void infer(InferShape& c) {
  c.set_in(0, c.in[1]);
  c.set_in(1, c.in[0]);
  c.set_out(0, Shape{1});
}
void infer_type(InferType& c) {
  c.set_in(0, c.in[1]);
  c.set_in(1, c.in[0]);
  c.set_out(0, DType::u8);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_allclose");
  op.param("rtol", &Params::rtol).doc("Tolerance relative to b.");
  op.param("atol", &Params::atol).doc("Absolute tolerance.");
  op.param("equal_nan", &Params::equal_nan).doc("NaN equals NaN.");
  op.input("a", "Any shape and dtype.")
      .input("b", "The same shape and dtype.")
      .infer_shape(infer)
      .infer_type(infer_type)
      .kernel(forward)
      .zero_gradient();
  //[full
  op.doc("1 when |a - b| <= atol + rtol |b| everywhere, else 0: (1,), uint8.");
  op.sample({{2, 3}, {2, 3}});
  op.sample({{1}, {1}}, {{"atol", 10.0}, {"equal_nan", false}});
  op.sample({{0}, {0}});
  //]
}

}  // namespace mixnet::op::allclose
