// argmax, argmin, argmax_channel: where the extreme element is, in the dtype of data if that is float64, int32 or
// int64, else float32.
#include "op/reduce/arg_extreme.h"

namespace mixnet::op::arg_extreme {
namespace {

template <bool Max>
void find(const RunContext& r, const Split& s) {
  const reduction::Writer<int64_t> y(r.out[0]);
  dispatch_all(r.in[0].dtype, "argmax", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const T* x = r.in[0].as<T>();
    parallel_for(s.outer * s.inner, std::max<int64_t>(1, 8192 / std::max<int64_t>(1, s.n)),
                 [&](int64_t first, int64_t last) {
                   for (int64_t k = first; k < last; ++k) {
                     const T* row = x + k / s.inner * s.n * s.inner + k % s.inner;
                     int64_t best = 0;
                     for (int64_t i = 1; i < s.n; ++i) {
                       const A a = static_cast<A>(row[i * s.inner]), b = static_cast<A>(row[best * s.inner]);
                       if (Max ? a > b : a < b) best = i;
                     }
                     y.store(y.data, k, best);
                   }
                 });
  });
}

template <bool Max>
void kernel(const Params& p, const RunContext& r) {
  find<Max>(r, Split(r.in[0].shape, p.axis));
}

void infer(InferShape& c) {
  const Shape& in = c.in[0];
  if (!in.known()) return;
  const Params& p = c.params<Params>();
  Shape out;
  const int a = p.axis ? normalize_axis(*p.axis, in.ndim(), c.place().c_str()) : -1;
  for (int i = 0; i < in.ndim(); ++i) {
    const bool gone = !p.axis || i == a;
    if (!gone || p.keepdims) out.push_back(gone ? 1 : in[i]);
  }
  if (out.ndim() == 0) out.push_back(1);
  const int64_t n = p.axis ? in[a] : in.size();
  if (n == 0 && out.size() > 0)
    c.fail(Code::shape, concat("data: expected at least one element along the axis, got ", in));
  c.set_out(0, out);
}

void channel(const NoParams&, const RunContext& r) { find<true>(r, Split(r.in[0].shape, 1)); }
void infer_channel(InferShape& c) {
  c.expect_ndim(0, 2, Shape::max_ndim);
  if (!c.in[0].known()) return;
  Shape out;
  for (int i = 0; i < c.in[0].ndim(); ++i)
    if (i != 1) out.push_back(c.in[0][i]);
  c.set_out(0, out);
}
// As MXNet: the dtype of data, but float32 where that cannot count far.
void infer_type(InferType& c) {
  const DType in = c.in[0];
  if (in == DType::unknown) return;
  c.set_out(0, in == DType::f64 || in == DType::i32 || in == DType::i64 ? in : DType::f32);
}

}  // namespace

void register_ops(Registry& registry) {
  for (bool max : {true, false}) {
    OpBuilder<Params> op(registry, max ? "argmax" : "argmin");
    op.param("axis", &Params::axis).doc("The axis to search; none means all elements, flattened.");
    op.param("keepdims", &Params::keepdims).doc("Keeps the axis with extent 1.");
    op.input("data", "Any shape and dtype.")
        .infer_shape(infer)
        .infer_type(infer_type)
        .kernel(max ? kernel<true> : kernel<false>)
        .zero_gradient();
    //[full
    op.doc(
        "The index of the extreme element along an axis, the first where several are equal; float64, int32 or int64 as "
        "data is, else float32.");
    op.sample({{2, 5}}, {{"axis", 1}});
    op.sample({{2, 3, 4}}, {{"axis", 1}, {"keepdims", true}});
    op.sample({{7}});
    op.sample({{1}});
    op.sample({{0, 3}}, {{"axis", 1}});
    //]
  }
  OpBuilder<> op(registry, "argmax_channel");
  op.input("data", "(N, C, ...).").infer_shape(infer_channel).infer_type(infer_type).kernel(channel).zero_gradient();
  //[full
  op.doc("The index of the largest element along axis 1; float64, int32 or int64 as data is, else float32.");
  op.sample({{2, 5}});
  op.sample({{1, 1}});
  op.sample({{0, 3}});
  //]
}

}  // namespace mixnet::op::arg_extreme
