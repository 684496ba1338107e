// oneDNN kernels give what the portable kernels give: outputs, hidden outputs and the states they move. Each row also
// says whether oneDNN takes the case, so that no row compares a kernel with itself.
#include <doctest/doctest.h>

#if defined(MIXNET_ONEDNN)
#include <dnnl.hpp>

#include <cmath>
#include <memory>
#include <string>

#include "op/core/dnnl_kernel.h"
#include "op/core/registry.h"
#include "pass/gradient.h"
#include "sample_node.h"

namespace mixnet::test {
namespace {

struct Row {
  const char* op;
  Attributes attributes;
  std::vector<Shape> inputs;
  std::vector<int> positive = {};  // inputs that must be above zero
  bool taken = true, training = true;
  double tolerance = 1e-4;
  std::vector<bool> wanted = {};  // all outputs when empty
};

std::string label(const Row& row) {
  std::string s = row.op;
  for (const Shape& shape : row.inputs) s += " " + shape.str();
  for (const auto& [key, value] : row.attributes) s += " " + key + "=" + value.str();
  return s + (row.training ? " training" : " prediction");
}

// One row with its tensors; run() may be called once.
class Bench {
 public:
  explicit Bench(const Row& row, const std::vector<DType>& dtypes = {})
      : op_(registry().at(row.op)), params_(op_.make_params(row.attributes)) {
    const size_t count = static_cast<size_t>(op_.num_outputs(params_.get()));
    InferShape shapes(op_, params_.get(), "");
    InferType types(op_, params_.get(), "");
    for (size_t i = 0; i < row.inputs.size(); ++i) {
      shapes.in.push_back(row.inputs[i]);
      types.in.push_back(dtypes.empty() ? DType::f32 : dtypes[std::min(i, dtypes.size() - 1)]);
      const bool positive = std::count(row.positive.begin(), row.positive.end(), static_cast<int>(i)) > 0;
      inputs.push_back(random_tensor(row.inputs[i], types.in.back(), positive ? 0.5 : -1, positive ? 2 : 1, 3 + i));
    }
    shapes.out.assign(count, Shape::unknown());
    types.out.assign(count, DType::unknown);
    op_.infer_shape(shapes);
    op_.infer_type(types);
    for (size_t i = 0; i < count; ++i)
      outputs.emplace_back(shapes.out[i], types.out[i] == DType::unknown ? types.in[0] : types.out[i]);
    for (size_t i = 0; i < count; ++i) wanted_[i] = row.wanted.empty() || row.wanted[i];
    for (Tensor& t : inputs) in_.push_back(t.view());
    for (Tensor& t : outputs) out_.push_back(t.view());
    context_.training = row.training;
  }
  bool wanted(size_t i) const { return wanted_[i]; }
  PrepareContext prepare_context() const {
    PrepareContext c;
    c.params_ = params_.get();
    c.inputs = in_;
    c.outputs = out_;
    c.wanted = Span<const bool>(wanted_, out_.size());
    c.training = context_.training;
    return c;
  }
  // nullptr: oneDNN does not take it.
  std::unique_ptr<Kernel> onednn() const {
    REQUIRE(!op_.kernels.empty());
    REQUIRE(op_.kernels[0].first == Provider::onednn);
    return op_.kernels[0].second(prepare_context());
  }
  void run(const Kernel& kernel) {
    for (size_t i = 0; i < out_.size(); ++i)
      if (!wanted_[i] && op_.optional_outputs) out_[i].data = nullptr;
    Tensor workspace(Shape{static_cast<int64_t>(kernel.workspace())}, DType::u8);
    context_.workspace = workspace.view().data;
    kernel.run({in_, out_, context_});
    CHECK(guards_intact(workspace));
    for (const auto* list : {&inputs, &outputs})
      for (const Tensor& t : *list) CHECK(guards_intact(t));
  }
  void run_portable() { run(*op_.portable(prepare_context())); }

  std::vector<Tensor> inputs, outputs;

 private:
  const OpSchema& op_;
  ParamsPtr params_;
  std::vector<TensorView> in_, out_;
  KernelContext context_;
  bool wanted_[8] = {};
};

void check_close(const std::string& what, const Tensor& got, const Tensor& want, double tolerance) {
  int64_t wrong = 0, first = -1;
  for (int64_t i = 0; i < want.size(); ++i) {
    const double x = got.get(i), y = want.get(i);
    if (x == y || std::fabs(x - y) <= tolerance * std::max(1.0, std::fabs(y))) continue;
    if (wrong++ == 0) first = i;
  }
  CHECK_MESSAGE(wrong == 0, what, ": ", wrong, " of ", want.size(), " differ, the first at ", first, ": expected ",
                want.get(std::max<int64_t>(0, first)), ", got ", got.get(std::max<int64_t>(0, first)));
}

// A CPU without AVX-512 lacks some of the kernels.
void check_taken(bool got, bool expected) {
  const auto isa = static_cast<unsigned>(dnnl::get_effective_cpu_isa()),
             full = static_cast<unsigned>(dnnl::cpu_isa::avx512_core);
  if ((isa & full) == full || got) CHECK(got == expected);
}

void check_row(const Row& row, const std::vector<DType>& dtypes = {}) {
  const std::string what = label(row);
  INFO(what);
  Bench fast(row, dtypes), plain(row, dtypes);
  const std::unique_ptr<Kernel> kernel = fast.onednn();
  check_taken(kernel != nullptr, row.taken);
  if (!kernel) return;
  fast.run(*kernel);
  plain.run_portable();
  for (size_t i = 0; i < plain.outputs.size(); ++i) {
    if (plain.wanted(i)) check_close("output " + std::to_string(i), fast.outputs[i], plain.outputs[i], row.tolerance);
  }
  for (size_t i = 0; i < plain.inputs.size(); ++i)
    check_close("input " + std::to_string(i), fast.inputs[i], plain.inputs[i], row.tolerance);
}

// The backward row needs the forward's own output where it compares values with it.
void check_pooling(const Shape& x, const Attributes& attributes, bool taken = true, DType dtype = DType::f32,
                   double tolerance = 1e-4) {
  const Row forward{"Pooling", attributes, {x}, {}, taken, true, tolerance};
  check_row(forward, {dtype});
  Bench first(forward, {dtype});
  first.run_portable();
  const Row backward{"_backward_Pooling",
                     attributes,
                     {first.outputs[0].shape(), x, first.outputs[0].shape()},
                     {},
                     taken,
                     true,
                     tolerance};
  const std::string what = label(backward);
  INFO(what);
  Bench fast(backward, {dtype}), plain(backward, {dtype});
  for (Bench* b : {&fast, &plain}) {
    for (int64_t i = 0; i < x.size(); ++i) b->inputs[1].set(i, first.inputs[0].get(i));
    for (int64_t i = 0; i < first.outputs[0].size(); ++i) b->inputs[2].set(i, first.outputs[0].get(i));
  }
  const std::unique_ptr<Kernel> kernel = fast.onednn();
  check_taken(kernel != nullptr, taken);
  if (!kernel) return;
  fast.run(*kernel);
  plain.run_portable();
  check_close("dx", fast.outputs[0], plain.outputs[0], tolerance);
}

int64_t filters(const Attributes& attributes) {
  for (const auto& [key, value] : attributes)
    if (key == "num_filter") return value.as_int();
  return 0;
}

// Convolution and Deconvolution with everything wanted, and with each gradient alone.
void check_convolution(const char* op, const Shape& x, const Shape& w, const Attributes& attributes, bool bias,
                       bool taken = true, DType dtype = DType::f32, double tolerance = 1e-4) {
  Attributes all = attributes;
  all.emplace_back("no_bias", !bias);
  Row forward{op, all, {x, w}, {}, taken, true, tolerance};
  if (bias) forward.inputs.push_back({filters(attributes)});
  check_row(forward, {dtype});
  forward.training = false;
  check_row(forward, {dtype});
  const Shape y = Bench(forward, {dtype}).outputs[0].shape();
  const std::string backward = std::string("_backward_") + op;
  for (const std::vector<bool>& wanted :
       {std::vector<bool>{true, true, true}, {true, false, false}, {false, true, false}, {false, true, true}}) {
    const std::vector<bool> asked(wanted.begin(), wanted.begin() + (bias ? 3 : 2));
    check_row({backward.c_str(), all, {y, x, w}, {}, taken, true, tolerance, asked}, {dtype});
  }
}

}  // namespace

TEST_CASE("oneDNN: pooling") {
  for (const char* type : {"max", "avg"}) {
    for (const char* convention : {"valid", "full", "same"}) {
      check_pooling({2, 19, 23, 21}, {{"kernel", Shape{2, 2}},
                                      {"stride", Shape{2, 2}},
                                      {"pool_type", type},
                                      {"pooling_convention", convention},
                                      {"count_include_pad", false}});
      check_pooling({2, 19, 23, 20}, {{"kernel", Shape{3, 3}},
                                      {"stride", Shape{2, 1}},
                                      {"pad", Shape{1, 1}},
                                      {"pool_type", type},
                                      {"pooling_convention", convention},
                                      {"count_include_pad", false}});
    }
    check_pooling({2, 16, 24, 24},
                  {{"kernel", Shape{3, 3}}, {"stride", Shape{2, 2}}, {"pad", Shape{1, 1}}, {"pool_type", type}});
    check_pooling({2, 40, 9, 9}, {{"global_pool", true}, {"pool_type", type}});
    check_pooling({2, 8, 400}, {{"kernel", Shape{4}}, {"stride", Shape{3}}, {"pad", Shape{2}}, {"pool_type", type}});
    check_pooling(
        {2, 5, 9, 8, 10},
        {{"kernel", Shape{2, 3, 2}}, {"stride", Shape{2, 2, 1}}, {"pad", Shape{0, 1, 1}}, {"pool_type", type}});
    check_pooling({1, 2, 5, 5}, {{"kernel", Shape{3, 3}}, {"pool_type", type}}, false);  // small
    check_pooling({2, 16, 24, 24}, {{"kernel", Shape{3, 3}}, {"pool_type", type}}, false, DType::f64);
  }
  // Averages over windows that are cut off behind the padding divide by another count.
  check_pooling(
      {2, 19, 23, 22},
      {{"kernel", Shape{3, 3}}, {"stride", Shape{2, 2}}, {"pool_type", "avg"}, {"pooling_convention", "full"}}, false);
  check_pooling({2, 16, 24, 24}, {{"kernel", Shape{3, 3}}, {"pool_type", "sum"}}, false);
  check_pooling({2, 16, 24, 24}, {{"kernel", Shape{3, 3}}, {"pool_type", "lp"}, {"p_value", 2}}, false);
}

TEST_CASE("oneDNN: convolution and deconvolution") {
  for (const bool bias : {false, true}) {
    check_convolution("Convolution", {2, 3, 11, 10}, {8, 3, 3, 3},
                      {{"kernel", Shape{3, 3}}, {"num_filter", 8}, {"stride", Shape{2, 2}}, {"pad", Shape{1, 1}}},
                      bias);
    check_convolution("Convolution", {2, 8, 9, 9}, {16, 4, 3, 3},
                      {{"kernel", Shape{3, 3}}, {"num_filter", 16}, {"dilate", Shape{2, 2}}, {"num_group", 2}}, bias);
    check_convolution("Convolution", {2, 4, 20}, {8, 4, 5},
                      {{"kernel", Shape{5}}, {"num_filter", 8}, {"stride", Shape{3}}}, bias);
    check_convolution("Convolution", {1, 4, 5, 6, 7}, {8, 4, 2, 3, 2}, {{"kernel", Shape{2, 3, 2}}, {"num_filter", 8}},
                      bias);
    check_convolution("Deconvolution", {2, 5, 6, 7}, {5, 8, 3, 3},
                      {{"kernel", Shape{3, 3}},
                       {"num_filter", 8},
                       {"stride", Shape{2, 2}},
                       {"pad", Shape{1, 1}},
                       {"adj", Shape{1, 1}}},
                      bias);
    check_convolution("Deconvolution", {2, 6, 6, 5}, {6, 4, 4, 3},
                      {{"kernel", Shape{4, 3}}, {"num_filter", 8}, {"stride", Shape{2, 1}}, {"num_group", 2}}, bias);
    check_convolution(
        "Deconvolution", {1, 3, 5, 5}, {3, 4, 4, 4},
        {{"kernel", Shape{4, 4}}, {"num_filter", 4}, {"stride", Shape{2, 2}}, {"target_shape", Shape{10, 10}}}, bias);
    check_convolution("Deconvolution", {2, 3, 9}, {3, 4, 3},
                      {{"kernel", Shape{3}}, {"num_filter", 4}, {"dilate", Shape{2}}}, bias);
    check_convolution("Deconvolution", {1, 3, 3, 4, 3}, {3, 4, 2, 2, 2},
                      {{"kernel", Shape{2, 2, 2}}, {"num_filter", 4}, {"stride", Shape{2, 1, 2}}}, bias);
    check_convolution("Convolution", {2, 3, 9, 9}, {8, 3, 3, 3}, {{"kernel", Shape{3, 3}}, {"num_filter", 8}}, bias,
                      false, DType::f16);
    check_convolution("Deconvolution", {0, 3, 9, 9}, {3, 8, 3, 3}, {{"kernel", Shape{3, 3}}, {"num_filter", 8}}, bias,
                      false);
  }
}

TEST_CASE("oneDNN: batch normalisation") {
  const std::vector<Shape> last{{40, 130}, {130}, {130}, {130}, {130}}, middle{{8, 40, 6, 5}, {40}, {40}, {40}, {40}},
      image{{4, 12, 10, 24}, {24}, {24}, {24}, {24}};
  auto backward = [](const std::vector<Shape>& s) {
    return std::vector<Shape>{s[0], s[0], s[1], s[1], s[1], s[1], s[1]};
  };
  for (const bool fix : {false, true}) {
    for (const bool global : {false, true}) {
      const Attributes a{{"fix_gamma", fix}, {"use_global_stats", global}, {"momentum", 0.7}},
          b{{"fix_gamma", fix}, {"use_global_stats", global}, {"axis", -1}};
      for (const bool training : {false, true}) {
        check_row({"BatchNorm", a, last, {4}, true, training});
        check_row({"BatchNorm", b, image, {4}, true, training});
      }
      check_row({"_backward_BatchNorm", a, backward(last), {4, 6}});
      check_row({"_backward_BatchNorm", b, backward(image), {4, 6}});
      for (const std::vector<bool>& wanted :
           {std::vector<bool>{true, false, false}, {false, true, false}, {false, false, true}}) {
        check_row({"_backward_BatchNorm", a, backward(last), {4, 6}, true, true, 1e-4, wanted});
      }
      check_row({"BatchNorm", a, middle, {4}, false});
      check_row({"_backward_BatchNorm", a, backward(middle), {4, 6}, false});
    }
  }
}

TEST_CASE("oneDNN: LRN") {
  for (const bool norm : {true, false}) {
    check_row({"LRN", {{"nsize", 5}, {"alpha", 0.3}}, {{2, 32, 9, 10}}, {}, true, true, 1e-4, {true, norm}});
    check_row(
        {"LRN", {{"nsize", 5}, {"alpha", 0.3}, {"knorm", 1.0}}, {{2, 96, 55}}, {}, true, true, 1e-4, {true, norm}});
  }
  const Attributes attributes{{"nsize", 5}, {"alpha", 0.3}};
  for (const Shape& x : {Shape{2, 32, 9, 10}, Shape{1, 96, 13, 13}, Shape{3, 16, 100}}) {
    Row row{"_backward_LRN", attributes, {x, x, x}};
    const Row forward{"LRN", attributes, {x}};
    Bench first(forward), fast(row), plain(row);
    first.run_portable();
    for (Bench* b : {&fast, &plain}) {
      for (int64_t i = 0; i < x.size(); ++i) {
        b->inputs[1].set(i, first.inputs[0].get(i));
        b->inputs[2].set(i, first.outputs[1].get(i));
      }
    }
    const std::string what = label(row);
    INFO(what);
    const auto kernel = fast.onednn();
    check_taken(kernel != nullptr, true);
    if (!kernel) continue;
    fast.run(*kernel);
    plain.run_portable();
    check_close("dx", fast.outputs[0], plain.outputs[0], 1e-4);
  }
  check_row({"_backward_LRN", attributes, {{2, 33, 10, 10}, {2, 33, 10, 10}, {2, 33, 10, 10}}, {}, false});
}

TEST_CASE("oneDNN: softmax") {
  const Shape x{6, 7, 5, 40};
  for (const char* op : {"softmax", "log_softmax"}) {
    const std::string back = std::string("_backward_") + op;
    for (const int axis : {-1, 1, 0}) {
      check_row({op, {{"axis", axis}}, {x}, {}, axis == -1});
      check_row({back.c_str(), {{"axis", axis}}, {x, x}, {1}, axis == -1});
    }
    check_row({op, {{"temperature", 2.0}}, {x}, {}, false});
    check_row({op, {}, {{3, 40}}, {}, false});  // small
  }
  for (const char* mode : {"instance", "channel"}) {
    const bool taken = std::string(mode) == "instance";
    check_row({"SoftmaxActivation", {{"mode", mode}}, {x}, {}, taken});
    check_row({"_backward_SoftmaxActivation", {{"mode", mode}}, {x, x}, {1}, taken});
  }
}

TEST_CASE("oneDNN: fully connected") {
  for (const bool bias : {false, true}) {
    for (const Shape& x : {Shape{9, 7, 64}, Shape{2, 448}, Shape{70, 448}}) {
      const Attributes attributes{{"num_hidden", 600}, {"no_bias", !bias}};
      std::vector<Shape> inputs{x, {600, 448}};
      if (bias) inputs.push_back({600});
      check_row({"FullyConnected", attributes, inputs});
      check_row({"_backward_FullyConnected", attributes, {{x[0], 600}, x, {600, 448}}, {}, false});
    }
    const Attributes rows{{"num_hidden", 96}, {"no_bias", true}, {"flatten", false}};
    check_row({"FullyConnected", rows, {{6, 20, 50}, {96, 50}}});
  }
  check_row({"FullyConnected", {{"num_hidden", 8}}, {{9, 16}, {8, 16}, {8}}, {}, false});  // small
}

// Where the CPU multiplies bfloat16; elsewhere oneDNN must leave all of it to us.
TEST_CASE("oneDNN: bfloat16") {
  const DType b = DType::bf16;
  const bool taken = Bench({"softmax", {}, {{64, 100}}}, {b}).onednn() != nullptr;
  check_row({"softmax", {}, {{64, 100}}, {}, taken, true, 1e-2}, {b});
  check_row({"_backward_softmax", {}, {{64, 100}, {64, 100}}, {}, taken, true, 2e-2}, {b});
  check_pooling({2, 16, 24, 24},
                {{"kernel", Shape{3, 3}}, {"stride", Shape{2, 2}}, {"pad", Shape{1, 1}}, {"pool_type", "max"}}, taken,
                b, 3e-2);
  check_pooling({2, 16, 24, 24},
                {{"kernel", Shape{3, 3}}, {"stride", Shape{2, 2}}, {"pad", Shape{1, 1}}, {"pool_type", "avg"}}, taken,
                b, 3e-2);
  check_row({"BatchNorm", {{"fix_gamma", false}}, {{8, 40, 6, 5}, {40}, {40}, {40}, {40}}, {4}, taken, true, 3e-2},
            {b, DType::f32});
  check_row({"_backward_BatchNorm",
             {{"fix_gamma", false}},
             {{8, 40, 6, 5}, {8, 40, 6, 5}, {40}, {40}, {40}, {40}, {40}},
             {4, 6},
             taken,
             true,
             3e-2},
            {b, b, DType::f32});
  check_row({"FullyConnected", {{"num_hidden", 96}}, {{40, 100}, {96, 100}, {96}}, {}, taken, true, 5e-2}, {b});
  for (const std::vector<bool>& wanted :
       {std::vector<bool>{true, true, true}, {true, false, false}, {false, true, false}, {false, false, true}}) {
    const Attributes attributes{{"num_hidden", 96}};
    check_row({"_backward_FullyConnected", attributes, {{40, 96}, {40, 100}, {96, 100}}, {}, taken, true, 5e-2, wanted},
              {b});
  }
  check_convolution("Convolution", {2, 3, 11, 10}, {8, 3, 3, 3}, {{"kernel", Shape{3, 3}}, {"num_filter", 8}}, true,
                    taken, b, 3e-2);
  check_convolution("Deconvolution", {2, 3, 11, 10}, {3, 8, 3, 3}, {{"kernel", Shape{3, 3}}, {"num_filter", 8}}, true,
                    taken, b, 3e-2);
}

// A sample's node with its gradients, evaluated twice.
void check_sample(const OpSchema& op, const Sample& sample) {
  SampleNode bench(op, sample, DType::f32);
  const int visible = op.num_visible(bench.outputs[0].node->params.get());
  std::vector<Entry> heads(bench.outputs.begin(), bench.outputs.begin() + visible), head_grads, wrt;
  EvaluateOptions options;
  options.training = sample.training;
  if (op.gradient) {
    std::map<const Node*, Tensor> values = bench.values;
    const Graph forward(heads);
    const std::vector<Tensor> base = evaluate(forward, values, options);
    for (const Entry& head : std::vector<Entry>(heads)) {
      const NodePtr v = make_variable("head_grad");
      const Tensor& t = base[static_cast<size_t>(forward.entry(head))];
      bench.values.emplace(v.get(), random_tensor(t.shape(), t.dtype(), 0.5, 1.5, 100 + head_grads.size()));
      bench.variables.push_back(v);
      head_grads.push_back({v, 0});
    }
    for (size_t i = 0; i < sample.inputs.size(); ++i) {
      if (!bench.outputs[0].node->is_state_input(static_cast<int>(i))) wrt.push_back({bench.variables[i], 0});
    }
    for (const Entry& g : gradient(std::vector<Entry>(heads), head_grads, wrt)) {
      if (g) heads.push_back(g);
    }
  }
  const Graph graph(heads);
  std::vector<Tensor> results[2];
  for (bool fast : {true, false}) {
    std::map<const Node*, Tensor> values = bench.values;
    set_onednn_enabled(fast);
    results[fast] = evaluate(graph, values, options);
    set_onednn_enabled(true);
  }
  for (size_t i = 0; i < heads.size(); ++i) {
    const size_t entry = static_cast<size_t>(graph.entry(heads[i]));
    check_close("head " + std::to_string(i), results[1][entry], results[0][entry], 1e-3);
  }
}

TEST_CASE("oneDNN: every operator gives the portable results on the registry's own samples, and its gradients too") {
  if (!onednn_enabled()) return;  // this run is without oneDNN altogether
  struct AnySize {
    AnySize() { dnnl_takes_any_size = true; }
    ~AnySize() {
      dnnl_takes_any_size = false;
      set_onednn_enabled(true);
    }
  } any_size;
  for (const OpSchema* op : registry().all()) {
    if (op->kernels.empty() || op->kernels[0].first != Provider::onednn || op->samples.empty()) continue;
    int taken = 0;
    for (const Sample& sample : op->samples) {
      const std::string what = label(*op, sample);
      INFO(what);
      const bool empty =
          std::any_of(sample.inputs.begin(), sample.inputs.end(), [](const Shape& s) { return s.size() == 0; });
      if (empty) continue;
      check_sample(*op, sample);
      if (!op->variadic.empty()) continue;
      const SampleNode node(*op, sample, DType::f32);
      std::vector<DType> dtypes;
      for (const NodePtr& v : node.variables) dtypes.push_back(node.values.at(v.get()).dtype());
      taken += Bench({op->name.c_str(), sample.attributes, sample.inputs}, dtypes).onednn() != nullptr;
    }
    // Concat on oneDNN joins tensors in oneDNN's layouts only: tests/executor/layouts_test.cc.
    INFO(op->name);
    if (op->name != "Concat") check_taken(taken > 0, true);
  }
}

}  // namespace mixnet::test
#endif
