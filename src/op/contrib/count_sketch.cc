// _contrib_count_sketch (Charikar et al., 2002): projects rows onto fewer columns, every number with a sign to the column it is hashed to.
#include "op/contrib/count_sketch.h"

#include "op/core/wide.h"

namespace mixnet::op::count_sketch {
namespace {

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "count_sketch", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t n = r.in[0].shape.back();
    const T *h = r.in[1].as<T>(), *s = r.in[2].as<T>();
    const int64_t rows = r.out[0].size() / p.out_dim;
    parallel_for(rows, std::max<int64_t>(1, 8192 / std::max<int64_t>(1, n)), [&](int64_t first, int64_t last) {
      for (int64_t k = first; k < last; ++k) {
        T* y = r.out[0].as<T>() + k * p.out_dim;
        std::fill_n(y, p.out_dim, T(0));
        for (int64_t i = 0; i < n; ++i) y[column(h[i], p.out_dim)] += s[i] * r.in[0].as<T>()[k * n + i];
      }
    });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, forward, 0); }

void infer(InferShape& c) {
  c.expect_ndim(0, 1, Shape::max_ndim);
  if (!c.in[0].ndim_known()) return;
  Shape out = c.in[0];
  out[out.ndim() - 1] = c.params<Params>().out_dim;
  c.set_out(0, out);
  for (int i = 1; i < 3; ++i) {
    c.expect_ndim(i, 1, 2);
    const Shape& s = c.in[static_cast<size_t>(i)];
    c.set_in(i, s.ndim() == 1 ? Shape{c.in[0].back()} : Shape{1, c.in[0].back()});
  }
}

//[full
// (dy, data for its shape, h, s).
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "count_sketch", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t n = r.in[1].shape.back(), all = r.out[0].size();
    const T *h = r.in[2].as<T>(), *s = r.in[3].as<T>();
    parallel_for(all, 8192, [&](int64_t first, int64_t last) {
      for (int64_t k = first; k < last; ++k)
        r.out[0].as<T>()[k] = s[k % n] * r.in[0].as<T>()[k / n * p.out_dim + column(h[k % n], p.out_dim)];
    });
  });
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, 0);
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
void gradient(GradientContext& g) {
  if (g.wants(0))
    g.set(0,
          g.make_backward("_backward_contrib_count_sketch", {g.output_grad(0), g.input(0), g.input(1), g.input(2)})[0]);
}
//]

void add_params(OpBuilder<Params>& op) {
  op.param("out_dim", &Params::out_dim).required().range(1, 1 << 30).doc("Columns of the output.");
  op.param("processing_batch_size", &Params::processing_batch_size).range(1).doc("Accepted for MXNet's files.");
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_count_sketch");
  add_params(op);
  op.input("data", "(..., columns), float.")
      .input("h", "(1, columns) or (columns,): the output's column of every column, clipped.")
      .input("s", "The same shape: signs.");
  op.infer_shape(infer).prepare(prepare);
  //[full
  op.doc("Count sketch: output[..., h[i]] is the sum of s[i] data[..., i]. The gradient flows to data alone.");
  op.gradient(gradient);
  op.sample({{3, 4}, {1, 4}, {1, 4}}, {{"out_dim", 3}}).integers({1, 2}, 3);
  op.sample({{2, 1, 2, 3}, {3}, {3}}, {{"out_dim", 5}}).integers({1, 2}, 5);
  op.sample({{1, 1}, {1}, {1}}, {{"out_dim", 1}}).integers({1, 2}, 2);
  op.sample({{0, 2}, {2}, {2}}, {{"out_dim", 2}}).integers({1, 2}, 2);
  OpBuilder<Params> grad(registry, "_backward_contrib_count_sketch");
  add_params(grad);
  grad.hidden().input("output_grad").input("data").input("h").input("s").shape_only({1});
  grad.infer_shape(infer_backward).prepare(prepare_backward).no_gradient("linear; use count_sketch for higher orders");
  //]
}

}  // namespace mixnet::op::count_sketch
