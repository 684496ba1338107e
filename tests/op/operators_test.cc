// Walks the registry: every operator is held to the same rules on its own samples. MIXNET_TEST_OP=Name runs one operator.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <string>

#include "pass/gradient.h"
#include "pass/infer.h"
#include "sample_node.h"

namespace mixnet::test {
namespace {

void check_guards(const std::vector<Tensor>& values) {
  for (const Tensor& t : values) CHECK_MESSAGE(guards_intact(t), "a kernel wrote outside its tensor");
}

// Weighted sum of the visible outputs with fixed weights, so that every element of the gradient differs.
double weighted(const Graph& graph, const std::vector<Tensor>& values, const std::vector<Tensor>& weights,
                size_t visible) {
  double sum = 0;
  for (size_t o = 0; o < visible; ++o) {
    const Tensor& t = values[static_cast<size_t>(graph.entry(graph.heads()[o]))];
    for (int64_t i = 0; i < t.size(); ++i) sum += t.get(i) * weights[o].get(i);
  }
  return sum;
}

void check_gradient(const OpSchema& op, const Sample& sample) {
  SampleNode bench(op, sample, DType::f64);
  EvaluateOptions options;
  options.training = sample.training;
  const ParamsPtr& params = bench.outputs[0].node->params;
  const size_t visible = static_cast<size_t>(op.visible_outputs(params.get()));
  const std::vector<Entry> heads(bench.outputs.begin(), bench.outputs.begin() + static_cast<long>(visible));
  const Graph forward(heads);
  const std::map<const Node*, Tensor> start = bench.values;
  const std::vector<Tensor> base = evaluate(forward, bench.values, options);

  std::vector<Tensor> weights;
  std::vector<Entry> head_grads;
  for (size_t o = 0; o < visible; ++o) {
    const Tensor& t = base[static_cast<size_t>(forward.entry(heads[o]))];
    weights.push_back(random_tensor(t.shape(), DType::f64, 0.5, 1.5, 100 + o));
    NodePtr v = make_variable("head_grad");
    bench.values.emplace(v.get(), t.dtype() == DType::f64 ? weights.back() : weights.back().cast(t.dtype()));
    bench.variables.push_back(v);
    head_grads.push_back({v, 0});
  }
  std::vector<Entry> wrt;
  for (size_t i = 0; i < sample.inputs.size(); ++i) {
    const bool skip = std::count(sample.integer_inputs.begin(), sample.integer_inputs.end(), static_cast<int>(i)) > 0 ||
                      bench.outputs[0].node->is_state_input(static_cast<int>(i));
    if (!skip) wrt.push_back({bench.variables[i], 0});
  }
  const std::vector<Entry> grads = gradient(heads, head_grads, wrt);
  std::vector<Entry> all = heads;
  for (const Entry& g : grads)
    if (g) all.push_back(g);
  const Graph graph(all);
  std::map<const Node*, Tensor> inputs = start;
  for (const auto& [node, tensor] : bench.values) inputs.emplace(node, tensor);
  const std::vector<Tensor> values = evaluate(graph, inputs, options);
  check_guards(values);

  for (size_t w = 0; w < wrt.size(); ++w) {
    const Tensor original = start.at(wrt[w].node.get());
    if (grads[w])
      CHECK_MESSAGE(values[static_cast<size_t>(graph.entry(grads[w]))].shape() == original.shape(), "gradient shape");
    const double step = 1e-6;
    for (int64_t i = 0; i < original.size(); ++i) {
      double side[2];
      for (int k = 0; k < 2; ++k) {
        std::map<const Node*, Tensor> moved = start;
        moved.at(wrt[w].node.get()).set(i, original.get(i) + (k == 0 ? step : -step));
        side[k] = weighted(forward, evaluate(forward, moved, options), weights, visible);
      }
      const double expected = (side[0] - side[1]) / (2 * step);
      const double got = grads[w] ? values[static_cast<size_t>(graph.entry(grads[w]))].get(i) : 0;
      const double error = std::fabs(expected - got) / std::max(1.0, std::fabs(expected));
      CHECK_MESSAGE(error < sample.tolerance, "gradient of ", wrt[w].node->name, "[", i, "]: expected ", expected,
                    ", got ", got);
    }
  }
}

}  // namespace

// Operators of whose inputs none can have one element, and why.
const std::map<std::string, std::string> no_single_element = {
    {"_contrib_box_decode", "a box has four numbers"},
    {"_contrib_box_iou", "a box has four numbers"},
    {"_contrib_box_nms", "a row has a score and four coordinates"},
    {"_contrib_MultiProposal", "probabilities are of two classes, offsets are four"},
    {"_contrib_ifft", "complex numbers are pairs"},
    {"_contrib_Proposal", "probabilities are of two classes, offsets are four"},
    {"GridGenerator", "a grid has two numbers per point, an affine map six"},
    {"_contrib_interleaved_matmul_selfatt_qk", "queries, keys and values stand side by side: three numbers per head"},
};

TEST_CASE("every public operator is documented and has samples") {
  for (const OpSchema* op : registry().all()) {
    if (op->hidden || !selected(*op)) continue;
    INFO(op->name);
    CHECK(!op->doc.empty());
    for (const ParamField& f : op->fields) CHECK_MESSAGE(!f.doc.empty(), "parameter ", f.name);
    CHECK(!op->samples.empty());
    bool empty = !op->no_empty.empty() || op->inputs.empty(), one = op->inputs.empty();
    for (const Sample& s : op->samples) {
      for (const Shape& shape : s.inputs) {
        empty = empty || shape.size() == 0;
        one = one || shape.size() == 1;
      }
    }
    CHECK_MESSAGE(empty, "a sample with an empty input, or no_empty with a reason");
    const bool impossible = no_single_element.count(op->name) > 0;
    CHECK_MESSAGE(one != impossible, "a sample with an input of one element, or a place in the list with a reason");
  }
}

TEST_CASE("parameters survive the way through text") {
  for (const OpSchema* op : registry().all()) {
    if (!selected(*op)) continue;
    for (const Sample& sample : op->samples) {
      const std::string what = label(*op, sample);
      INFO(what);
      Attributes attributes = sample.attributes;
      if (!op->variadic.empty()) attributes.emplace_back(op->variadic, op->variadic_count(sample.inputs.size()));
      const auto text = op->params_text(op->make_params(attributes).get());
      Attributes again;
      for (const auto& [key, value] : text) again.emplace_back(key, value);
      CHECK(op->params_text(op->make_params(again).get()) == text);
    }
  }
}

TEST_CASE("samples run in every float type and agree with double") {
  for (const OpSchema* op : registry().all()) {
    if (!selected(*op) || op->late_shape) continue;  // the latter: tests/executor/sparse_test.cc
    for (const Sample& sample : op->samples) {
      const std::string what = label(*op, sample);
      INFO(what);
      EvaluateOptions options;
      options.training = sample.training;
      std::vector<Tensor> reference;
      for (DType dtype : {DType::f64, DType::f32, DType::f16, DType::bf16}) {
        const std::string in = dtype_name(dtype);
        INFO(in);
        try {
          SampleNode bench(*op, sample, dtype);
          const Graph graph(bench.outputs);
          const std::vector<Tensor> values = evaluate(graph, bench.values, options);
          check_guards(values);
          if (dtype == DType::f64) reference = values;
          if (dtype != DType::f32 || op->random || reference.empty()) continue;
          for (const Entry& out : bench.outputs) {
            const size_t e = static_cast<size_t>(graph.entry(out));
            for (int64_t i = 0; i < values[e].size(); ++i) {
              const double want = reference[e].get(i), got = values[e].get(i);
              const bool same = want == got || (std::isnan(want) && std::isnan(got)) ||
                                std::fabs(want - got) <= 1e-3 * std::max(1.0, std::fabs(want));
              CHECK_MESSAGE(same, "output ", out.index, "[", i, "]: float64 ", want, ", float32 ", got);
            }
          }
        } catch (const Error& e) {
          // An operator may refuse a dtype, with a typed error; float32 it must take.
          CHECK_MESSAGE((e.code() == Code::type && dtype != DType::f32), std::string(e.what()));
        }
      }
    }
  }
}

TEST_CASE("gradients agree with finite differences") {
  for (const OpSchema* op : registry().all()) {
    if (!op->gradient || op->head || op->late_shape || !selected(*op)) continue;
    for (const Sample& sample : op->samples) {
      if (!sample.differentiable) continue;
      const std::string what = label(*op, sample);
      INFO(what);
      try {
        check_gradient(*op, sample);
      } catch (const Error& e) {
        CHECK_MESSAGE(false, std::string(e.what()));
      }
    }
  }
}

TEST_CASE("pointwise operators may be given any part of their tensors") {
  for (const OpSchema* op : registry().all()) {
    if (!op->pointwise || !selected(*op)) continue;
    for (const Sample& sample : op->samples) {
      const bool one_shape = std::all_of(sample.inputs.begin(), sample.inputs.end(),
                                         [&](const Shape& s) { return s == sample.inputs[0]; });
      if (!one_shape || sample.inputs[0].size() == 0) continue;
      const std::string what = label(*op, sample);
      INFO(what);
      SampleNode bench(*op, sample, DType::f32);
      const Node& node = *bench.outputs[0].node;
      if (!op->is_pointwise(node.params.get())) continue;
      std::vector<Tensor> whole = evaluate(Graph(bench.outputs), bench.values);
      Tensor out = whole.back(), parts(out.shape(), out.dtype());
      if (out.dtype() != DType::f32) continue;  // such nodes are not fused
      std::vector<TensorView> in;
      for (const NodePtr& v : bench.variables) in.push_back(bench.values.at(v.get()).view());
      TensorView to = parts.view();
      const bool wanted = true;
      PrepareContext context;
      context.params_ = node.params.get();
      context.inputs = in;
      context.outputs = {&to, 1};
      context.wanted = {&wanted, 1};
      const std::unique_ptr<Kernel> kernel = op->portable(context);
      CHECK(kernel->workspace() == 0);
      for (int64_t first = 0, step = 1; first < out.size(); first += step, ++step) {
        const int64_t n = std::min(step, out.size() - first);
        std::vector<TensorView> piece = in;
        TensorView target = to;
        auto cut = [&](TensorView& view) {
          view.data = view.as<float>() + first;
          view.shape = Shape{n};
        };
        for (TensorView& view : piece) cut(view);
        cut(target);
        kernel->run({piece, {&target, 1}, KernelContext()});
      }
      CHECK(parts.values() == out.values());
      CHECK(guards_intact(parts));
    }
  }
}

}  // namespace mixnet::test
