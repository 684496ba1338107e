// CTCLoss (Graves et al., 2006): -log of the probability of a label sequence, summed over all its alignments with the time steps.
//
// The network's scores go through softmax here. Everything is kept as logarithms. Blanks stand between and around the L labels: 2 L + 1
// states. Cost: T (2 L + 1 + classes) per sequence; backward also keeps 2 T (2 L + 1) numbers of workspace.
#include <cmath>

#include "op/core/wide.h"

namespace mixnet::op::ctc_loss {
namespace {

enum class Blank { first, last };
struct Params {
  bool use_data_lengths = false, use_label_lengths = false;
  Blank blank_label = Blank::first;
};

void add_params(OpBuilder<Params>& op) {
  op.param("use_data_lengths", &Params::use_data_lengths)
      .doc("Takes the number of time steps from data_lengths; else all are used.");
  op.param("use_label_lengths", &Params::use_label_lengths)
      .doc("Takes the number of labels from label_lengths; else labels end at the padding.");
  op.param("blank_label", &Params::blank_label, {"first", "last"})
      .doc("The blank is class 0 and labels are padded with 0, or it is the last class and the padding is -1.");
}

template <class T>
T log_add(T a, T b) {
  const T top = std::max(a, b), low = std::min(a, b);
  return low == -std::numeric_limits<T>::infinity() ? top : top + std::log1p(std::exp(low - top));
}

// The sequences of a batch: scores (T, N, C), labels (N, L).
template <class T>
struct Batch {
  const Params& p;
  const T *scores, *labels, *data_lengths = nullptr, *label_lengths = nullptr;
  int64_t steps, count, classes, width;

  Batch(const Params& params, Span<const TensorView> in) : p(params), scores(in[0].as<T>()), labels(in[1].as<T>()) {
    steps = in[0].shape[0];
    count = in[0].shape[1];
    classes = in[0].shape[2];
    width = in[1].shape[1];
    size_t next = 2;
    if (p.use_data_lengths) data_lengths = in[next++].as<T>();
    if (p.use_label_lengths) label_lengths = in[next].as<T>();
  }
  int64_t blank() const { return p.blank_label == Blank::first ? 0 : classes - 1; }
  static int64_t limited(T value, int64_t most) {
    return !(value > 0) ? 0 : value >= static_cast<T>(most) ? most : static_cast<int64_t>(value);
  }
  int64_t length(int64_t n) const { return data_lengths ? limited(data_lengths[n], steps) : steps; }
  int64_t num_labels(int64_t n) const {
    if (label_lengths) return limited(label_lengths[n], width);
    int64_t k = 0;
    while (k < width && (p.blank_label == Blank::first ? labels[n * width + k] > 0 : labels[n * width + k] >= 0)) ++k;
    return k;
  }
  // Class of state s; odd states are labels. Classes that do not exist are clipped.
  int64_t state(int64_t n, int64_t s) const {
    return s % 2 == 0 ? blank() : limited(labels[n * width + s / 2], classes - 1);
  }
  bool may_skip(int64_t n, int64_t s) const { return s % 2 == 1 && s > 1 && state(n, s) != state(n, s - 2); }
  const T* row(int64_t t, int64_t n) const { return scores + (t * count + n) * classes; }
  T log_norm(int64_t t, int64_t n) const {
    const T* x = row(t, n);
    T top = -std::numeric_limits<T>::infinity(), sum = 0;
    for (int64_t k = 0; k < classes; ++k) top = std::max(top, x[k]);
    for (int64_t k = 0; k < classes; ++k) sum += std::exp(x[k] - top);
    return top + std::log(sum);
  }
};

// One row of alpha from the row before; `before` is nullptr at the first time step.
template <class T>
void advance(const Batch<T>& b, int64_t t, int64_t n, int64_t states, const T* before, T* alpha) {
  const T none = -std::numeric_limits<T>::infinity(), norm = b.log_norm(t, n);
  for (int64_t s = states - 1; s >= 0; --s) {
    T sum = before ? before[s] : (s < 2 ? T(0) : none);
    if (before && s > 0) sum = log_add(sum, before[s - 1]);
    if (before && b.may_skip(n, s)) sum = log_add(sum, before[s - 2]);
    alpha[s] = sum + b.row(t, n)[b.state(n, s)] - norm;
  }
}
template <class T>
T log_likelihood(const T* alpha, int64_t states) {
  return states > 1 ? log_add(alpha[states - 1], alpha[states - 2]) : alpha[0];
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
  const T none = -std::numeric_limits<T>::infinity();
  T *alpha = workspace, *beta = workspace + b.steps * room;
  for (int64_t t = 0; t < b.steps; ++t) std::fill_n(dx + (t * b.count + n) * b.classes, b.classes, T(0));
  for (int64_t t = 0; t < steps; ++t)
    advance<T>(b, t, n, states, t > 0 ? alpha + (t - 1) * room : nullptr, alpha + t * room);
  const T total = steps > 0 ? log_likelihood(alpha + (steps - 1) * room, states) : none;
  if (!std::isfinite(total)) return;
  for (int64_t t = steps - 1; t >= 0; --t) {
    const T norm = b.log_norm(t, n);
    T* g = dx + (t * b.count + n) * b.classes;
    for (int64_t k = 0; k < b.classes; ++k) g[k] = std::exp(b.row(t, n)[k] - norm) * dy;
    for (int64_t s = 0; s < states; ++s) {
      // beta without this step's own score; the score is added when the row is done with.
      T sum = t == steps - 1 ? (s >= states - 2 ? T(0) : none) : beta[s];
      if (t < steps - 1 && s + 1 < states) sum = log_add(sum, beta[s + 1]);
      if (t < steps - 1 && s + 2 < states && b.may_skip(n, s + 2)) sum = log_add(sum, beta[s + 2]);
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
