// amp_cast: Cast between float dtypes; integers pass. Mixed-precision conversion puts it in front of operators, and takes it out of files.
#include "op/core/builder.h"
#include "op/core/convert.h"

namespace mixnet::op::amp_cast {
namespace {

struct Params {
  DType dtype = DType::f32;
};

void kernel(const Params&, const RunContext& r) { convert(r.in[0], r.out[0]); }

void infer_type(InferType& c) {
  if (c.in[0] == DType::unknown) return;
  c.set_out(0, dtype_is_float(c.in[0]) ? c.params<Params>().dtype : c.in[0]);
}
void check(const Params& p) {
  MIXNET_CHECK(dtype_is_float(p.dtype), invalid, "dtype: expected a float dtype, got ", p.dtype);
}

//[full
void gradient(GradientContext& g) { g.set(0, g.make("_cast_like", {g.output_grad(0), g.input(0)})); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "amp_cast");
  op.param("dtype", &Params::dtype).required().doc("The float dtype of the output.");
  op.check(check).input("data", "Any shape and dtype.").infer_type(infer_type).kernel(kernel);
  //[full
  op.doc("Converts floats to another float dtype. An array of integers is passed on.").gradient(gradient);
  op.sample({{2, 3}}, {{"dtype", "float64"}});
  op.sample({{1}}, {{"dtype", "float64"}});
  op.sample({{0}}, {{"dtype", "bfloat16"}});
  //]
}

}  // namespace mixnet::op::amp_cast
