// Every operator of the registry gives one result: called alone, bound into a plan, and in the plain evaluator, forward and backward, for
// every gradient request.
#include <doctest/doctest.h>

#include "executor/executor.h"
#include "executor/invoke.h"
#include "ndarray/sparse_parts.h"
#include "op/sample_node.h"
#include "pass/gradient.h"

namespace mixnet::test {
namespace {

NDArray to_array(const Tensor& t) {
  NDArray a(t.shape(), t.dtype());
  Tensor copy = t;
  if (a.bytes() > 0) a.copy_from_host(copy.view().data, a.bytes());
  return a;
}

Tensor to_tensor(const NDArray& given) {
  const NDArray a = given.dense() ? given : dense_copy(given);
  Tensor t(a.shape(), a.dtype());
  if (a.bytes() > 0) a.copy_to_host(t.view().data, a.bytes());
  else a.wait_to_read();
  return t;
}

void check_equal(const Tensor& got, const Tensor& want, const std::string& what) {
  REQUIRE_MESSAGE(got.shape() == want.shape(), what, ": expected ", want.shape().str(), ", got ", got.shape().str());
  for (int64_t i = 0; i < want.size(); ++i) {
    const double x = got.get(i), y = want.get(i);
    const bool same =
        x == y || (std::isnan(x) && std::isnan(y)) || std::fabs(x - y) <= 1e-4 * std::max(1.0, std::fabs(y));
    CHECK_MESSAGE(same, what, "[", i, "]: expected ", y, ", got ", x);
  }
}

template <class F>
void for_samples(F f) {
  for (const OpSchema* op : registry().all()) {
    if (!selected(*op) || op->late_shape) continue;  // the latter: sparse_test.cc
    for (const Sample& sample : op->samples) {
      const std::string what = label(*op, sample);
      INFO(what);
      try {
        f(*op, sample);
      } catch (const Error& e) {
        CHECK_MESSAGE(false, std::string(e.what()));
      }
    }
  }
}

BindArguments bind_arguments(const SampleNode& node, const Symbol& symbol) {
  const Variables variables = find_variables(symbol.outputs());
  BindArguments bound;
  for (const NodePtr& v : variables.arguments) bound.arguments.push_back(to_array(node.values.at(v.get())));
  for (const NodePtr& v : variables.states) bound.states.push_back(to_array(node.values.at(v.get())));
  return bound;
}

// Expected gradients with ones as output gradients; an empty tensor of unknown shape where there is none.
std::vector<Tensor> expected_gradients(SampleNode& node, const std::vector<Entry>& heads,
                                       const std::vector<Entry>& wrt) {
  std::map<const Node*, Tensor> start = node.values;
  const Graph forward(heads);
  const std::vector<Tensor> base = evaluate(forward, node.values);
  std::vector<Entry> head_grads;
  std::vector<NodePtr> keep;
  for (const Entry& head : heads) {
    if (head.node->op->head) {
      head_grads.emplace_back();
      continue;
    }
    const Tensor& y = base[static_cast<size_t>(forward.entry(head))];
    Tensor ones(y.shape(), y.dtype());
    for (int64_t i = 0; i < ones.size(); ++i) ones.set(i, 1);
    keep.push_back(make_variable("head_grad"));
    start.emplace(keep.back().get(), ones);
    head_grads.push_back({keep.back(), 0});
  }
  const std::vector<Entry> grads = gradient(heads, head_grads, wrt);
  std::vector<Entry> all = heads;
  for (const Entry& g : grads)
    if (g) all.push_back(g);
  const Graph graph(all);
  const std::vector<Tensor> values = evaluate(graph, start);
  std::vector<Tensor> result;
  for (size_t i = 0; i < wrt.size(); ++i) {
    Tensor zero(start.at(wrt[i].node.get()).shape(), start.at(wrt[i].node.get()).dtype());
    for (int64_t k = 0; k < zero.size(); ++k) zero.set(k, 0);
    result.push_back(grads[i] ? values[static_cast<size_t>(graph.entry(grads[i]))] : zero);
  }
  return result;
}

}  // namespace

TEST_CASE("executor: every operator gives the same when invoked and when bound") {
  for_samples([](const OpSchema& op, const Sample& sample) {
    if (op.random) return;
    SampleNode node(op, sample, DType::f32);
    const Graph graph(node.outputs);
    std::vector<NDArray> inputs;
    for (const NodePtr& v : node.variables) inputs.push_back(to_array(node.values.at(v.get())));
    const Symbol symbol(node.outputs);
    BindArguments bound = bind_arguments(node, symbol);
    std::map<const Node*, Tensor> states = node.values;
    const std::vector<Tensor> want = evaluate(graph, states, {sample.training, {}});

    std::vector<NDArray> outputs;
    InvokeOptions options;
    options.training = sample.training;
    invoke(op, node.outputs[0].node->params, inputs, outputs, options);
    const auto executor = bind(symbol, {}, std::move(bound));
    executor->forward(sample.training);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const Tensor& expected = want[static_cast<size_t>(graph.entry(node.outputs[i]))];
      check_equal(to_tensor(outputs[i]), expected, "invoked output " + std::to_string(i));
      check_equal(to_tensor(executor->outputs()[i]), expected, "bound output " + std::to_string(i));
    }
    // What an operator changes in place, it changes alike.
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (node.outputs[0].node->mutates_input(static_cast<int>(i)))
        check_equal(to_tensor(inputs[i]), states.at(node.variables[i].get()), "state");
    }
  });
}

TEST_CASE("executor: gradients are written, added and left alone as requested") {
  for_samples([](const OpSchema& op, const Sample& sample) {
    if (!op.gradient || op.random || !sample.training) return;
    SampleNode node(op, sample, DType::f32);
    const size_t visible = static_cast<size_t>(op.num_visible(node.outputs[0].node->params.get()));
    const std::vector<Entry> heads(node.outputs.begin(), node.outputs.begin() + static_cast<long>(visible));
    const Symbol symbol(heads);
    const Variables variables = find_variables(heads);
    std::vector<Entry> wrt;
    for (const NodePtr& v : variables.arguments) wrt.push_back({v, 0});
    const BindArguments start = bind_arguments(node, symbol);
    // Gradients have the dtype of what they belong to; a rule may refuse an output of another dtype.
    std::map<const Node*, Tensor> probe = node.values;
    const Graph forward(heads);
    if (evaluate(forward, probe)[static_cast<size_t>(forward.entry(heads[0]))].dtype() != DType::f32) return;
    const std::vector<Tensor> want = expected_gradients(node, heads, wrt);
    for (GradRequest request : {GradRequest::write, GradRequest::add}) {
      BindArguments bound = start;
      for (size_t i = 0; i < wrt.size(); ++i) {
        // One argument is left alone, where there are several.
        const bool leave = wrt.size() > 1 && i == 1;
        Tensor filled(start.arguments[i].shape(), start.arguments[i].dtype());
        for (int64_t k = 0; k < filled.size(); ++k) filled.set(k, 7);
        bound.gradients.push_back(to_array(filled));
        bound.requests.push_back(leave ? GradRequest::null : request);
      }
      // States may move in a run: each executor gets its own.
      for (NDArray& s : bound.states) s = to_array(to_tensor(s));
      const std::vector<NDArray> grads = bound.gradients;
      const auto executor = bind(symbol, {}, std::move(bound));
      executor->forward(true);
      executor->backward({});
      for (size_t i = 0; i < wrt.size(); ++i) {
        Tensor expected = want[i];
        const bool leave = wrt.size() > 1 && i == 1;
        for (int64_t k = 0; k < expected.size(); ++k) {
          if (leave) expected.set(k, 7);
          else if (request == GradRequest::add) expected.set(k, expected.get(k) + 7);
        }
        check_equal(to_tensor(grads[i]), expected, "gradient of " + wrt[i].node->name);
      }
    }
  });
}

}  // namespace mixnet::test
