// one_hot: a new last axis that is on at the index and off elsewhere.
#include "op/index/one_hot.h"

#include "op/core/builder.h"
#include "op/index/indices.h"

namespace mixnet::op::one_hot {
namespace {

void forward(const Params& p, const RunContext& r) {
  const Indices index(r.in[0]);
  dispatch_all(r.out[0].dtype, "one_hot", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    T* out = r.out[0].as<T>();
    const T on = static_cast<T>(static_cast<A>(p.on_value)), off = static_cast<T>(static_cast<A>(p.off_value));
    parallel_for(r.in[0].size(), std::max<int64_t>(1, 16384 / p.depth), [&](int64_t first, int64_t last) {
      std::fill(out + first * p.depth, out + last * p.depth, off);
      for (int64_t k = first; k < last; ++k) {
        const int64_t i = index[k];
        if (i >= 0 && i < p.depth) out[k * p.depth + i] = on;
      }
    });
  });
}

void infer(InferShape& c) {
  if (!c.in[0].ndim_known()) return;
  Shape out = c.in[0];
  out.push_back(c.params<Params>().depth);
  c.set_out(0, out);
}
void infer_type(InferType& c) { c.set_out(0, c.params<Params>().dtype); }

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "one_hot");
  op.param("depth", &Params::depth).required().range(1).doc("Length of the new last axis.");
  op.param("on_value", &Params::on_value).doc("The value at the index.");
  op.param("off_value", &Params::off_value).doc("The value elsewhere.");
  op.param("dtype", &Params::dtype).doc("The dtype of the output.");
  op.input("indices", "Any shape and dtype; one out of range gives a row of off_value.");
  op.infer_shape(infer).infer_type(infer_type).kernel(forward).zero_gradient();
  //[full
  op.doc("A new last axis of length depth with on_value at the index and off_value elsewhere.");
  op.sample({{2, 3}}, {{"depth", 4}, {"on_value", 2.0}, {"off_value", -1.0}}).integers({0}, 6);
  op.sample({{2}}, {{"depth", 3}, {"dtype", "int32"}}).integers({0}, 3);
  op.sample({{1}}, {{"depth", 2}});
  op.sample({{0}}, {{"depth", 2}});
  //]
}

}  // namespace mixnet::op::one_hot
