// LeakyReLU: leaky, prelu, rrelu, elu, selu and gelu.
#include "op/nn/leaky_relu.h"

#include "base/thread_pool.h"

namespace mixnet::op::leaky_relu {
namespace {

constexpr int64_t grain = 16384;

void add_params(OpBuilder<Params>& op) {
  op.param("act_type", &Params::act, {"elu", "gelu", "leaky", "prelu", "rrelu", "selu"})
      .doc("The function below zero; gelu and selu replace it everywhere.");
  op.param("slope", &Params::slope).doc("Slope of leaky, scale of elu.");
  op.param("lower_bound", &Params::lower_bound).doc("Least random slope of rrelu.");
  op.param("upper_bound", &Params::upper_bound).doc("Largest random slope of rrelu.");
}

// f(first, last, slope) for stretches of elements, where slope(i) is the gamma of element i.
template <class T, class F>
void for_stretches(const Channels& c, const T* gamma, F f) {
  using A = accumulator_t<T>;
  const bool rows = c.inner == 1 && c.channels > 1;  // a row of all channels, else a plane of one
  const int64_t length = rows ? c.channels : c.inner, count = rows ? c.outer : c.outer * c.channels;
  const auto part = [&](int64_t start, int64_t first, int64_t last, const T* own) {
    if (rows) return f(first, last, [=](int64_t i) { return static_cast<A>(gamma[i - start]); });
    const A slope = static_cast<A>(*own);
    f(first, last, [=](int64_t) { return slope; });
  };
  if (count == 1 && length > 0)
    return parallel_for(length, grain, [&](int64_t first, int64_t last) { part(0, first, last, gamma); });
  parallel_for(length > 0 ? count : 0, std::max<int64_t>(1, grain / std::max<int64_t>(1, length)),
               [&](int64_t first, int64_t last) {
                 for (int64_t i = first; i < last; ++i)
                   part(i * length, i * length, (i + 1) * length, gamma + (rows ? 0 : i % c.channels));
               });
}

template <class T>
void forward_prelu(const RunContext& r) {
  const T* const x = r.in[0].as<T>();
  T* const y = r.out[0].as<T>();
  for_stretches(Channels(r.in[0].shape, r.in[1].size()), r.in[1].as<T>(), [=](int64_t first, int64_t last, auto slope) {
    for (int64_t i = first; i < last; ++i)
      y[i] = static_cast<T>(Leaky::of(slope(i), static_cast<accumulator_t<T>>(x[i])));
  });
}

template <class T>
void forward_rrelu(const Params& p, const RunContext& r) {
  using A = accumulator_t<T>;
  const T* const x = r.in[0].as<T>();
  T *const y = r.out[0].as<T>(), *const slopes = r.out[1].as<T>();
  parallel_for(r.out[0].size(), grain / 4, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const A slope = static_cast<A>(random_slope(p, r.context.training, r.context.random, i));
      y[i] = static_cast<T>(Leaky::of(slope, static_cast<A>(x[i])));
      if (slopes) slopes[i] = static_cast<T>(slope);
    }
  });
}

void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "LeakyReLU", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    if (p.act == Act::prelu) return forward_prelu<T>(r);
    if (p.act == Act::rrelu) return forward_rrelu<T>(p, r);
    const T* const x = r.in[0].as<T>();
    T* const y = r.out[0].as<T>();
    const A slope = static_cast<A>(p.slope);
    dispatch(p.act, [&](auto function) {
      parallel_for(r.out[0].size(), grain, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) y[i] = static_cast<T>(function.of(slope, static_cast<A>(x[i])));
      });
    });
  });
}

std::vector<std::string> input_names(const Params& p) {
  return p.act == Act::prelu ? std::vector<std::string>{"data", "gamma"} : std::vector<std::string>{"data"};
}
std::vector<std::string> output_names(const Params& p) {
  return p.act == Act::rrelu ? std::vector<std::string>{"output", "mask"} : std::vector<std::string>{"output"};
}
void infer(InferShape& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (c.out.size() > 1) c.set_out(1, c.in[0]);
  if (c.num_inputs() < 2 || !c.in[0].known()) return;
  const Shape channels{c.in[0].ndim() < 2 ? 1 : c.in[0][1]};
  if (c.in[1] != Shape{1}) c.set_in(1, channels);
}

//[full
template <class T, class F>
void put_gradient(const RunContext& r, F slope_at) {
  using A = accumulator_t<T>;
  const T* const dy = r.in[0].as<T>();
  T* const dx = r.out[0].as<T>();
  parallel_for(r.out[0].size(), grain, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) dx[i] = static_cast<T>(static_cast<A>(dy[i]) * slope_at(i));
  });
}

// N neighbouring terms of a slope's gradient. dy is loaded whatever x is: of loads that depend on a condition GCC 12 makes wrong ones (tools/check_masks.py).
template <int N, class T, class S>
void add_terms(const T* dy, const T* x, S* sums) {
  using A = accumulator_t<T>;
  for (int k = 0; k < N; ++k) sums[k] += static_cast<S>(static_cast<A>(dy[k]) * Leaky::by_slope(static_cast<A>(x[k])));
}

template <class T>
double plane_sum(const T* dy, const T* x, int64_t n) {
  using A = accumulator_t<T>;
  constexpr int64_t lanes = 16, most = 512;
  double sum = 0;
  for (int64_t first = 0; first < n; first += most) {
    const int64_t last = std::min(n, first + most);
    A lane[lanes] = {};
    int64_t i = first;
    for (; i + lanes <= last; i += lanes) add_terms<lanes>(dy + i, x + i, lane);
    for (; i < last; ++i) add_terms<1>(dy + i, x + i, lane);
    for (const A partial : lane) sum += static_cast<double>(partial);
  }
  return sum;
}

// Threads share channels out, so that the order of sums is fixed.
template <class T>
void put_slope_gradient(const RunContext& r, const Channels& c) {
  const T *const dy = r.in[0].as<T>(), *const x = r.in[1].as<T>();
  T* const dgamma = r.out[1].as<T>();
  std::fill_n(dgamma, r.out[1].size(), T(0));
  const auto narrowed = [](double sum) { return static_cast<T>(static_cast<accumulator_t<T>>(sum)); };
  const auto grain_of = [](int64_t each) { return std::max<int64_t>(1, grain / std::max<int64_t>(1, each)); };
  if (c.inner != 1 || c.channels == 1)
    return parallel_for(c.channels, grain_of(c.outer * c.inner), [&](int64_t first, int64_t last) {
      for (int64_t channel = first; channel < last; ++channel) {
        double sum = 0;
        for (int64_t n = 0; n < c.outer; ++n) {
          const int64_t at = (n * c.channels + channel) * c.inner;
          sum += plane_sum(dy + at, x + at, c.inner);
        }
        dgamma[channel] = narrowed(sum);
      }
    });
  constexpr int64_t width = 16;
  parallel_for((c.channels + width - 1) / width, grain_of(c.outer * width), [&](int64_t first, int64_t last) {
    for (int64_t from = first * width; from < std::min(last * width, c.channels); from += width) {
      const int64_t columns = std::min(width, c.channels - from);
      double sums[width] = {};
      for (int64_t at = from; at < c.outer * c.channels; at += c.channels) {
        if (columns == width) add_terms<width>(dy + at, x + at, sums);
        else
          for (int64_t k = 0; k < columns; ++k) add_terms<1>(dy + at + k, x + at + k, sums + k);
      }
      for (int64_t k = 0; k < columns; ++k) dgamma[from + k] = narrowed(sums[k]);
    }
  });
}

// (dy, x) to dx; (dy, x, slopes) of rrelu; (dy, x, gamma) of prelu to (dx, dgamma).
void backward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "LeakyReLU", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const T* const x = r.in[1].as<T>();
    if (p.act == Act::prelu) {
      const Channels c(r.in[1].shape, r.in[2].size());
      // dx may lie where dy does.
      if (r.out[1].data) put_slope_gradient<T>(r, c);
      if (!r.out[0].data) return;
      const T* const dy = r.in[0].as<T>();
      T* const dx = r.out[0].as<T>();
      return for_stretches(c, r.in[2].as<T>(), [=](int64_t first, int64_t last, auto slope) {
        for (int64_t i = first; i < last; ++i)
          dx[i] = static_cast<T>(static_cast<A>(dy[i]) * Leaky::slope(slope(i), static_cast<A>(x[i])));
      });
    }
    if (p.act == Act::rrelu) {
      const T* const slopes = r.in[2].as<T>();
      return put_gradient<T>(r,
                             [=](int64_t i) { return Leaky::slope(static_cast<A>(slopes[i]), static_cast<A>(x[i])); });
    }
    const A slope = static_cast<A>(p.slope);
    dispatch(p.act, [&](auto function) {
      put_gradient<T>(r, [=](int64_t i) { return function.slope(slope, static_cast<A>(x[i])); });
    });
  });
}
std::vector<std::string> backward_inputs(const Params& p) {
  std::vector<std::string> names{"output_grad", "data"};
  if (p.act == Act::rrelu) names.push_back("slopes");
  if (p.act == Act::prelu) names.push_back("gamma");
  return names;
}
void infer_backward(InferShape& c) {
  c.set_out(0, c.in[1]);
  if (c.out.size() > 1) c.set_out(1, c.in[2]);
}
void gradient(GradientContext& g) {
  const Params& p = g.params<Params>();
  // The result tells as much as the input where the slope is not negative, and is kept anyway by what comes next.
  const bool by_result = p.act == Act::leaky && p.slope >= 0;
  std::vector<Entry> in{g.output_grad(0), by_result ? g.output(0) : g.input(0)};
  if (p.act == Act::rrelu) in.push_back(g.output(1));
  if (p.act == Act::prelu) in.push_back(g.input(1));
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
  op.output_names(output_names).visible_outputs([](const Params&) { return 1; }).optional_outputs().uses_training();
  op.infer_shape(infer).inplace(0, 0).kernel(forward).pointwise(is_plain);
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
      .input("slopes or gamma")
      .input_names(backward_inputs)
      .output_names(input_names)
      .optional_outputs();
  grad.infer_shape(infer_backward).inplace(0, 0).kernel(backward).pointwise(is_plain);
  grad.no_gradient("second order is not defined yet");
  //]
}

}  // namespace mixnet::op::leaky_relu
