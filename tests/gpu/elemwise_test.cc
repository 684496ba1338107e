// Elementwise operators, constants and random numbers on GPUs where the registry's samples, a few numbers each, say too little: many rows and
// columns, many inputs, every pair of dtypes, hidden operators that no sample reaches.
#include <doctest/doctest.h>

#include <cmath>

#include "executor/invoke.h"
#include "op/sample_node.h"

namespace mixnet::test {
namespace {

NDArray on(DeviceId device, const Tensor& t) {
  NDArray a(t.shape(), t.dtype(), device);
  Tensor copy = t;
  if (a.bytes() > 0) a.copy_from_host(copy.view().data, a.bytes());
  return a;
}
Tensor off(const NDArray& a) {
  Tensor t(a.shape(), a.dtype());
  if (a.bytes() > 0) a.copy_to_host(t.view().data, a.bytes());
  return t;
}

std::vector<Tensor> run(DeviceId device, const std::string& name, const Sample& sample, const SampleNode& node) {
  std::vector<NDArray> inputs, outputs;
  for (const NodePtr& v : node.variables) inputs.push_back(on(device, node.values.at(v.get())));
  InvokeOptions options;
  options.training = sample.training;
  options.device = device;
  seed_random(3);
  invoke(registry().at(name), node.outputs[0].node->params, inputs, outputs, options);
  std::vector<Tensor> all;
  for (const NDArray& a : outputs) all.push_back(off(a));
  return all;
}

Sample sample_of(std::vector<Shape> inputs, Attributes attributes, double low = -1, double high = 1) {
  Sample s;
  s.inputs = std::move(inputs);
  s.attributes = std::move(attributes);
  s.low = low;
  s.high = high;
  return s;
}

void check_same(const std::string& name, const Sample& sample, double tolerance = 1e-5, DType dtype = DType::f32) {
  INFO(name, " of ", dtype_name(dtype));
  const SampleNode node(registry().at(name), sample, dtype);
  const auto want = run({}, name, sample, node), got = run({DeviceKind::gpu, 0}, name, sample, node);
  REQUIRE(want.size() == got.size());
  for (size_t k = 0; k < want.size(); ++k) {
    REQUIRE(got[k].shape() == want[k].shape());
    REQUIRE(got[k].dtype() == want[k].dtype());
    int64_t wrong = 0;
    for (int64_t i = 0; i < want[k].size(); ++i) {
      const double x = got[k].get(i), y = want[k].get(i);
      wrong +=
          !(x == y || (std::isnan(x) && std::isnan(y)) || std::fabs(x - y) <= tolerance * std::max(1.0, std::fabs(y)));
    }
    CHECK(wrong == 0);
  }
}

}  // namespace

TEST_CASE("gpu: elementwise operators of many rows and columns") {
  check_same("broadcast_sub", sample_of({{33, 1, 301}, {7, 1}}, {}));
  check_same("broadcast_mul", sample_of({{3, 1, 5, 1}, {1, 40, 1, 33}}, {}));
  check_same("elemwise_div", sample_of({{37, 301}, {37, 301}}, {}, 0.5, 2));
  check_same("_rminus_scalar", sample_of({{41, 259}}, {{"scalar", 2.5}}), 1e-5, DType::f16);
  check_same("_mod_scalar", sample_of({{1000}}, {{"scalar", 3.0}}, -50, 50), 0, DType::i32);
  check_same("clip", sample_of({{77, 300}}, {{"a_min", -0.25}, {"a_max", 0.5}}));
  Sample rows = sample_of({{67}, {67, 5, 3}, {67, 5, 3}}, {});
  rows.integer_inputs = {0};
  rows.integer_limit = 2;
  check_same("where", rows);
  check_same("_eye", sample_of({}, {{"N", 70}, {"M", 300}, {"k", -7}, {"dtype", "float16"}}));
  check_same("_arange", sample_of({}, {{"start", 1.0}, {"stop", 900.0}, {"step", 0.1}, {"dtype", "int32"}}), 0);
  check_same("_linspace", sample_of({}, {{"start", -1.0}, {"stop", 3.0}, {"num", 2001}, {"endpoint", false}}));
}

TEST_CASE("gpu: gradients are summed back to every broadcast shape") {
  const Shape whole{129, 3, 65};
  for (const Shape& like : {Shape{3, 1}, Shape{65}, Shape{129, 1, 1}, Shape{1}, Shape(), Shape{3, 65},
                            Shape{129, 1, 65}, Shape{1, 3, 1}, whole}) {
    INFO(like.str());
    check_same("_sum_to_like", sample_of({whole, like}, {}), 1e-4);
  }
  // Few results of very many terms, in parts.
  check_same("_sum_to_like", sample_of({{70001}, {1}}, {}), 1e-3);
  check_same("_sum_to_like", sample_of({{40001, 3}, {3}}, {}), 1e-3);
  check_same("_sum_to_like", sample_of({{2, 30001}, {2, 1}}, {}, -50, 50), 0, DType::i64);
  check_same("_sum_to_like", sample_of({{0, 3}, {3}}, {}), 0);
}

TEST_CASE("gpu: sums of more arrays than a kernel takes") {
  for (const DType dtype : {DType::f32, DType::i64})
    check_same("add_n", sample_of(std::vector<Shape>(150, Shape{7, 11}), {}, -9, 9), 1e-5, dtype);
}

TEST_CASE("gpu: casts between all dtypes") {
  const DType all[] = {DType::f32, DType::f64, DType::f16, DType::bf16,   DType::u8,
                       DType::i8,  DType::i32, DType::i64, DType::boolean};
  for (const DType from : all) {
    for (const DType to : all) check_same("Cast", sample_of({{301}}, {{"dtype", dtype_name(to)}}, 0, 120), 0, from);
  }
}

TEST_CASE("gpu: the gradient of a loss over its valid elements") {
  for (const char* normalization : {"null", "batch", "valid"}) {
    check_same("_backward_MakeLoss",
               sample_of({{90, 101}}, {{"normalization", normalization}, {"valid_thresh", 0.25}, {"grad_scale", 3.0}}));
  }
}

TEST_CASE("gpu: infinite and missing numbers are found, and what was found stays") {
  const DeviceId gpu{DeviceKind::gpu, 0};
  const OpSchema& op = registry().at("all_finite");
  auto ask = [&](double strange, bool anew, double before) {
    Tensor t(Shape{5000}, DType::f32), y(Shape{1}, DType::f32);
    t.set(4321, strange);
    y.set(0, before);
    std::vector<NDArray> outputs{on(gpu, y)};
    InvokeOptions options;
    options.device = gpu;
    const std::vector<NDArray> inputs{on(gpu, t)};
    invoke(op, op.make_params({{"init_output", anew}}), inputs, outputs, options);
    return off(outputs[0]).get(0);
  };
  CHECK(ask(1e30, true, 0) == 1);
  CHECK(ask(INFINITY, true, 1) == 0);
  CHECK(ask(NAN, true, 1) == 0);
  CHECK(ask(1, false, 0) == 0);
  CHECK(ask(1, false, 1) == 1);
}

TEST_CASE("gpu: random numbers are the CPU's") {
  const Shape shape{3001};
  check_same("_random_uniform", sample_of({}, {{"low", -3.0}, {"high", 5.0}, {"shape", shape}}));
  check_same("_random_normal", sample_of({}, {{"loc", 1.0}, {"scale", 2.0}, {"shape", shape}, {"dtype", "float64"}}));
  check_same("_random_exponential", sample_of({}, {{"lam", 3.0}, {"shape", shape}}));
  check_same("_random_randint", sample_of({}, {{"low", -7}, {"high", 90}, {"shape", shape}}), 0);
  for (const double alpha : {0.3, 4.0})
    check_same("_random_gamma", sample_of({}, {{"alpha", alpha}, {"shape", shape}}));
  for (const double rate : {0.0, 2.0, 70.0, 3e5})
    check_same("_random_poisson", sample_of({}, {{"lam", rate}, {"shape", shape}}));
  check_same("_random_negative_binomial", sample_of({}, {{"k", 5.0}, {"p", 0.3}, {"shape", shape}}));
  check_same("_sample_generalized_negative_binomial", sample_of({{40}, {40}}, {{"shape", Shape{33}}}, 0.2, 2));
  check_same("_sample_gamma", sample_of({{40}, {40}}, {{"shape", Shape{33}}}, 0.2, 2), 1e-3, DType::f16);
  for (const Shape& rows : {Shape{1000, 3}, Shape{4097}, Shape{2}}) check_same("shuffle", sample_of({rows}, {}), 0);
  for (const int64_t range : {1600, 100000})
    check_same("_sample_unique_zipfian", sample_of({}, {{"range_max", range}, {"shape", Shape{3, 1500}}}), 0);
}

TEST_CASE("gpu: classes of many, drawn often, and the gradient of their likelihoods") {
  const Attributes attributes{{"shape", Shape{40}}, {"get_prob", true}};
  check_same("_sample_multinomial", sample_of({{5, 301}}, attributes, 0.1, 1));
  check_same("_sample_multinomial", sample_of({{5, 301}}, attributes, 0.1, 1), 1e-5, DType::f64);
  Sample back = sample_of({{5, 40}, {5, 30}, {5, 40}}, attributes, 0.1, 1);
  back.integer_inputs = {2};
  back.integer_limit = 30;
  check_same("_backward_sample_multinomial", back, 1e-4);
}

TEST_CASE("gpu: densities of many samples, and their gradients") {
  for (const bool log : {false, true}) {
    check_same("_random_pdf_gamma", sample_of({{7, 400}, {7}, {7}}, {{"is_log", log}}, 0.3, 2));
    check_same("_backward_pdf_normal", sample_of({{7, 400}, {7, 400}, {7}, {7}}, {{"is_log", log}}, 0.3, 2), 1e-4);
    check_same("_backward_pdf_poisson", sample_of({{7, 400}, {7, 400}, {7}}, {{"is_log", log}}, 0.3, 2), 1e-4);
    check_same("_random_pdf_dirichlet", sample_of({{4, 50, 6}, {4, 6}}, {{"is_log", log}}, 0.1, 0.9), 1e-4);
    check_same("_backward_pdf_dirichlet", sample_of({{4, 50}, {4, 50, 6}, {4, 6}}, {{"is_log", log}}, 0.1, 0.9), 1e-3);
  }
}

}  // namespace mixnet::test
