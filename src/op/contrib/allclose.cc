// _contrib_allclose: whether two arrays agree within tolerances.
#include <cmath>

#include "op/core/builder.h"

namespace mixnet::op::allclose {
namespace {

struct Params {
  double rtol = 1e-5, atol = 1e-8;
  bool equal_nan = true;
};

void forward(const Params& p, const RunContext& r) {
  bool close = true;
  dispatch_all(r.in[0].dtype, "allclose", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (int64_t i = 0; close && i < r.in[0].size(); ++i) {
      const double a = static_cast<double>(static_cast<accumulator_t<T>>(r.in[0].as<T>()[i])),
                   b = static_cast<double>(static_cast<accumulator_t<T>>(r.in[1].as<T>()[i]));
      const bool both_nan = std::isnan(a) && std::isnan(b);
      close = a == b || (std::isfinite(a) && std::isfinite(b) && std::fabs(a - b) <= p.atol + p.rtol * std::fabs(b)) ||
              (p.equal_nan && both_nan);
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
