// _contrib_hawkesll: log likelihoods of marked point sequences under Hawkes processes with exponential decay (Hawkes, 1971).
//
// Cost: one pass over the points of every sequence. A mark's intensity is lda + alpha beta s, where s is 1 per earlier point of that
// mark, decayed by exp(-beta time).
#include <cmath>

#include "op/core/wide.h"

namespace mixnet::op::hawkesll {
namespace {

enum Input { lda, alpha, beta, state, lags, marks, valid_length, max_time };

// The sequences; reads (N, K), (K,), (K,), (N, K), (N, T), (N, T), (N,), (N,).
template <class T>
struct Batch {
  Span<const TensorView> in;
  int64_t count, kinds, steps;
  explicit Batch(Span<const TensorView> inputs) : in(inputs) {
    count = in[lda].shape[0];
    kinds = in[lda].shape[1];
    steps = in[lags].shape[1];
  }
  T at(Input i, int64_t k) const { return in[static_cast<size_t>(i)].as<T>()[k]; }
  int64_t length(int64_t n) const {
    const T v = at(valid_length, n);
    return !(v > 0) || kinds == 0 ? 0 : v >= static_cast<T>(steps) ? steps : static_cast<int64_t>(v);
  }
  // Marks that do not exist are clipped.
  int64_t mark(int64_t n, int64_t j) const {
    return dispatch_all(in[marks].dtype, "hawkesll", [&](auto tag) {
      using M = typename decltype(tag)::type;
      const double k = static_cast<double>(static_cast<accumulator_t<M>>(in[marks].as<M>()[n * steps + j]));
      return k > 0 ? static_cast<int64_t>(std::min(k, static_cast<double>(kinds - 1))) : int64_t{0};
    });
  }
};

// What is known of a mark after its last point: s, its slopes along beta and along the first state, and the point's time.
template <class T>
struct Trace {
  T s, of_beta, of_state, time;
};
// One interval without points of a mark: the decay over it.
template <class T>
struct Interval {
  T length, decay;
  Interval(T b, T from, T to) : length(to - from), decay(std::exp(-b * length)) {}
};

template <class T>
void forward_sequence(const Batch<T>& b, int64_t n, Trace<T>* trace, T* loss, T* out_state) {
  T sum = 0, now = 0;
  for (int64_t k = 0; k < b.kinds; ++k) trace[k] = {b.at(state, n * b.kinds + k), 0, 1, 0};
  auto compensate = [&](int64_t k, const Interval<T>& i) {
    return b.at(lda, n * b.kinds + k) * i.length + b.at(alpha, k) * trace[k].s * (1 - i.decay);
  };
  for (int64_t j = 0; j < b.length(n); ++j) {
    const int64_t k = b.mark(n, j);
    now += b.at(lags, n * b.steps + j);
    const Interval<T> i(b.at(beta, k), trace[k].time, now);
    const T intensity = b.at(lda, n * b.kinds + k) + b.at(alpha, k) * b.at(beta, k) * trace[k].s * i.decay;
    sum += std::log(intensity) - compensate(k, i);
    trace[k].s = 1 + trace[k].s * i.decay;
    trace[k].time = now;
  }
  for (int64_t k = 0; k < b.kinds; ++k) {
    const Interval<T> i(b.at(beta, k), trace[k].time, b.at(max_time, n));
    sum -= compensate(k, i);
    out_state[n * b.kinds + k] = trace[k].s * i.decay;
  }
  loss[n] = sum;
}

void forward(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "hawkesll", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Batch<T> b(r.in);
    Trace<T>* traces = static_cast<Trace<T>*>(r.context.workspace);
    parallel_for(b.count, 1, [&](int64_t first, int64_t last) {
      for (int64_t n = first; n < last; ++n)
        forward_sequence(b, n, traces + n * b.kinds, r.out[0].as<T>(), r.out[1].as<T>());
    });
  });
}
template <void (*Body)(const NoParams&, const RunContext&), size_t From>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  const size_t traces = static_cast<size_t>(c.inputs[From].size()) * sizeof(Trace<double>);
  return std::make_unique<WideKernel<NoParams>>(c, Body, traces);
}

void infer(InferShape& c) {
  c.expect_ndim(lda, 2, 2);
  c.expect_ndim(lags, 2, 2);
  c.set_in(lda, c.in[state]);
  c.set_in(marks, c.in[lags]);
  const Shape& s = c.in[lda];
  if (!s.ndim_known()) return;
  c.set_in(state, s);
  c.set_in(alpha, Shape{s[1]});
  c.set_in(beta, Shape{s[1]});
  c.set_in(lags, Shape{s[0], -1});
  c.set_in(marks, c.in[lags]);
  c.set_in(valid_length, Shape{s[0]});
  c.set_in(max_time, Shape{s[0]});
  c.set_out(0, Shape{s[0]});
  c.set_out(1, s);
}
void infer_type(InferType& c) {
  c.expect_float(lda);
  for (int i = 0; i < 8; ++i)
    if (i != marks) c.set_in(i, c.in[lda]);
  if (c.in[marks] == DType::unknown) c.set_in(marks, DType::i32);
  for (int i = 0; i < 2; ++i) c.set_out(i, c.in[lda]);
}

//[full
// Slopes are carried forward with the traces: (d loss, d out_state, inputs) to lda, alpha, beta, state.
template <class T>
void backward_sequence(const Batch<T>& b, int64_t n, T dy, const T* dstate, Trace<T>* trace, const RunContext& r) {
  T now = 0, *dlda = r.out[0].as<T>() + n * b.kinds, *dalpha = r.out[1].as<T>(), *dbeta = r.out[2].as<T>(),
    *dfirst = r.out[3].as<T>() + n * b.kinds;
  for (int64_t k = 0; k < b.kinds; ++k) trace[k] = {b.at(state, n * b.kinds + k), 0, 1, 0};
  auto compensate = [&](int64_t k, const Interval<T>& i) {
    const T a = b.at(alpha, k), rest = 1 - i.decay;
    const Trace<T>& t = trace[k];
    dlda[k] -= dy * i.length;
    dalpha[k] -= dy * t.s * rest;
    dbeta[k] -= dy * a * (t.of_beta * rest + t.s * i.length * i.decay);
    dfirst[k] -= dy * a * t.of_state * rest;
  };
  for (int64_t j = 0; j < b.length(n); ++j) {
    const int64_t k = b.mark(n, j);
    now += b.at(lags, n * b.steps + j);
    Trace<T>& t = trace[k];
    const T a = b.at(alpha, k), rate = b.at(beta, k);
    const Interval<T> i(rate, t.time, now);
    compensate(k, i);
    const T slope = (t.of_beta - i.length * t.s) * i.decay;  // of the decayed s along beta
    const T each = dy / (b.at(lda, n * b.kinds + k) + a * rate * t.s * i.decay);
    dlda[k] += each;
    dalpha[k] += each * rate * t.s * i.decay;
    dbeta[k] += each * a * (t.s * i.decay + rate * slope);
    dfirst[k] += each * a * rate * t.of_state * i.decay;
    t = {1 + t.s * i.decay, slope, t.of_state * i.decay, now};
  }
  for (int64_t k = 0; k < b.kinds; ++k) {
    const Trace<T>& t = trace[k];
    const Interval<T> i(b.at(beta, k), t.time, b.at(max_time, n));
    compensate(k, i);
    dbeta[k] += dstate[n * b.kinds + k] * (t.of_beta - i.length * t.s) * i.decay;
    dfirst[k] += dstate[n * b.kinds + k] * t.of_state * i.decay;
  }
}
void backward(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "hawkesll", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Batch<T> b(Span<const TensorView>(r.in.data() + 2, r.in.size() - 2));
    for (const TensorView& out : r.out) std::fill_n(out.as<T>(), out.size(), T(0));
    // All sequences add to alpha and beta.
    for (int64_t n = 0; n < b.count; ++n)
      backward_sequence(b, n, r.in[0].as<T>()[n], r.in[1].as<T>(), static_cast<Trace<T>*>(r.context.workspace), r);
  });
}
void infer_backward(InferShape& c) {
  for (int i = 0; i < 4; ++i) c.set_out(i, c.in[static_cast<size_t>(i + 2)]);
}
void infer_backward_type(InferType& c) {
  for (int i = 0; i < 4; ++i) c.set_out(i, c.in[2]);
}
void gradient(GradientContext& g) {
  std::vector<Entry> in{g.output_grad(0), g.output_grad(1)};
  for (int i = 0; i < 8; ++i) in.push_back(g.input(i));
  const auto grads = g.make_backward("_backward_contrib_hawkesll", std::move(in));
  for (int i = 0; i < 4; ++i)
    if (g.wants(i)) g.set(i, grads[static_cast<size_t>(i)]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> op(registry, "_contrib_hawkesll");
  op.input("lda", "(N, K), float: the marks' rates of points that come by themselves.")
      .input("alpha", "(K,): how many points one point of a mark brings.")
      .input("beta", "(K,): how fast that decays.")
      .input("state", "(N, K): what is left of earlier points.")
      .input("lags", "(N, T): times between points.")
      .input("marks", "(N, T), int32 or another dtype: marks, clipped.")
      .input("valid_length", "(N,): points of each sequence.")
      .input("max_time", "(N,): until when it was watched.");
  op.outputs({"output", "out_state"}).infer_shape(infer).infer_type(infer_type).prepare(prepare<forward, lda>);
  //[full
  op.doc(
      "Log likelihoods of marked sequences under K Hawkes processes, (N,), and the states at max_time, (N, K). "
      "Gradients "
      "flow to lda, alpha, beta and state.");
  op.gradient(gradient);
  op.sample({{2, 3}, {3}, {3}, {2, 3}, {2, 4}, {2, 4}, {2}, {2}}).range(0.2, 0.9).integers({4, 5, 6, 7}, 4);
  op.sample({{1, 1}, {1}, {1}, {1, 1}, {1, 1}, {1, 1}, {1}, {1}}).range(0.2, 0.9).integers({4, 5, 6, 7}, 2);
  op.sample({{0, 2}, {2}, {2}, {0, 2}, {0, 3}, {0, 3}, {0}, {0}}).integers({4, 5, 6, 7}, 2);
  OpBuilder<> grad(registry, "_backward_contrib_hawkesll");
  grad.hidden().input("output_grad").input("state_grad");
  for (const char* name : {"lda", "alpha", "beta", "state", "lags", "marks", "valid_length", "max_time"})
    grad.input(name);
  grad.outputs({"lda", "alpha", "beta", "state"}).infer_shape(infer_backward).infer_type(infer_backward_type);
  grad.prepare(prepare<backward, 2 + lda>).no_gradient("second order of hawkesll is not provided");
  //]
}

}  // namespace mixnet::op::hawkesll
