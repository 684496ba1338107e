// _contrib_hawkesll: log likelihoods of marked point sequences under Hawkes processes with exponential decay (Hawkes, 1971).
//
// Cost: one pass over the points of every sequence. A mark's intensity is lda + alpha beta s, where s is 1 per earlier point of that
// mark, decayed by exp(-beta time).
#include "op/contrib/hawkesll.h"

#include "op/core/wide.h"

namespace mixnet::op::hawkesll {
namespace {

struct Marks {
  TensorView v;
  double get(int64_t i) const {
    return dispatch_all(v.dtype, "hawkesll", [&](auto tag) {
      using M = typename decltype(tag)::type;
      return static_cast<double>(static_cast<accumulator_t<M>>(v.as<M>()[i]));
    });
  }
};
template <class T>
using Batch = Sequences<T, Marks>;

void forward(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "hawkesll", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Batch<T> b(r.in, {r.in[marks]});
    Trace<T>* traces = static_cast<Trace<T>*>(r.context.workspace);
    parallel_for(b.count, 1, [&](int64_t first, int64_t last) {
      for (int64_t n = first; n < last; ++n)
        r.out[0].as<T>()[n] = b.forward(n, traces + n * b.kinds, r.out[1].as<T>() + n * b.kinds);
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
// (d loss, d out_state, inputs) to lda, alpha, beta, state.
void backward(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "hawkesll", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Batch<T> b({r.in.data() + 2, r.in.size() - 2}, {r.in[2 + marks]});
    for (const TensorView& out : r.out) std::fill_n(out.as<T>(), out.size(), T(0));
    // All sequences add to alpha and beta.
    for (int64_t n = 0; n < b.count; ++n)
      b.backward(n, r.in[0].as<T>()[n], r.in[1].as<T>() + n * b.kinds, static_cast<Trace<T>*>(r.context.workspace),
                 {r.out[0].as<T>() + n * b.kinds, r.out[1].as<T>(), r.out[2].as<T>(), r.out[3].as<T>() + n * b.kinds});
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
