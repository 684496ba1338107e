// Layers at sizes at which groups of threads and tiles are full and have rests: forward and backward with a gradient of all kinds of numbers,
// on a GPU and on the CPU. Their samples are smaller, so that differences can be taken of them.
#include <doctest/doctest.h>

#include <cmath>

#include "executor/executor.h"
#include "executor/invoke.h"
#include "op/sample_node.h"

namespace mixnet::test {
namespace {

struct Case {
  const char* op;
  std::vector<Shape> inputs;
  Attributes attributes;
  double low = -1, high = 1;
  double tolerance = 2e-4;
};

NDArray on(DeviceId device, const Tensor& t) {
  NDArray a(t.shape(), t.dtype(), device);
  Tensor copy = t;
  a.copy_from_host(copy.view().data, a.bytes());
  return a;
}
std::vector<float> values(const NDArray& a) {
  std::vector<float> v(static_cast<size_t>(a.size()));
  a.copy_to_host(v.data(), a.bytes());
  return v;
}

// Outputs, gradients and states after a step.
std::vector<std::vector<float>> step_on(DeviceId device, const Case& c) {
  Sample sample;
  sample.inputs = c.inputs;
  sample.attributes = c.attributes;
  sample.low = c.low;
  sample.high = c.high;
  const OpSchema& op = registry().at(c.op);
  const SampleNode node(op, sample, DType::f32);
  const size_t visible = static_cast<size_t>(op.num_visible(node.outputs[0].node->params.get()));
  const Symbol symbol({node.outputs.begin(), node.outputs.begin() + static_cast<long>(visible)});
  const Variables variables = find_variables(symbol.outputs());
  BindArguments bound;
  for (const NodePtr& v : variables.arguments) {
    const Tensor& value = node.values.at(v.get());
    bound.arguments.push_back(on(device, value));
    bound.gradients.emplace_back(value.shape(), value.dtype(), device);
    bound.requests.push_back(GradRequest::write);
  }
  for (const NodePtr& v : variables.states) bound.states.push_back(on(device, node.values.at(v.get())));
  const std::vector<NDArray> gradients = bound.gradients, states = bound.states;
  const std::shared_ptr<Executor> executor = bind(symbol, device, std::move(bound));
  seed_random(5);
  executor->forward(true);
  std::vector<NDArray> heads;
  for (const NDArray& y : executor->outputs())
    heads.push_back(on(device, random_tensor(y.shape(), DType::f32, -1, 1, 77 + heads.size())));
  executor->backward(heads);
  std::vector<std::vector<float>> all;
  for (const auto* list : {&executor->outputs(), &gradients, &states}) {
    for (const NDArray& a : *list) all.push_back(values(a));
  }
  return all;
}

const std::vector<Case> cases{
    {"FullyConnected", {{70, 33}, {65, 33}, {65}}, {{"num_hidden", 65}}},
    {"FullyConnected", {{3, 700}, {20, 700}, {20}}, {{"num_hidden", 20}}},
    {"FullyConnected", {{37, 20}, {1100, 20}, {1100}}, {{"num_hidden", 1100}}},  // its bias by blocks of columns
    {"dot", {{33, 70}, {65, 33}}, {{"transpose_a", true}, {"transpose_b", true}}},
    {"batch_dot", {{3, 20, 33}, {3, 33, 17}}, {}},
    {"Convolution",
     {{3, 34, 9, 11}, {36, 17, 3, 2}, {36}},
     {{"kernel", Shape{3, 2}},
      {"num_filter", 36},
      {"num_group", 2},
      {"stride", Shape{2, 1}},
      {"pad", Shape{1, 1}},
      {"dilate", Shape{1, 2}}}},
    {"Convolution",
     {{2, 18, 13, 11}, {18, 1, 3, 3}, {18}},
     {{"kernel", Shape{3, 3}}, {"num_filter", 18}, {"num_group", 18}}},
    {"Convolution",
     {{2, 11, 9, 20}, {33, 3, 3, 20}, {33}},
     {{"kernel", Shape{3, 3}}, {"num_filter", 33}, {"layout", "NHWC"}, {"stride", Shape{2, 3}}, {"pad", Shape{1, 2}}}},
    {"Convolution", {{2, 3, 5, 6, 7}, {17, 3, 2, 3, 2}, {17}}, {{"kernel", Shape{2, 3, 2}}, {"num_filter", 17}}},
    {"Deconvolution",
     {{2, 20, 7, 6}, {20, 17, 3, 4}, {34}},
     {{"kernel", Shape{3, 4}},
      {"num_filter", 34},
      {"num_group", 2},
      {"stride", Shape{2, 3}},
      {"pad", Shape{1, 1}},
      {"adj", Shape{1, 2}},
      {"no_bias", false}}},
    {"Deconvolution",
     {{2, 5, 6, 18}, {18, 3, 3, 20}, {20}},
     {{"kernel", Shape{3, 3}}, {"num_filter", 20}, {"dilate", Shape{2, 1}}, {"no_bias", false}, {"layout", "NHWC"}}},
    {"BatchNorm", {{5, 3, 17, 19}, {3}, {3}, {3}, {3}}, {{"fix_gamma", false}}, 0.5, 2, 2e-3},
    {"BatchNorm", {{5, 17, 19, 3}, {3}, {3}, {3}, {3}}, {{"fix_gamma", false}, {"axis", -1}}, 0.5, 2, 2e-3},
    // Channels that are cut into parts; rows of channels, in pieces of several and one by one.
    {"BatchNorm", {{3, 6, 60, 70}, {6}, {6}, {6}, {6}}, {{"fix_gamma", false}}, 0.5, 2, 2e-3},
    {"BatchNorm", {{7, 9, 10, 24}, {24}, {24}, {24}, {24}}, {{"fix_gamma", false}, {"axis", 3}}, 0.5, 2, 2e-3},
    {"BatchNorm", {{230, 13}, {13}, {13}, {13}, {13}}, {}, 0.5, 2, 2e-3},
    {"BatchNorm",
     {{33, 5, 8}, {8}, {8}, {8}, {8}},
     {{"fix_gamma", false}, {"axis", 2}, {"use_global_stats", true}},
     0.5,
     2,
     2e-3},
    {"LayerNorm", {{37, 300}, {300}, {300}}, {}},
    {"LayerNorm", {{5, 41, 7}, {41}, {41}}, {{"axis", 1}}},
    {"GroupNorm", {{3, 12, 9, 5}, {4}, {4}}, {{"num_groups", 4}}},
    {"InstanceNorm", {{3, 5, 17, 19}, {5}, {5}}, {}},
    {"L2Normalization", {{3, 300, 5}}, {{"mode", "channel"}}},
    {"L2Normalization", {{3, 20, 25}}, {}},
    {"LRN", {{3, 11, 5, 7}}, {{"nsize", 5}, {"alpha", 0.5}}},
    {"softmax", {{3, 300}}, {}},
    {"log_softmax", {{7, 41, 5}}, {{"axis", 1}}},
    {"SoftmaxActivation", {{7, 41, 5}}, {{"mode", "channel"}}},
    {"Activation", {{37, 29}}, {{"act_type", "softrelu"}}},
    {"LeakyReLU", {{5, 7, 67}, {7}}, {{"act_type", "prelu"}}},
    {"LeakyReLU", {{5, 7, 64}, {7}}, {{"act_type", "prelu"}}},
    {"LeakyReLU", {{50, 19}, {19}}, {{"act_type", "prelu"}}},
    {"LeakyReLU", {{5, 7, 67}, {1}}, {{"act_type", "prelu"}}},
    {"LeakyReLU", {{37, 29}}, {{"act_type", "leaky"}}},
    {"LeakyReLU", {{37, 29}}, {{"act_type", "rrelu"}}},
    {"LeakyReLU", {{37, 29}}, {{"act_type", "elu"}, {"slope", 0.7}}},
    {"LeakyReLU", {{37, 29}}, {{"act_type", "selu"}}},
    {"LeakyReLU", {{37, 29}}, {{"act_type", "gelu"}}},
    {"Dropout", {{37, 29}}, {{"p", 0.3}}},
    {"Pooling",
     {{2, 5, 13, 17}},
     {{"kernel", Shape{3, 2}}, {"stride", Shape{2, 1}}, {"pad", Shape{1, 1}}, {"pooling_convention", "full"}}},
    {"Pooling",
     {{2, 13, 17, 5}},
     {{"kernel", Shape{3, 3}},
      {"pool_type", "avg"},
      {"stride", Shape{2, 2}},
      {"pad", Shape{1, 1}},
      {"layout", "NHWC"}}},
    {"Pooling", {{2, 5, 13, 17}}, {{"kernel", Shape{9, 9}}, {"stride", Shape{3, 4}}, {"pad", Shape{2, 2}}}},
    {"Pooling", {{2, 5, 13, 17}}, {{"global_pool", true}, {"pool_type", "avg"}}},
    {"Pooling", {{2, 5, 13, 17}}, {{"kernel", Shape{3, 3}}, {"pool_type", "lp"}, {"p_value", 3}}, 0.2, 1},
    {"Pooling", {{2, 3, 5, 6, 7}}, {{"kernel", Shape{2, 3, 2}}, {"stride", Shape{2, 2, 1}}}},
    {"UpSampling", {{2, 3, 5, 7}, {2, 4, 15, 21}}, {{"scale", 3}, {"sample_type", "nearest"}, {"num_args", 2}}},
    {"UpSampling", {{2, 3, 5, 7}, {3, 1, 4, 4}}, {{"scale", 2}, {"sample_type", "bilinear"}, {"num_args", 2}}},
    {"_linalg_gemm2", {{5, 4, 20, 33}, {5, 4, 33, 17}}, {}},
    {"_linalg_gemm2", {{3, 20, 4, 33}, {3, 17, 4, 33}}, {{"axis", 1}, {"transpose_b", true}}},
    {"_contrib_PSROIPooling",
     {{4, 18, 9, 11}, {20, 5}},
     {{"spatial_scale", 1.3}, {"output_dim", 2}, {"pooled_size", 5}, {"group_size", 3}},
     0,
     6},
    {"_contrib_DeformablePSROIPooling",
     {{4, 18, 9, 11}, {20, 5}, {20, 4, 2, 2}},
     {{"spatial_scale", 1.3},
      {"output_dim", 2},
      {"pooled_size", 4},
      {"group_size", 3},
      {"part_size", 2},
      {"sample_per_part", 3},
      {"trans_std", 0.05}},
     0,
     6},
    {"_contrib_fft", {{3, 128}}, {}},
    {"_contrib_fft", {{2, 3, 100}}, {}},
    {"_contrib_ifft", {{1, 2 * 211}}, {}},
    {"_contrib_hawkesll", {{70, 5}, {5}, {5}, {70, 5}, {70, 4}, {70, 4}, {70}, {70}}, {}, 0.1, 2.5},
};

}  // namespace

TEST_CASE("gpu: layers of odd sizes give what they give on the CPU, gradients too") {
  for (const Case& c : cases) {
    std::string what = std::string(c.op) + " " + c.inputs[0].str();
    for (const auto& [key, value] : c.attributes) what += " " + key + "=" + value.str();
    INFO(what);
    const auto want = step_on({}, c), got = step_on({DeviceKind::gpu, 0}, c);
    REQUIRE(got.size() == want.size());
    for (size_t i = 0; i < want.size(); ++i) {
      REQUIRE(got[i].size() == want[i].size());
      double worst = 0;
      for (size_t k = 0; k < want[i].size(); ++k) {
        const double x = got[i][k], y = want[i][k], difference = std::fabs(x - y) / std::max(1.0, std::fabs(y));
        worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
      }
      INFO("value ", i);
      CHECK(worst <= c.tolerance);
    }
  }
}

}  // namespace mixnet::test
