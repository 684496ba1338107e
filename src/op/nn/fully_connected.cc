// FullyConnected: y = x W^T + b.
#include "op/nn/fully_connected.h"

#include "op/core/bilinear.h"
#include "op/core/column_sums.h"
#include "op/core/gemm.h"
#include "op/core/wide.h"

namespace mixnet::op::fully_connected {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("num_hidden", &Params::num_hidden).required().range(1).doc("Number of outputs per row.");
  op.param("no_bias", &Params::no_bias).doc("Leaves the bias out.");
  op.param("flatten", &Params::flatten)
      .doc("Merges all axes of data but the first; otherwise only the last axis is transformed.");
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "FullyConnected", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrix x(r.in[0].shape, p);
    T* y = r.out[0].as<T>();
    if (!p.no_bias) {
      const T* bias = r.in[2].as<T>();
      for (int64_t i = 0; i < x.rows; ++i) std::copy_n(bias, p.num_hidden, y + i * p.num_hidden);
    }
    gemm<T>(false, true, x.rows, p.num_hidden, x.depth, 1, r.in[0].as<T>(), x.depth, r.in[1].as<T>(), x.depth,
            p.no_bias ? 0 : 1, y, p.num_hidden);
  });
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  const Shape& in = c.in[0];
  if (!p.no_bias) c.set_in(2, Shape{p.num_hidden});
  if (!in.ndim_known()) return c.set_in(1, Shape{p.num_hidden, -1});
  c.expect_ndim(0, 1, Shape::max_ndim);
  const int split = p.flatten ? 1 : in.ndim() - 1;
  bool known = true;
  for (int i = split; i < in.ndim(); ++i) known = known && in[i] >= 0;
  c.set_in(1, Shape{p.num_hidden, known ? in.size(split, in.ndim()) : -1});
  Shape out(in.data(), split);
  out.push_back(p.num_hidden);
  c.set_out(0, out);
  Shape data = in;
  for (int i = 0; i < split; ++i) data[i] = c.out[0][i];
  c.set_in(0, data);
}

std::vector<std::string> input_names(const Params& p) {
  return p.no_bias ? std::vector<std::string>{"data", "weight"} : std::vector<std::string>{"data", "weight", "bias"};
}

//[full
// (dy, x, w) to (dx, dw, db).
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "FullyConnected", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrix x(r.in[1].shape, p);
    const T* dy = r.in[0].as<T>();
    if (r.out[0].data)
      gemm<T>(false, false, x.rows, x.depth, p.num_hidden, 1, dy, p.num_hidden, r.in[2].as<T>(), x.depth, 0,
              r.out[0].as<T>(), x.depth);
    if (r.out[1].data)
      gemm<T>(true, false, p.num_hidden, x.depth, x.rows, 1, dy, p.num_hidden, r.in[1].as<T>(), x.depth, 0,
              r.out[1].as<T>(), x.depth);
    if (p.no_bias || !r.out[2].data) return;
    column_sums(dy, x.rows, p.num_hidden, p.num_hidden, r.out[2].as<T>());
  });
}
void infer_backward(InferShape& c) {
  c.set_out(0, c.in[1]);
  c.set_out(1, c.in[2]);
  if (!c.params<Params>().no_bias) c.set_out(2, Shape{c.params<Params>().num_hidden});
}
std::vector<std::string> gradient_names(const Params& p) {
  return p.no_bias ? std::vector<std::string>{"data", "weight"} : std::vector<std::string>{"data", "weight", "bias"};
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, 0);
}
void gradient(GradientContext& g) {
  const auto grads = g.make_backward("_backward_FullyConnected", {g.output_grad(0), g.input(0), g.input(1)});
  for (int i = 0; i < g.num_inputs(); ++i)
    if (g.wants(i)) g.set(i, grads[static_cast<size_t>(i)]);
}
void second_gradient(GradientContext& g) {
  bilinear_gradient(g, "FullyConnected", "_backward_FullyConnected", !g.params<Params>().no_bias);
}
//]
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, forward, 0); }

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "FullyConnected");
  add_params(op);
  op.input("data", "(N, ...), or (..., K) without flatten.")
      .input("weight", "(num_hidden, K).")
      .input("bias", "(num_hidden,).");
  op.input_names(input_names).infer_shape(infer).prepare(prepare);
  //[full
  op.doc("y = x W^T + b. Output (N, num_hidden), or (..., num_hidden) without flatten.").gradient(gradient);
  op.sample({{2, 3}, {4, 3}, {4}}, {{"num_hidden", 4}});
  op.sample({{2, 3, 2}, {4, 6}}, {{"num_hidden", 4}, {"no_bias", true}});
  op.sample({{2, 3, 2}, {4, 2}, {4}}, {{"num_hidden", 4}, {"flatten", false}});
  op.sample({{1, 1}, {1, 1}, {1}}, {{"num_hidden", 1}});
  op.sample({{0, 3}, {2, 3}, {2}}, {{"num_hidden", 2}});

  OpBuilder<Params> grad(registry, "_backward_FullyConnected");
  add_params(grad);
  grad.hidden().input("output_grad").input("data").input("weight").output_names(gradient_names).optional_outputs();
  grad.infer_shape(infer_backward).prepare(prepare_backward).gradient(second_gradient);
  //]
}

}  // namespace mixnet::op::fully_connected
