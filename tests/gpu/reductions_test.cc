// Reductions on GPUs where the registry's samples are too small: rows that are cut into parts, many columns, unusual parameters of losses
// and optimizers. What the CPU gives is right.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "evaluate.h"
#include "executor/invoke.h"

namespace mixnet::test {
namespace {

constexpr DeviceId gpu{DeviceKind::gpu, 0};
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct Arrays {
  std::vector<NDArray> inputs, outputs;
};

Arrays run_on(DeviceId device, const std::string& name, const Attributes& attributes, std::vector<Tensor> inputs) {
  const OpSchema& op = registry().at(name);
  Arrays a;
  for (Tensor& t : inputs) {
    a.inputs.emplace_back(t.shape(), t.dtype(), device);
    if (t.size() > 0) a.inputs.back().copy_from_host(t.view().data, a.inputs.back().bytes());
  }
  invoke(op, op.make_params(attributes), a.inputs, a.outputs);
  return a;
}

void check_equal(const std::string& what, const NDArray& got, const NDArray& want) {
  REQUIRE(got.shape() == want.shape());
  REQUIRE(got.dtype() == want.dtype());
  Tensor x(got.shape(), got.dtype()), y(want.shape(), want.dtype());
  if (x.size() > 0) got.copy_to_host(x.view().data, got.bytes());
  if (y.size() > 0) want.copy_to_host(y.view().data, want.bytes());
  const double bound = got.dtype() == DType::f64 ? 1e-10 : got.dtype() == DType::f16 ? 4e-3 : 1e-4;
  for (int64_t i = 0; i < x.size(); ++i) {
    const double a = x.get(i), b = y.get(i);
    if (a == b || (std::isnan(a) && std::isnan(b)) || std::fabs(a - b) <= bound * std::max(1.0, std::fabs(b))) continue;
    FAIL_CHECK(what, "[", i, "]: expected ", b, ", got ", a);
    return;
  }
}

// Outputs, and inputs, which may be states.
void compare(const std::string& name, const Attributes& attributes, const std::vector<Tensor>& inputs) {
  INFO(name);
  const Arrays want = run_on({}, name, attributes, inputs), got = run_on(gpu, name, attributes, inputs);
  for (size_t i = 0; i < want.outputs.size(); ++i) check_equal("output", got.outputs[i], want.outputs[i]);
  for (size_t i = 0; i < want.inputs.size(); ++i) check_equal("input", got.inputs[i], want.inputs[i]);
}

Tensor uniform(const Shape& shape, double low = -1, double high = 1, DType dtype = DType::f32, uint64_t seed = 1) {
  return random_tensor(shape, dtype, low, high, seed);
}
Tensor whole(const Shape& shape, int64_t below, uint64_t seed = 2) {
  Tensor t = uniform(shape, 0, static_cast<double>(below), DType::f32, seed);
  for (int64_t i = 0; i < t.size(); ++i) t.set(i, std::floor(t.get(i)));
  return t;
}

struct Table {
  Shape shape;
  Shape axis;
};
// A whole array, few long rows, few and many long columns, short rows, axes apart; rows and columns of whole pieces of 16 bytes and others.
const Table tables[] = {
    {{300, 101}, {0, 1}},   {{3, 20001}, {1}},    {{20001, 3}, {0}},        {{257, 300}, {0}},    {{2000, 5}, {1}},
    {{5, 700, 33}, {0, 2}}, {{7, 1000, 11}, {1}}, {{40, 3, 50, 3}, {0, 2}}, {{9, 4096 * 3}, {1}}, {{20001, 8}, {0}},
    {{700, 16, 24}, {1}},   {{2000, 16}, {1}},    {{33, 5, 130, 8}, {0, 2}}};

}  // namespace

TEST_CASE("gpu: reductions over axes of any length") {
  for (const Table& t : tables) {
    INFO(t.shape.str());
    for (DType dtype : {DType::f32, DType::f64, DType::f16, DType::i32}) {
      const Tensor x = uniform(t.shape, -9, 9, dtype);
      for (const char* name : {"sum", "mean", "max", "min", "_square_sum"}) {
        // The square of a sum in float16 would be infinite.
        if (dtype == DType::f16 && std::string(name) != "mean" && std::string(name) != "max") continue;
        compare(name, {{"axis", t.axis}}, {x});
      }
      compare("norm", {{"axis", t.axis}, {"ord", 2}, {"out_dtype", "float32"}}, {x});
      // Sums of float32 are not that exact.
      const char* wide = dtype == DType::f64 || dtype == DType::i32 ? "float64" : "float32";
      compare("norm", {{"axis", t.axis}, {"ord", 1}, {"out_dtype", wide}}, {x});
      if (dtype_is_float(dtype)) compare("moments", {{"axes", t.axis}}, {x});
    }
    const Tensor near_one = uniform(t.shape, 0.999, 1.001);
    Shape kept;
    for (int64_t i = 0; i < t.shape.ndim(); ++i) {
      if (std::find(t.axis.begin(), t.axis.end(), i) == t.axis.end()) kept.push_back(t.shape[static_cast<int>(i)]);
    }
    if (kept.ndim() == 0) kept.push_back(1);
    Tensor with_nan = near_one, with_zeros = near_one;
    with_nan.set(7, nan);
    with_nan.set(0, nan);
    with_zeros.set(0, 0);
    for (const char* name : {"prod", "nanprod", "sum", "nansum", "max", "min"}) {
      compare(name, {{"axis", t.axis}}, {near_one});
      compare(name, {{"axis", t.axis}}, {with_nan});
    }
    for (const char* name : {"_backward_prod", "_backward_nanprod"}) {
      compare(name, {{"axis", t.axis}}, {uniform(kept), with_zeros});
      compare(name, {{"axis", t.axis}}, {uniform(kept), with_nan});
    }
    compare("_spread_like", {{"axis", t.axis}, {"mean", true}}, {uniform(kept), near_one});
  }
}

TEST_CASE("gpu: reductions of nothing") {
  for (const char* name : {"sum", "mean", "prod", "max", "min", "norm"}) {
    for (DType dtype : {DType::f32, DType::i8}) compare(name, {{"axis", Shape{0}}}, {Tensor({0, 3}, dtype)});
  }
  compare("moments", {{"axes", Shape{0}}}, {Tensor({0, 3}, DType::f32)});
}

TEST_CASE("gpu: the first of equal extremes, and NaN only at the beginning") {
  for (const char* name : {"argmax", "argmin"}) {
    for (DType dtype : {DType::f32, DType::f64, DType::f16, DType::i32, DType::u8}) {
      for (const Shape& shape : {Shape{3, 20001}, Shape{20001, 3}, Shape{300, 2, 2}}) {
        Tensor x = uniform(shape, 0, 9, dtype);  // many are equal
        for (int64_t i = 0; i < x.size(); ++i) x.set(i, std::floor(x.get(i)));
        for (int64_t axis = 0; axis < shape.ndim(); ++axis) compare(name, {{"axis", axis}}, {x});
        compare(name, {}, {x});
        if (!dtype_is_float(dtype)) continue;
        x.set(5, nan);
        compare(name, {}, {x});
        x.set(0, nan);
        compare(name, {}, {x});
        for (int64_t i = 0; i < x.size(); ++i) x.set(i, -std::numeric_limits<double>::infinity());
        compare(name, {}, {x});
      }
    }
  }
}

TEST_CASE("gpu: SoftmaxOutput with all its parameters") {
  const Tensor scores = uniform({37, 300}, -4, 4), dy = uniform({37, 300}), labels = whole({37}, 300);
  compare("SoftmaxOutput", {}, {scores, labels});
  const Tensor many = uniform({6, 5, 7}, -4, 4), places = whole({6, 7}, 5);
  compare("SoftmaxOutput", {{"multi_output", true}}, {many, places});
  for (const char* normalization : {"null", "batch", "valid"}) {
    for (bool ignore : {false, true}) {
      const Attributes common{{"normalization", normalization},
                              {"use_ignore", ignore},
                              {"ignore_label", 2.0},
                              {"grad_scale", 0.5},
                              {"smooth_alpha", 0.1}};
      Attributes multi = common, scaled = common;
      multi.emplace_back("multi_output", true);
      scaled.emplace_back("out_grad", true);
      compare("_backward_SoftmaxOutput", common, {scores, labels});
      compare("_backward_SoftmaxOutput", multi, {many, places});
      compare("_backward_SoftmaxOutput", scaled, {scores, labels, dy});
      compare("_backward_SoftmaxOutput", common, {scores, uniform({37, 300}, 0, 1)});  // probabilities
    }
  }
  // So many labels that they are counted in parts.
  compare("_backward_SoftmaxOutput",
          {{"normalization", "valid"}, {"use_ignore", true}, {"ignore_label", 1.0}, {"multi_output", true}},
          {uniform({2, 3, 9000}), whole({2, 9000}, 3)});
}

TEST_CASE("gpu: losses over many rows") {
  const Tensor scores = uniform({9001, 17}, -4, 4);
  Tensor labels = whole({9001}, 17);
  labels.set(0, -3);
  labels.set(1, 99);  // both are clipped
  compare("softmax_cross_entropy", {}, {scores, labels});
  compare("_backward_softmax_cross_entropy", {}, {uniform({1}), scores, labels});
  compare("softmax_cross_entropy", {}, {Tensor({0, 3}, DType::f32), Tensor({0}, DType::f32)});
  for (const Shape& shape : {Shape{9001, 3}, Shape{5, 3, 4000}})
    compare("_backward_IdentityAttachKLSparseReg", {{"penalty", 0.01}},
            {uniform(shape), uniform(shape, 0.1, 0.9), uniform({3}, 0.1, 0.9)});
}

TEST_CASE("gpu: CTC with repeated, clipped, missing and too many labels") {
  for (const char* blank : {"first", "last"}) {
    for (int64_t classes : {5, 1, 200}) {
      const Tensor scores = uniform({20, 6, classes}, -2, 2);
      Tensor labels = whole({6, 7}, std::min<int64_t>(classes, 4));
      for (int64_t i = 0; i < 7; ++i) labels.set(i, 2);                          // all the same
      for (int64_t i = 7; i < 14; ++i) labels.set(i, blank[0] == 'f' ? 0 : -1);  // none
      for (int64_t i = 14; i < 21; ++i) labels.set(i, static_cast<double>(i % 3 + 1));
      labels.set(15, 999);  // no such class
      Tensor steps = whole({6}, 20), counts = whole({6}, 8);
      steps.set(3, 1);
      counts.set(3, 7);  // no way
      for (const bool lengths : {false, true}) {
        Attributes attributes{{"blank_label", blank}, {"use_data_lengths", lengths}, {"use_label_lengths", lengths}};
        std::vector<Tensor> in{scores, labels};
        if (lengths) in.insert(in.end(), {steps, counts});
        compare("CTCLoss", attributes, in);
        in.insert(in.begin(), uniform({6}));
        compare("_backward_CTCLoss", attributes, in);
      }
    }
  }
}

TEST_CASE("gpu: steps of large weights") {
  const Shape large{120, 99};
  const std::vector<Tensor> group(4, uniform(large, 0.5, 2));
  std::vector<Tensor> two = group;
  two.insert(two.end(), 4, uniform({5}, 0.5, 2));
  const std::vector<double> rates{0.1, 0.2};
  for (bool bounded : {false, true}) {
    Attributes lamb{{"learning_rates", rates}, {"wds", rates}, {"step_count", Shape{3, 4}}, {"num_tensors", 2}};
    if (bounded) lamb.insert(lamb.end(), {{"lower_bound", 0.5}, {"upper_bound", 1.0}, {"clip_gradient", 0.7}});
    compare("_multi_lamb_update", lamb, two);
  }
  compare("multi_sum_sq", {{"num_arrays", 8}}, two);
  for (double scale : {0.5, 0.0, nan, std::numeric_limits<double>::infinity()}) {
    std::vector<Tensor> in = group;
    in.push_back(uniform({1}));
    in.back().set(0, scale);
    compare("_adamw_update", {{"lr", 0.1}, {"eta", 0.5}, {"wd", 0.01}}, in);
  }
  for (const char* name : {"sgd_mom_update", "rmsprop_update"}) {
    compare(name, {{"lr", 0.1}, {"wd", 0.1}, {"clip_gradient", 0.3}, {"rescale_grad", 0.5}},
            {group[0], uniform(large), group[2]});
  }
  compare("_contrib_group_adagrad_update", {{"lr", 0.1}, {"clip_gradient", 0.3}},
          {uniform({3, 5000}), uniform({3, 5000}), uniform({3, 1}, 0, 1)});
}

}  // namespace mixnet::test
