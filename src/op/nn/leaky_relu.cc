// LeakyReLU: leaky, prelu, rrelu, elu, selu and gelu.
#include "op/nn/leaky_relu.h"

#include "op/core/wide.h"

namespace mixnet::op::leaky_relu {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("act_type", &Params::act, {"elu", "gelu", "leaky", "prelu", "rrelu", "selu"})
      .doc("The function below zero; gelu and selu replace it everywhere.");
  op.param("slope", &Params::slope).doc("Slope of leaky, scale of elu.");
  op.param("lower_bound", &Params::lower_bound).doc("Least random slope of rrelu.");
  op.param("upper_bound", &Params::upper_bound).doc("Largest random slope of rrelu.");
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "LeakyReLU", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T *x = r.in[0].as<T>(), *gamma = p.act == Act::prelu ? r.in[1].as<T>() : nullptr;
    const Channels c(r.in[0].shape, gamma ? r.in[1].size() : 1);
    T *y = r.out[0].as<T>(), *slopes = r.out[1].as<T>();
    parallel_for(r.out[0].size(), 4096, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const double given = gamma ? static_cast<double>(gamma[c.of(i)]) : p.slope;
        const double slope = slope_at(p, r.context.training, r.context.random, given, i);
        y[i] = static_cast<T>(value(p, static_cast<double>(x[i]), slope));
        if (slopes) slopes[i] = static_cast<T>(slope);
      }
    });
  });
}
std::vector<std::string> input_names(const Params& p) {
  return p.act == Act::prelu ? std::vector<std::string>{"data", "gamma"} : std::vector<std::string>{"data"};
}
void infer(InferShape& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  c.set_out(1, c.in[0]);
  if (c.num_inputs() < 2 || !c.in[0].known()) return;
  const Shape channels{c.in[0].ndim() < 2 ? 1 : c.in[0][1]};
  if (c.in[1] != Shape{1}) c.set_in(1, channels);
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, forward, 0); }

//[full
// (dy, x, slopes, gamma when prelu) to (dx, dgamma).
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "LeakyReLU", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T *dy = r.in[0].as<T>(), *x = r.in[1].as<T>(), *slopes = r.in[2].as<T>();
    for (int64_t i = 0; r.out[0].data && i < r.in[1].size(); ++i) {
      r.out[0].as<T>()[i] = static_cast<T>(static_cast<double>(dy[i]) *
                                           derivative(p, static_cast<double>(x[i]), static_cast<double>(slopes[i])));
    }
    if (p.act != Act::prelu || !r.out[1].data) return;
    const Channels c(r.in[1].shape, r.in[3].size());
    std::fill_n(r.out[1].as<T>(), r.out[1].size(), T(0));
    for (int64_t i = 0; i < r.in[1].size(); ++i)
      if (x[i] <= 0) r.out[1].as<T>()[c.of(i)] += dy[i] * x[i];
  });
}
std::vector<std::string> backward_inputs(const Params& p) {
  std::vector<std::string> names{"output_grad", "data", "slopes"};
  if (p.act == Act::prelu) names.push_back("gamma");
  return names;
}
void infer_backward(InferShape& c) {
  c.set_out(0, c.in[1]);
  if (c.num_inputs() > 3) c.set_out(1, c.in[3]);
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, 0);
}
void gradient(GradientContext& g) {
  std::vector<Entry> in{g.output_grad(0), g.input(0), g.output(1)};
  if (g.num_inputs() > 1) in.push_back(g.input(1));
  const auto grads = g.make_backward("_backward_LeakyReLU", std::move(in));
  for (int i = 0; i < g.num_inputs(); ++i)
    if (g.wants(i)) g.set(i, grads[static_cast<size_t>(i)]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "LeakyReLU");
  add_params(op);
  op.input("data", "Any shape, float; (N, C, ...) for prelu.")
      .input("gamma", "(C,) or (1,): slopes of prelu.")
      .input_names(input_names);
  op.random([](const Params& p, bool training) { return training && p.act == Act::rrelu; });
  op.outputs({"output", "mask"}, 1).optional_outputs().uses_training().infer_shape(infer).prepare(prepare);
  //[full
  op.doc(
      "x above zero; below it slope x (leaky, prelu, rrelu) or slope (e^x - 1) (elu); selu (Klambauer et al., 2017); "
      "gelu (Hendrycks and Gimpel, 2016).");
  op.gradient(gradient);
  for (const char* act : {"elu", "gelu", "leaky", "selu", "rrelu"}) {
    op.sample({{2, 3, 2}}, {{"act_type", act}}).range(0.1, 1);
    op.sample({{2, 3}}, {{"act_type", act}}).range(-1, -0.1);
  }
  op.sample({{2, 3, 2}, {3}}, {{"act_type", "prelu"}}).range(0.1, 1);
  op.sample({{2, 3}, {1}}, {{"act_type", "prelu"}}).range(-1, -0.1);
  op.sample({{1}}).range(0.1, 1);
  op.sample({{0, 2}});
  OpBuilder<Params> grad(registry, "_backward_LeakyReLU");
  add_params(grad);
  grad.hidden()
      .input("output_grad")
      .input("data")
      .input("slopes")
      .input("gamma")
      .input_names(backward_inputs)
      .output_names(input_names)
      .optional_outputs();
  grad.infer_shape(infer_backward).prepare(prepare_backward).no_gradient("second order is not defined yet");
  //]
}

}  // namespace mixnet::op::leaky_relu
