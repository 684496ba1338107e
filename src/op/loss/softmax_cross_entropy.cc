// softmax_cross_entropy: the sum over rows of -log softmax at the label.
#include "op/loss/softmax_cross_entropy.h"

#include <cmath>

#include "op/core/wide.h"

namespace mixnet::op::softmax_cross_entropy {
namespace {

template <class T>
T log_sum_exp(const T* x, int64_t n) {
  T top = -std::numeric_limits<T>::infinity(), sum = 0;
  for (int64_t i = 0; i < n; ++i) top = std::max(top, x[i]);
  for (int64_t i = 0; i < n; ++i) sum += std::exp(x[i] - top);
  return top + std::log(sum);
}
void forward(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "softmax_cross_entropy", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t n = r.in[0].shape[0], classes = r.in[0].shape[1];
    T loss = 0;
    for (int64_t i = 0; classes > 0 && i < n; ++i) {
      const T* x = r.in[0].as<T>() + i * classes;
      loss += log_sum_exp(x, classes) - x[class_of(r.in[1].as<T>()[i], classes)];
    }
    r.out[0].as<T>()[0] = loss;
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<WideKernel<NoParams>>(c, forward, 0);
}
void infer(InferShape& c) {
  c.expect_ndim(0, 2, 2);
  c.expect_ndim(1, 1, 1);
  c.set_out(0, Shape{1});
  if (c.in[0].ndim_known()) c.set_in(1, Shape{c.in[0][0]});
  if (c.in[1].ndim_known()) c.set_in(0, Shape{c.in[1][0], -1});
}

//[full
// (dy, data, label): dx = (softmax - onehot) dy.
void backward(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "softmax_cross_entropy", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t n = r.in[1].shape[0], classes = r.in[1].shape[1];
    const T dy = r.in[0].as<T>()[0];
    for (int64_t i = 0; classes > 0 && i < n; ++i) {
      const T *x = r.in[1].as<T>() + i * classes, total = log_sum_exp(x, classes);
      T* dx = r.out[0].as<T>() + i * classes;
      for (int64_t k = 0; k < classes; ++k) dx[k] = std::exp(x[k] - total) * dy;
      dx[class_of(r.in[2].as<T>()[i], classes)] -= dy;
    }
  });
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<NoParams>>(c, backward, 0);
}
void gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_softmax_cross_entropy", {g.output_grad(0), g.input(0), g.input(1)})[0]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> op(registry, "softmax_cross_entropy");
  op.input("data", "(N, classes), float.")
      .input("label", "(N,): class numbers, clipped to the classes.")
      .infer_shape(infer)
      .prepare(prepare);
  //[full
  op.doc("The cross entropy of softmax(data) with the labels, summed over the rows: (1,).").gradient(gradient);
  op.sample({{3, 4}, {3}}).integers({1}, 4);
  op.sample({{1, 1}, {1}}).integers({1}, 1);
  op.sample({{0, 3}, {0}}).integers({1}, 1);
  OpBuilder<> grad(registry, "_backward_softmax_cross_entropy");
  grad.hidden().input("output_grad").input("data").input("label").infer_shape(infer_backward).prepare(prepare_backward);
  grad.no_gradient("compose it from log_softmax and pick for higher orders");
  //]
}

}  // namespace mixnet::op::softmax_cross_entropy
