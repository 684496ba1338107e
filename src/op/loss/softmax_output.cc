// SoftmaxOutput: softmax forward, cross-entropy gradient backward, whatever follows it.
#include "op/loss/softmax_output.h"
#include "base/independent.h"
#include "op/core/softmax_line.h"
#include "op/core/wide.h"

namespace mixnet::op::softmax_output {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("grad_scale", &Params::grad_scale).doc("Multiplies the gradient.");
  op.param("ignore_label", &Params::ignore_label).doc("With use_ignore: rows of this label have zero gradient.");
  op.param("multi_output", &Params::multi_output).doc("softmax over axis 1, a label for every other position.");
  op.param("use_ignore", &Params::use_ignore).doc("Honours ignore_label.");
  op.param("preserve_shape", &Params::preserve_shape).doc("softmax over the last axis.");
  op.param("normalization", &Params::normalization, {"batch", "null", "valid"})
      .doc("Divides the gradient by the batch, by nothing, or by the rows not ignored.");
  op.param("out_grad", &Params::out_grad).doc("Multiplies the gradient by the gradient of the output.");
  op.param("smooth_alpha", &Params::smooth_alpha)
      .range(0, 1)
      .doc("Label smoothing: this share is spread over the other classes.");
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "SoftmaxOutput", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(p, r.in[0].shape);
    const T* x = r.in[0].as<T>();
    T* y = r.out[0].as<T>();
    parallel_for(s.outer * s.inner, s.grain(), [&](int64_t first, int64_t last) {
      for (int64_t k = first; k < last; ++k) {
        const int64_t at = s.start(k);
        if (s.inner == 1) {
          softmax_line(x + at, s.classes, y + at);
          continue;
        }
        T top = -std::numeric_limits<T>::infinity(), sum = 0;
        for (int64_t i = 0; i < s.classes; ++i) top = std::max(top, x[at + i * s.inner]);
        for (int64_t i = 0; i < s.classes; ++i) {
          sum += y[at + i * s.inner] = functions::exponential(x[at + i * s.inner] - top);
        }
        for (int64_t i = 0; i < s.classes; ++i) y[at + i * s.inner] /= sum;
      }
    });
  });
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  c.expect_ndim(0, p.multi_output ? 3 : 2, Shape::max_ndim);
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  const Shape& in = c.in[0];
  if (!in.known()) return;
  Shape label{in[0]};
  if (p.multi_output)
    for (int i = 2; i < in.ndim(); ++i) label.push_back(in[i]);
  else if (p.preserve_shape) label = Shape(in.data(), in.ndim() - 1);
  // One probability per class is a label too; flattened and kept positions both pass.
  const Shape& given = c.in[1];
  if (given.known() && (given == in || given.size() == label.size())) return;
  c.set_in(1, label);
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, forward, 0); }

//[full
// Rows that are not ignored: all where labels are probabilities.
template <class T>
int64_t count_valid(const Params& p, const T* label, int64_t rows) {
  int64_t valid = 0;
  for (int64_t k = 0; k < rows; ++k) valid += static_cast<double>(label[k]) != p.ignore_label;
  return valid;
}

// One row, whose elements are `step` apart: dx = (y - target) * scale. The target is `off` but for class `wanted`. dx may be y.
template <class T>
void row_backward(const T* y, int64_t n, int64_t step, int64_t wanted, T on, T off, T scale, T* dx) {
  const bool known = wanted >= 0 && wanted < n;
  const T right = known ? (y[wanted * step] - on) * scale : T(0);
  if (step == 1) {
    MIXNET_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) dx[i] = (y[i] - off) * scale;
  } else {
    for (int64_t i = 0; i < n; ++i) dx[i * step] = (y[i * step] - off) * scale;
  }
  if (known) dx[wanted * step] = right;
}

// (y, label, dy when out_grad) to dx = (p - onehot(label)) * scale.
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "SoftmaxOutput", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(p, r.in[0].shape);
    const int64_t rows = s.outer * s.inner, spread = std::max<int64_t>(1, s.classes - 1);
    const T *y = r.in[0].as<T>(), *label = r.in[1].as<T>(), *dy = p.out_grad ? r.in[2].as<T>() : nullptr;
    T* dx = r.out[0].as<T>();
    const bool dense = r.in[1].shape == r.in[0].shape && r.in[1].size() != rows, ignores = p.use_ignore && !dense;
    const int64_t valid = ignores ? count_valid(p, label, rows) : rows;
    const T scale = static_cast<T>(gradient_scale(p, s, r.in[0].shape[0], valid));
    const T on = T(1) - static_cast<T>(p.smooth_alpha),
            off = static_cast<T>(p.smooth_alpha / static_cast<double>(spread));
    parallel_for(rows, s.grain(), [&](int64_t first, int64_t last) {
      for (int64_t k = first; k < last; ++k) {
        const int64_t at = s.start(k), end = at + s.classes * s.inner;
        if (dense) {
          for (int64_t e = at; e < end; e += s.inner) dx[e] = (y[e] - label[e]) * scale;
        } else if (ignores && static_cast<double>(label[k]) == p.ignore_label) {
          for (int64_t e = at; e < end; e += s.inner) dx[e] = T(0);
        } else {
          row_backward(y + at, s.classes, s.inner, static_cast<int64_t>(label[k]), on, off, scale, dx + at);
        }
        for (int64_t e = at; dy && e < end; e += s.inner) dx[e] *= dy[e];
      }
    });
  });
}
std::vector<std::string> backward_inputs(const Params& p) {
  return p.out_grad ? std::vector<std::string>{"output", "label", "output_grad"}
                    : std::vector<std::string>{"output", "label"};
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[0]); }
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, 0);
}
void gradient(GradientContext& g) {
  std::vector<Entry> in{g.output(0), g.input(1)};
  if (g.params<Params>().out_grad) in.push_back(g.output_grad(0));
  g.set(0, g.make_backward("_backward_SoftmaxOutput", std::move(in))[0]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "SoftmaxOutput");
  op.alias("Softmax");
  add_params(op);
  op.input("data", "(N, classes), (N, classes, ...) with multi_output.")
      .input("label", "(N,): class numbers; or one probability per class.");
  op.inplace(0, 0).infer_shape(infer).head().prepare(prepare);
  //[full
  op.doc(
      "Probabilities of classes; backward gives (p - onehot(label)) * grad_scale and ignores the gradient of the "
      "output unless out_grad is set.");
  op.gradient(gradient);
  op.sample({{3, 4}, {3}}).integers({1}, 4);
  op.sample({{2, 3, 2}, {2, 2}}, {{"multi_output", true}}).integers({1}, 3);
  op.sample({{2, 2, 3}, {2, 2}}, {{"preserve_shape", true}, {"smooth_alpha", 0.1}}).integers({1}, 3);
  op.sample({{1, 1}, {1}}).integers({1}, 1);
  op.sample({{0, 3}, {0}});

  OpBuilder<Params> grad(registry, "_backward_SoftmaxOutput");
  add_params(grad);
  grad.hidden()
      .input("output")
      .input("label")
      .input("output_grad")
      .input_names(backward_inputs)
      .infer_shape(infer_backward)
      .inplace(0, 0);
  grad.prepare(prepare_backward).zero_gradient();
  //]
}

}  // namespace mixnet::op::softmax_output
