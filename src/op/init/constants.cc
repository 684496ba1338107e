// Arrays from nothing: _zeros, _ones, _full, _arange, _linspace, _eye.
#include "op/init/constants.h"

#include <cmath>

#include "op/core/builder.h"

namespace mixnet::op::constants {
namespace {

template <class F>
void generate(const TensorView& out, F f) {
  dispatch_all(out.dtype, "init", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (int64_t i = 0; i < out.size(); ++i) out.as<T>()[i] = static_cast<T>(static_cast<accumulator_t<T>>(f(i)));
  });
}
template <int Kind>  // 0 zeros, 1 ones, 2 the value
void fill(const Params& p, const RunContext& r) {
  generate(r.out[0], [&](int64_t) { return Kind == 2 ? p.value : Kind; });
}
void infer(InferShape& c) {
  Shape s = c.params<Params>().shape;
  // 0 means unknown in MXNet's symbols, where the output's shape may say more.
  const bool more = c.out[0].ndim_known() && c.out[0].ndim() == s.ndim();
  for (int i = 0; i < s.ndim(); ++i) {
    if (s[i] != 0) continue;
    if (more && c.out[0][i] >= 0) s[i] = c.out[0][i];
    else if (!c.last) s[i] = -1;
  }
  c.set_out(0, s);
}
template <class P>
void infer_type(InferType& c) {
  c.set_out(0, c.params<P>().dtype);
}

// start and stop, where arange(n) means [0, n).
int64_t range_size(const RangeParams& p) {
  const double first = p.stop ? p.start : 0, last = p.stop ? *p.stop : p.start;
  const double count = std::ceil((last - first) / p.step), all = std::max(0.0, count) * static_cast<double>(p.repeat);
  MIXNET_CHECK(std::isfinite(count) && all < 4e18, invalid,
               "[_arange] start, stop, step: expected a finite number of values, got ", all);
  return static_cast<int64_t>(std::max(0.0, count)) * p.repeat;
}
void arange(const RangeParams& p, const RunContext& r) { generate(r.out[0], Steps(p)); }
void infer_arange(InferShape& c) {
  const RangeParams& p = c.params<RangeParams>();
  if (!p.infer_range) c.set_out(0, Shape{range_size(p)});
}
void linspace(const RangeParams& p, const RunContext& r) { generate(r.out[0], Line(p)); }
void infer_linspace(InferShape& c) { c.set_out(0, Shape{c.params<RangeParams>().num}); }
void eye(const EyeParams& p, const RunContext& r) { generate(r.out[0], Diagonal{r.out[0].shape[1], p.k}); }
void infer_eye(InferShape& c) {
  const EyeParams& p = c.params<EyeParams>();
  c.set_out(0, Shape{p.N, p.M > 0 ? p.M : p.N});
}
void check_range(const RangeParams& p) { MIXNET_CHECK(p.step != 0, invalid, "step: expected a value other than 0"); }

template <class P>
void add_common(OpBuilder<P>& op) {
  op.param("ctx", &P::ctx).doc("Accepted for MXNet's files; the call says where.");
  op.param("dtype", &P::dtype).doc("The dtype of the output.");
}

}  // namespace

void register_ops(Registry& registry) {
  struct Row {
    const char *name, *alias, *doc;
    void (*kernel)(const Params&, const RunContext&);
  };
  const Row rows[] = {{"_zeros", "_zeros_without_dtype", "An array of zeros.", fill<0>},
                      {"_ones", "", "An array of ones.", fill<1>},
                      {"_full", "", "An array of one value.", fill<2>}};
  for (const Row& row : rows) {
    OpBuilder<Params> op(registry, row.name);
    if (row.alias[0]) op.alias(row.alias);
    op.param("shape", &Params::shape).range(0).doc("The shape.");
    add_common(op);
    if (row.kernel == fill<2>) op.param("value", &Params::value).required().doc("The value.");
    op.infer_shape(infer).infer_type(infer_type<Params>).kernel(row.kernel).zero_gradient();
    //[full
    op.doc(row.doc);
    Attributes attributes{{"shape", Shape{2, 3}}};
    if (row.kernel == fill<2>) attributes.emplace_back("value", 2.5);
    op.sample({}, attributes);
    //]
  }
  OpBuilder<RangeParams> range(registry, "_arange");
  range.param("start", &RangeParams::start).doc("The first value; the end when stop is None.");
  range.param("stop", &RangeParams::stop).doc("The end, which is left out.");
  range.param("step", &RangeParams::step).doc("Difference of neighbours.");
  range.param("repeat", &RangeParams::repeat).range(1).doc("Copies of every value.");
  range.param("infer_range", &RangeParams::infer_range).doc("Takes the length from the output's shape.");
  add_common(range);
  range.check(check_range).infer_shape(infer_arange).infer_type(infer_type<RangeParams>).kernel(arange).zero_gradient();
  OpBuilder<RangeParams> line(registry, "_linspace");
  line.param("start", &RangeParams::start).required().doc("The first value.");
  line.param("stop", &RangeParams::stop).required().doc("The last value.");
  line.param("num", &RangeParams::num).range(0).doc("Number of values.");
  line.param("endpoint", &RangeParams::endpoint).doc("Whether stop is the last value.");
  add_common(line);
  // MXNet's files carry what _arange has; a line has no use for it.
  line.param("step", &RangeParams::step).doc("Accepted for MXNet's files.");
  line.param("repeat", &RangeParams::repeat).range(1).doc("Accepted for MXNet's files.");
  line.param("infer_range", &RangeParams::infer_range).doc("Accepted for MXNet's files.");
  line.infer_shape(infer_linspace).infer_type(infer_type<RangeParams>).kernel(linspace).zero_gradient();
  OpBuilder<EyeParams> unit(registry, "_eye");
  unit.param("N", &EyeParams::N).required().range(0).doc("Rows.");
  unit.param("M", &EyeParams::M).range(0).doc("Columns; 0 means N.");
  unit.param("k", &EyeParams::k).doc("The diagonal: above 0 to the right, below 0 to the left.");
  add_common(unit);
  unit.infer_shape(infer_eye).infer_type(infer_type<EyeParams>).kernel(eye).zero_gradient();
  //[full
  range.doc("Values from start in steps.");
  range.sample({}, {{"start", 2.0}, {"stop", 8.0}, {"step", 1.5}, {"repeat", 2}});
  range.sample({}, {{"start", 5.0}});
  line.doc("Values evenly spaced from start to stop.");
  line.sample({}, {{"start", 0.0}, {"stop", 1.0}, {"num", 5}});
  unit.doc("Ones on a diagonal, zeros elsewhere.");
  unit.sample({}, {{"N", 3}, {"M", 4}, {"k", 1}});
  //]
}

}  // namespace mixnet::op::constants
