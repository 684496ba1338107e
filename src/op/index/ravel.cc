// _ravel_multi_index and _unravel_index: positions in a tensor as one number, and as one number per axis.
#include "op/index/ravel.h"

#include "op/core/builder.h"
#include "op/index/indices.h"

namespace mixnet::op::ravel {
namespace {

template <class F>
void each(const TensorView& out, int64_t n, F f) {
  dispatch_all(out.dtype, "ravel", [&](auto tag) {
    parallel_for(n, 4096, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) f(i, out.as<typename decltype(tag)::type>());
    });
  });
}

void ravel(const Params& p, const RunContext& r) {
  const Indices index(r.in[0]);
  const int64_t n = r.out[0].size();
  each(r.out[0], n, [&](int64_t i, auto* out) {
    using T = std::remove_pointer_t<decltype(out)>;
    out[i] = static_cast<T>(static_cast<accumulator_t<T>>(ravelled(p.shape.data(), p.shape.ndim(), index, n, i)));
  });
}

void unravel(const Params& p, const RunContext& r) {
  const Indices index(r.in[0]);
  const int64_t n = r.in[0].size();
  each(r.out[0], n, [&](int64_t i, auto* out) { unravel_one(p.shape.data(), p.shape.ndim(), index[i], n, i, out); });
}

void infer_ravel(InferShape& c) {
  const int axes = c.params<Params>().shape.ndim();
  if (!c.in[0].ndim_known()) return;
  c.expect_ndim(0, 1, Shape::max_ndim);
  if (c.in[0][0] >= 0 && c.in[0][0] != axes)
    c.fail(Code::shape, concat("data: expected ", axes, " rows, got ", c.in[0]));
  Shape out(c.in[0].data() + 1, c.in[0].ndim() - 1);
  if (out.ndim() == 0) out.push_back(1);
  c.set_out(0, out);
}
void infer_unravel(InferShape& c) {
  if (!c.in[0].ndim_known()) return;
  Shape out{c.params<Params>().shape.ndim()};
  for (int64_t extent : c.in[0]) out.push_back(extent);
  c.set_out(0, out);
}

void check(const Params& p) {
  MIXNET_CHECK(p.shape.ndim() > 0, invalid, "shape: expected at least one extent, got ", p.shape);
  for (int i = 1; i < p.shape.ndim(); ++i) {
    MIXNET_CHECK(p.shape[i] > 0, invalid, "shape: expected positive extents after the first, got ", p.shape);
  }
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> to(registry, "_ravel_multi_index");
  to.alias("ravel_multi_index");
  to.param("shape", &Params::shape).required().doc("Shape of the tensor; the first extent may be -1.");
  to.input("data", "(ndim, ...): row i holds indices into axis i.").check(check).infer_shape(infer_ravel);
  to.kernel(ravel).zero_gradient();
  OpBuilder<Params> from(registry, "_unravel_index");
  from.alias("unravel_index");
  from.param("shape", &Params::shape).required().doc("Shape of the tensor; the first extent may be -1.");
  from.input("data", "Positions, any shape.").check(check).infer_shape(infer_unravel).kernel(unravel).zero_gradient();
  //[full
  to.doc("The position of elements in a row-major tensor: (ndim, ...) becomes (...), of data's dtype.");
  to.sample({{2, 4}}, {{"shape", Shape{3, 4}}}).integers({0}, 3);
  to.sample({{1, 1}}, {{"shape", Shape{-1}}}).integers({0}, 3);
  to.sample({{2, 0}}, {{"shape", Shape{3, 4}}});
  from.doc(
      "The indices of elements by their position in a row-major tensor: (...) becomes (ndim, ...), of data's dtype.");
  from.sample({{2, 3}}, {{"shape", Shape{3, 2, 2}}}).integers({0}, 12);
  from.sample({{1}}, {{"shape", Shape{-1, 2}}}).integers({0}, 4);
  from.sample({{0}}, {{"shape", Shape{3, 4}}});
  //]
}

}  // namespace mixnet::op::ravel
