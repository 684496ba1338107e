// LinearRegressionOutput, LogisticRegressionOutput, MAERegressionOutput: a loss's gradient behind a prediction.
#include "op/loss/regression.h"

#include "op/core/wide.h"

namespace mixnet::op::regression {
namespace {

template <bool Logistic>
void forward(const Params&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "regression", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (int64_t i = 0; i < r.out[0].size(); ++i) {
      const T x = r.in[0].as<T>()[i];
      r.out[0].as<T>()[i] = Logistic ? logistic(x) : x;
    }
  });
}
void infer(InferShape& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  const Shape &data = c.in[0], &label = c.in[1];
  if (!data.known()) return;
  // (N,) stands for (N, 1).
  if (label.known() && label.size() == data.size() && label.ndim() > 0 && data.ndim() > 0 && label[0] == data[0])
    return;
  c.set_in(1, data.ndim() == 2 && data[1] == 1 && label.ndim() == 1 ? Shape{data[0]} : data);
}
template <bool Logistic>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, forward<Logistic>, 0);
}

//[full
// (y, label) to dx; divided by the number of outputs per sample.
template <bool Sign>
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "regression", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T scale = static_cast<T>(gradient_scale(p, r.in[1].shape));
    for (int64_t i = 0; i < r.out[0].size(); ++i)
      r.out[0].as<T>()[i] = slope<Sign>(r.in[0].as<T>()[i], r.in[1].as<T>()[i], scale);
  });
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[0]); }
template <bool Sign>
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward<Sign>, 0);
}
void difference_gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_LinearRegressionOutput", {g.output(0), g.input(1)})[0]);
}
void sign_gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_MAERegressionOutput", {g.output(0), g.input(1)})[0]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  for (const char* name : {"LinearRegressionOutput", "LogisticRegressionOutput", "MAERegressionOutput"}) {
    const bool logistic = name[1] == 'o';
    OpBuilder<Params> op(registry, name);
    op.param("grad_scale", &Params::grad_scale).doc("Multiplies the gradient.");
    op.input("data", "Predictions, any shape.")
        .input("label", "Targets, the shape of data.")
        .inplace(0, 0)
        .head()
        .infer_shape(infer);
    op.prepare(logistic ? prepare<true> : prepare<false>);
    //[full
    const bool mae = name[0] == 'M';
    op.doc(logistic ? "sigmoid(x); backward gives (y - label) / outputs per sample * grad_scale."
           : mae    ? "x itself; backward gives sign(x - label) / outputs per sample * grad_scale."
                    : "x itself; backward gives (x - label) / outputs per sample * grad_scale.");
    op.gradient(mae ? sign_gradient : difference_gradient);
    op.sample({{3, 2}, {3, 2}});
    op.sample({{3, 1}, {3}});
    op.sample({{1}, {1}});
    op.sample({{0, 2}, {0, 2}});
    if (logistic) continue;
    OpBuilder<Params> grad(registry, std::string("_backward_") + name);
    grad.param("grad_scale", &Params::grad_scale);
    grad.hidden().input("output").input("label").infer_shape(infer_backward).zero_gradient();
    grad.prepare(mae ? prepare_backward<true> : prepare_backward<false>);
    //]
  }
}

}  // namespace mixnet::op::regression
