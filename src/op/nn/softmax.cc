// softmax, log_softmax, softmin and SoftmaxActivation.
#include "op/nn/softmax.h"

#include <cmath>

#include "op/core/wide.h"

namespace mixnet::op::softmax {
namespace {

template <class F>
void for_lines(const Sizes& s, F f) {
  parallel_for(s.outer * s.inner, std::max<int64_t>(1, 2048 / std::max<int64_t>(1, s.n)),
               [&](int64_t first, int64_t last) {
                 for (int64_t k = first; k < last; ++k) f(k / s.inner * s.n * s.inner + k % s.inner);
               });
}

// Sign -1 makes softmin. The largest element is taken off first, so that nothing overflows.
template <bool Log, int Sign>
void compute(const RunContext& r, const Sizes& s, double temperature) {
  dispatch_wide(r.in[0].dtype, "softmax", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T *x = r.in[0].as<T>(), scale = static_cast<T>(Sign / temperature);
    T* y = r.out[0].as<T>();
    for_lines(s, [&](int64_t at) {
      T top = -std::numeric_limits<T>::infinity(), sum = 0;
      for (int64_t i = 0; i < s.n; ++i) top = std::max(top, x[at + i * s.inner] * scale);
      for (int64_t i = 0; i < s.n; ++i) {
        const T shifted = x[at + i * s.inner] * scale - top, e = std::exp(shifted);
        sum += e;
        y[at + i * s.inner] = Log ? shifted : e;
      }
      const T norm = Log ? std::log(sum) : 1 / sum;
      for (int64_t i = 0; i < s.n; ++i)
        y[at + i * s.inner] = Log ? y[at + i * s.inner] - norm : y[at + i * s.inner] * norm;
    });
  });
}
template <bool Log, int Sign>
void forward(const Params& p, const RunContext& r) {
  compute<Log, Sign>(r, Sizes(r.in[0].shape, p.axis), p.temperature.value_or(1));
}

void activation(const Params& p, const RunContext& r) { compute<false, 1>(r, activation_sizes(p, r.in[0].shape), 1); }

void check(const Params& p) {
  MIXNET_CHECK(!p.use_length, unsupported, "use_length: expected False");
  MIXNET_CHECK(p.temperature.value_or(1) > 0, invalid, "temperature: expected a value above 0, got ", *p.temperature);
}
void infer(InferShape& c) {
  c.all_same();
  if (c.in[0].ndim() > 0) normalize_axis(c.params<Params>().axis, c.in[0].ndim(), c.place().c_str());
}
void infer_activation(InferShape& c) {
  c.all_same();
  c.expect_ndim(0, c.params<Params>().mode == Mode::channel ? 2 : 1, Shape::max_ndim);
}
template <void (*F)(const Params&, const RunContext&)>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, F, 0);
}

//[full
// (dy, y) to dx. softmax: y (dy - sum dy y); log_softmax: dy - e^y sum dy.
template <bool Log>
void differentiate(const RunContext& r, const Sizes& s, double scale) {
  dispatch_wide(r.in[0].dtype, "softmax", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T *dy = r.in[0].as<T>(), *y = r.in[1].as<T>();
    T* dx = r.out[0].as<T>();
    for_lines(s, [&](int64_t at) {
      T sum = 0;
      for (int64_t i = 0; i < s.n; ++i) sum += Log ? dy[at + i * s.inner] : dy[at + i * s.inner] * y[at + i * s.inner];
      for (int64_t i = 0; i < s.n; ++i) {
        const int64_t k = at + i * s.inner;
        dx[k] = static_cast<T>(scale) * (Log ? dy[k] - std::exp(y[k]) * sum : y[k] * (dy[k] - sum));
      }
    });
  });
}
template <bool Log, int Sign>
void backward(const Params& p, const RunContext& r) {
  differentiate<Log>(r, Sizes(r.in[0].shape, p.axis), Sign / p.temperature.value_or(1));
}
void activation_backward(const Params& p, const RunContext& r) {
  differentiate<false>(r, activation_sizes(p, r.in[0].shape), 1);
}

template <int N>
void gradient(GradientContext& g) {
  static const char* const names[] = {"_backward_softmax", "_backward_log_softmax", "_backward_softmin",
                                      "_backward_SoftmaxActivation"};
  g.set(0, g.make_backward(names[N], {g.output_grad(0), g.output(0)})[0]);
}

Entry line_sum(GradientContext& g, Entry x, int64_t axis) {
  return g.make("sum", {std::move(x)}, {{"axis", axis}, {"keepdims", true}});
}
Entry scaled(GradientContext& g, Entry x, double by) { return g.make("_mul_scalar", {std::move(x)}, {{"scalar", by}}); }
// dx = c y (dy - sum dy y). Of dy it is itself; of y: c (G dy - G sum dy y - dy sum G y).
template <int Sign>
void second_gradient(GradientContext& g) {
  const Params& p = g.params<Params>();
  const Entry grad = g.output_grad(0), dy = g.input(0), y = g.input(1);
  if (g.wants(0)) g.set(0, g.make_backward(g.op().name.c_str(), {grad, y})[0]);
  if (!g.wants(1)) return;
  const Entry inner = line_sum(g, g.make("elemwise_mul", {dy, y}), p.axis),
              outer = line_sum(g, g.make("elemwise_mul", {grad, y}), p.axis);
  const Entry part = g.make("elemwise_mul", {grad, g.make("broadcast_sub", {dy, inner})});
  const Entry sum = g.make("elemwise_sub", {part, g.make("broadcast_mul", {dy, outer})});
  g.set(1, scaled(g, sum, Sign / p.temperature.value_or(1)));
}
// dx = c (dy - e^y sum dy). Of dy: c (G - sum G e^y); of y: -c G e^y sum dy.
void second_log_gradient(GradientContext& g) {
  const Params& p = g.params<Params>();
  const double scale = 1 / p.temperature.value_or(1);
  const Entry grad = g.output_grad(0), weighted = g.make("elemwise_mul", {grad, g.make("exp", {g.input(1)})});
  if (g.wants(0)) g.set(0, scaled(g, g.make("broadcast_sub", {grad, line_sum(g, weighted, p.axis)}), scale));
  if (g.wants(1)) g.set(1, scaled(g, g.make("broadcast_mul", {weighted, line_sum(g, g.input(0), p.axis)}), -scale));
}
//]

void add_params(OpBuilder<Params>& op, bool activation_op) {
  if (activation_op) {
    op.param("mode", &Params::mode, {"instance", "channel"}).doc("instance: over the last axis; channel: over axis 1.");
    return;
  }
  op.param("axis", &Params::axis).doc("The axis that sums to 1.");
  op.param("temperature", &Params::temperature).doc("Divides data first; 1 when None.");
  op.param("dtype", &Params::dtype).doc("Accepted for MXNet's files; the output has the dtype of data.");
  op.param("use_length", &Params::use_length).doc("Must be False.");
  op.check(check);
}

}  // namespace

void register_ops(Registry& registry) {
  struct Row {
    const char *name, *doc;
    PrepareFn forward, backward = nullptr;
    void (*gradient)(GradientContext&) = nullptr;
    void (*second)(GradientContext&) = nullptr;
  };
  const Row rows[] = {
      {
          "softmax", "e^x / sum e^x along an axis.", prepare<forward<false, 1>>,
          //[full
          prepare<backward<false, 1>>, gradient<0>, second_gradient<1>
          //]
      },
      {
          "log_softmax", "The logarithm of softmax, without loss of precision.", prepare<forward<true, 1>>,
          //[full
          prepare<backward<true, 1>>, gradient<1>, second_log_gradient
          //]
      },
      {
          "softmin", "softmax of -x along an axis.", prepare<forward<false, -1>>,
          //[full
          prepare<backward<false, -1>>, gradient<2>, second_gradient<-1>
          //]
      },
      {
          "SoftmaxActivation", "softmax over the last axis, or over axis 1.", prepare<activation>,
          //[full
          prepare<activation_backward>, gradient<3>
          //]
      },
  };
  for (const Row& row : rows) {
    const bool activation_op = std::string(row.name) == "SoftmaxActivation";
    OpBuilder<Params> op(registry, row.name);
    add_params(op, activation_op);
    op.input("data", "Any shape, float.")
        .inplace(0, 0)
        .infer_shape(activation_op ? infer_activation : infer)
        .prepare(row.forward);
    //[full
    op.doc(row.doc).gradient(row.gradient);
    op.sample({{2, 3, 4}});
    op.sample({{1}});
    op.sample({{0, 3}});
    if (activation_op) op.sample({{2, 3, 2}}, {{"mode", "channel"}});
    else op.sample({{2, 3, 4}}, {{"axis", 1}, {"temperature", 2.0}});
    OpBuilder<Params> grad(registry, std::string("_backward_") + row.name);
    add_params(grad, activation_op);
    grad.hidden().input("output_grad").input("output").inplace(0, 0).prepare(row.backward);
    if (row.second) grad.gradient(row.second);
    else grad.no_gradient("use softmax with an axis for higher orders");
    //]
  }
}

}  // namespace mixnet::op::softmax
