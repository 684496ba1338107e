// reshape_like: the elements of one tensor under the shape of another, or with a range of axes taken from it.
#include "op/core/builder.h"
#include "op/core/movement.h"

namespace mixnet::op::reshape_like {
namespace {

struct Params {
  std::optional<int64_t> lhs_begin, lhs_end, rhs_begin, rhs_end;
};

void forward(const Params&, const RunContext& r) {
  copy_bytes(r.context.stream, r.out[0].data, r.in[0].data, r.out[0].bytes());
}

// A limit of a range of axes: None is the default, negative ones count from the end.
int limit(const InferShape& c, const char* name, std::optional<int64_t> given, int otherwise, int ndim) {
  if (!given) return otherwise;
  const int64_t at = *given < 0 ? *given + ndim : *given;
  if (at < 0 || at > ndim)
    c.fail(Code::invalid, concat(name, ": expected a value in [", -ndim, ", ", ndim, "], got ", *given));
  return static_cast<int>(at);
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  const Shape &lhs = c.in[0], &rhs = c.in[1];
  if (!p.lhs_begin && !p.lhs_end && !p.rhs_begin && !p.rhs_end) {
    c.set_out(0, rhs);
  } else {
    if (!lhs.ndim_known() || !rhs.ndim_known()) return;
    const int a = limit(c, "lhs_begin", p.lhs_begin, 0, lhs.ndim()),
              b = limit(c, "lhs_end", p.lhs_end, lhs.ndim(), lhs.ndim());
    const int d = limit(c, "rhs_begin", p.rhs_begin, 0, rhs.ndim()),
              e = limit(c, "rhs_end", p.rhs_end, rhs.ndim(), rhs.ndim());
    if (a > b || d > e) c.fail(Code::invalid, "begin: expected at most end");
    Shape out(lhs.data(), a);
    for (int i = d; i < e; ++i) out.push_back(rhs[i]);
    for (int i = b; i < lhs.ndim(); ++i) out.push_back(lhs[i]);
    c.set_out(0, out);
  }
  if (lhs.known() && c.out[0].known() && lhs.size() != c.out[0].size()) {
    c.fail(Code::shape, concat("cannot reshape ", lhs, " to ", c.out[0]));
  }
}
void infer_type(InferType& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (c.in[1] == DType::unknown) c.in[1] = c.in[0];
}

//[full
void gradient(GradientContext& g) { g.set(0, g.make("reshape_like", {g.output_grad(0), g.input(0)})); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "reshape_like");
  op.param("lhs_begin", &Params::lhs_begin).doc("First axis of lhs that is replaced; None for 0.");
  op.param("lhs_end", &Params::lhs_end).doc("Axis of lhs after the last that is replaced; None for all.");
  op.param("rhs_begin", &Params::rhs_begin).doc("First axis of rhs that is put there; None for 0.");
  op.param("rhs_end", &Params::rhs_end).doc("Axis of rhs after the last that is put there; None for all.");
  op.input("lhs", "The elements, any dtype.").input("rhs", "Gives the shape.").shape_only({1});
  op.infer_shape(infer).infer_type(infer_type).inplace(0, 0).same_bytes(0, 0);
  op.kernel(forward).gpu_kernel(forward);
  //[full
  op.doc(
      "The elements of lhs under the shape of rhs; or axes [lhs_begin, lhs_end) of lhs replaced by axes "
      "[rhs_begin, rhs_end) of rhs.");
  op.gradient(gradient);
  op.sample({{2, 3}, {3, 2}});
  op.sample({{2, 3, 4}, {6, 5}}, {{"lhs_begin", 0}, {"lhs_end", 2}, {"rhs_begin", 0}, {"rhs_end", 1}});
  op.sample({{1}, {1, 1}});
  op.sample({{0}, {0, 4}});
  //]
}

}  // namespace mixnet::op::reshape_like
