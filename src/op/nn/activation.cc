// Activation: relu, sigmoid, tanh, softrelu and softsign, elementwise.
#include "op/nn/activation.h"

#include "base/thread_pool.h"

namespace mixnet::op::activation {

void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "Activation", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* x = r.in[0].as<T>();
    T* y = r.out[0].as<T>();
    dispatch(p.act, [&](auto function) {
      parallel_for(r.out[0].size(), 16384, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) y[i] = static_cast<T>(function.of(static_cast<accumulator_t<T>>(x[i])));
      });
    });
  });
}

//[full
// (dy, y) to dx.
void backward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "Activation", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const T *dy = r.in[0].as<T>(), *y = r.in[1].as<T>();
    T* dx = r.out[0].as<T>();
    dispatch(p.act, [&](auto function) {
      parallel_for(r.out[0].size(), 16384, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i)
          dx[i] = static_cast<T>(static_cast<A>(dy[i]) * function.slope(static_cast<A>(y[i])));
      });
    });
  });
}

void gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_Activation", {g.output_grad(0), g.output(0)})[0]);
}
// dy s(y): of dy it is s(y) again; of y it is dy s'(y).
void second_gradient(GradientContext& g) {
  const Entry gradient = g.output_grad(0), y = g.input(1);
  if (g.wants(0)) g.set(0, g.make_backward("_backward_Activation", {gradient, y})[0]);
  if (!g.wants(1) || g.params<Params>().act == Act::relu) return;
  Entry slope;
  switch (g.params<Params>().act) {
    case Act::sigmoid:
      slope = g.make("_rminus_scalar", {g.make("_mul_scalar", {y}, {{"scalar", 2.0}})}, {{"scalar", 1.0}});
      break;
    case Act::tanh: slope = g.make("_mul_scalar", {y}, {{"scalar", -2.0}}); break;
    case Act::softrelu: slope = g.make("exp", {g.make("negative", {y})}); break;
    default: {
      const Entry rest = g.make("_rminus_scalar", {g.make("abs", {y})}, {{"scalar", 1.0}});
      slope = g.make("_mul_scalar", {g.make("elemwise_mul", {rest, g.make("sign", {y})})}, {{"scalar", -2.0}});
    }
  }
  g.set(1, g.make("elemwise_mul", {g.make("elemwise_mul", {gradient, g.input(0)}), slope}));
}
//]

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "Activation");
  op.param("act_type", &Params::act, {"relu", "sigmoid", "tanh", "softrelu", "softsign"})
      .required()
      .doc("The function: relu max(x, 0), sigmoid 1/(1+e^-x), tanh, softrelu log(1+e^x), softsign x/(1+|x|).");
  op.input("data", "Any shape, float.").inplace(0, 0).kernel(forward).pointwise();
  //[full
  op.doc("Applies an activation function to every element. The output has the shape and dtype of data.");
  op.gradient(gradient);
  for (const char* act : {"relu", "sigmoid", "tanh", "softrelu", "softsign"}) {
    op.sample({{2, 3, 4}}, {{"act_type", act}}).range(0.1, 2);
    op.sample({{7}}, {{"act_type", act}}).range(-2, -0.1);
  }
  op.sample({{1}}, {{"act_type", "tanh"}});
  op.sample({{0, 3}}, {{"act_type", "relu"}});

  OpBuilder<Params> grad(registry, "_backward_Activation");
  grad.param("act_type", &Params::act, {"relu", "sigmoid", "tanh", "softrelu", "softsign"}).required();
  grad.hidden().input("output_grad").input("output").inplace(0, 0).kernel(backward).pointwise();
  grad.gradient(second_gradient);
  //]
}

}  // namespace mixnet::op::activation
