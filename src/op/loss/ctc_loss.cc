// CTCLoss (Graves et al., 2006): -log of the probability of a label sequence, summed over all its alignments with the time steps.
//
// The network's scores go through softmax here. Everything is kept as logarithms. Blanks stand between and around the L labels: 2 L + 1
// states. Cost: T (2 L + 1 + classes) per sequence; backward also keeps 2 T (2 L + 1) numbers of workspace.
#include "op/loss/ctc_loss.h"

#include "op/core/wide.h"

namespace mixnet::op::ctc_loss {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("use_data_lengths", &Params::use_data_lengths)
      .doc("Takes the number of time steps from data_lengths; else all are used.");
  op.param("use_label_lengths", &Params::use_label_lengths)
      .doc("Takes the number of labels from label_lengths; else labels end at the padding.");
  op.param("blank_label", &Params::blank_label, {"first", "last"})
      .doc("The blank is class 0 and labels are padded with 0, or it is the last class and the padding is -1.");
}

template <class T>
T log_norm(const Batch<T>& b, int64_t t, int64_t n) {
  const T* x = b.row(t, n);
  T top = -std::numeric_limits<T>::infinity(), sum = 0;
  for (int64_t k = 0; k < b.classes; ++k) top = std::max(top, x[k]);
  for (int64_t k = 0; k < b.classes; ++k) sum += std::exp(x[k] - top);
  return top + std::log(sum);
}

// One row of alpha from the row before; `before` is nullptr at the first time step.
template <class T>
void advance(const Batch<T>& b, int64_t t, int64_t n, int64_t states, const T* before, T* alpha) {
  const T norm = log_norm(b, t, n);
  for (int64_t s = states - 1; s >= 0; --s) alpha[s] = reached(b, n, s, before) + b.row(t, n)[b.state(n, s)] - norm;
}

// A sequence with no alignment (too few time steps) has loss 0 and no gradient.
void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "CTCLoss", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Batch<T> b(p, r.in);
    const int64_t room = 2 * b.width + 1;
    T* workspace = static_cast<T*>(r.context.workspace);
    parallel_for(b.count, 1, [&](int64_t first, int64_t last) {
      for (int64_t n = first; n < last; ++n) {
        const int64_t states = 2 * b.num_labels(n) + 1, steps = b.classes > 0 ? b.length(n) : 0;
        // Going down in s, a row may be made over the row before.
        T *alpha = workspace + n * room, loss = 0;
        for (int64_t t = 0; t < steps; ++t) advance<T>(b, t, n, states, t > 0 ? alpha : nullptr, alpha);
        if (steps > 0) loss = -log_likelihood(alpha, states);
        r.out[0].as<T>()[n] = std::isfinite(loss) ? loss : T(0);
      }
    });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  const size_t states = static_cast<size_t>(c.inputs[0].shape[1] * (2 * c.inputs[1].shape[1] + 1));
  return std::make_unique<WideKernel<Params>>(c, forward, states * sizeof(double));
}

std::vector<std::string> input_names(const Params& p) {
  std::vector<std::string> names{"data", "label"};
  if (p.use_data_lengths) names.push_back("data_lengths");
  if (p.use_label_lengths) names.push_back("label_lengths");
  return names;
}
void infer(InferShape& c) {
  c.expect_ndim(0, 3, 3);
  c.expect_ndim(1, 2, 2);
  int64_t n = c.in[0].ndim_known() ? c.in[0][1] : -1;
  if (n < 0 && c.in[1].ndim_known()) n = c.in[1][0];
  c.set_in(0, Shape{-1, n, -1});
  c.set_in(1, Shape{n, -1});
  c.set_out(0, Shape{n});
  for (int i = 2; i < c.num_inputs(); ++i) c.set_in(i, Shape{n});
}

//[full
// Beta goes backwards in time; the posterior of state s at time t is alpha + beta - log likelihood, and dx = softmax - posterior.
template <class T>
void sequence_gradient(const Batch<T>& b, int64_t n, T dy, T* workspace, T* dx) {
  const int64_t states = 2 * b.num_labels(n) + 1, steps = b.length(n), room = 2 * b.width + 1;
  T *alpha = workspace, *beta = workspace + b.steps * room;
  for (int64_t t = 0; t < b.steps; ++t) std::fill_n(dx + (t * b.count + n) * b.classes, b.classes, T(0));
  for (int64_t t = 0; t < steps; ++t)
    advance<T>(b, t, n, states, t > 0 ? alpha + (t - 1) * room : nullptr, alpha + t * room);
  const T total = steps > 0 ? log_likelihood(alpha + (steps - 1) * room, states) : -std::numeric_limits<T>::infinity();
  if (!std::isfinite(total)) return;
  for (int64_t t = steps - 1; t >= 0; --t) {
    const T norm = log_norm(b, t, n);
    T* g = dx + (t * b.count + n) * b.classes;
    for (int64_t k = 0; k < b.classes; ++k) g[k] = std::exp(b.row(t, n)[k] - norm) * dy;
    for (int64_t s = 0; s < states; ++s) {
      // Going up in s, a row may be made over the row behind.
      const T sum = leads_on<T>(b, n, s, states, t == steps - 1 ? nullptr : beta);
      const int64_t k = b.state(n, s);
      g[k] -= std::exp(alpha[t * room + s] + sum - total) * dy;
      beta[s] = sum + b.row(t, n)[k] - norm;
    }
  }
}
// (dy, data, label, lengths).
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "CTCLoss", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Batch<T> b(p, Span<const TensorView>(r.in.data() + 1, r.in.size() - 1));
    if (r.out[0].size() == 0) return;
    const int64_t room = (b.steps + 1) * (2 * b.width + 1);
    parallel_for(b.count, 1, [&](int64_t first, int64_t last) {
      for (int64_t n = first; n < last; ++n) {
        sequence_gradient(b, n, r.in[0].as<T>()[n], static_cast<T*>(r.context.workspace) + n * room, r.out[0].as<T>());
      }
    });
  });
}
std::vector<std::string> backward_inputs(const Params& p) {
  std::vector<std::string> names = input_names(p);
  names.insert(names.begin(), "output_grad");
  return names;
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  const Shape& data = c.inputs[1].shape;
  const size_t states = static_cast<size_t>(data[1] * (data[0] + 1) * (2 * c.inputs[2].shape[1] + 1));
  return std::make_unique<WideKernel<Params>>(c, backward, states * sizeof(double));
}
void gradient(GradientContext& g) {
  std::vector<Entry> in{g.output_grad(0)};
  for (int i = 0; i < g.num_inputs(); ++i) in.push_back(g.input(i));
  g.set(0, g.make_backward("_backward_CTCLoss", std::move(in))[0]);
}
void add_samples(OpBuilder<Params>& op) {
  for (const char* blank : {"first", "last"}) op.sample({{5, 2, 4}, {2, 2}}, {{"blank_label", blank}}).integers({1}, 3);
  op.sample({{4, 2, 3}, {2, 2}, {2}}, {{"use_data_lengths", true}}).integers({1, 2}, 3);
  op.sample({{4, 2, 3}, {2, 2}, {2}}, {{"use_label_lengths", true}}).integers({1, 2}, 3);
  op.sample({{4, 2, 3}, {2, 1}, {2}, {2}}, {{"use_data_lengths", true}, {"use_label_lengths", true}})
      .integers({1, 2, 3}, 2);
  op.sample({{1, 1, 1}, {1, 1}}).integers({1}, 1);
  op.sample({{3, 0, 2}, {0, 2}});
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "CTCLoss");
  op.alias("ctc_loss").alias("_contrib_CTCLoss").alias("_contrib_ctc_loss");
  add_params(op);
  op.input("data", "(T, N, classes): scores before softmax.").input("label", "(N, L): classes, padded.");
  op.input("data_lengths", "(N,): time steps of each sequence.")
      .input("label_lengths", "(N,): labels of each sequence.");
  op.input_names(input_names).infer_shape(infer).prepare(prepare);
  //[full
  op.doc(
      "Connectionist temporal classification (Graves et al., 2006): -log p(label | data) for every sequence, (N,). A "
      "label that has no alignment with the data gives loss 0 and no gradient.");
  op.gradient(gradient);
  add_samples(op);
  OpBuilder<Params> grad(registry, "_backward_CTCLoss");
  add_params(grad);
  for (const char* name : {"output_grad", "data", "label", "data_lengths", "label_lengths"}) grad.input(name);
  grad.hidden().input_names(backward_inputs).infer_shape(infer_backward).prepare(prepare_backward);
  grad.no_gradient("the second derivative of CTC is not provided");
  //]
}

}  // namespace mixnet::op::ctc_loss
