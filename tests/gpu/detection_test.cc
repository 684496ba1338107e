// Operators that sort, choose and match, on a GPU and on the CPU, with more candidates than a group has threads, and ties, NaN and empty
// images among them. Their samples are smaller.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "executor/invoke.h"
#include "op/evaluate.h"

namespace mixnet::test {
namespace {

constexpr DeviceId gpu{DeviceKind::gpu, 0};
const double nan = std::nan("");

NDArray on(DeviceId device, const Tensor& t) {
  NDArray a(t.shape(), t.dtype(), device);
  Tensor copy = t;
  a.copy_from_host(copy.view().data, a.bytes());
  return a;
}

// All outputs, hidden ones too, in doubles.
std::vector<std::vector<double>> run_on(DeviceId device, const char* name, const std::vector<Tensor>& inputs,
                                        const Attributes& attributes) {
  const OpSchema& op = registry().at(name);
  std::vector<NDArray> in, out;
  for (const Tensor& t : inputs) in.push_back(on(device, t));
  invoke(op, op.make_params(attributes), in, out);
  std::vector<std::vector<double>> all;
  for (const NDArray& a : out) {
    Tensor t(a.shape(), a.dtype());
    a.copy_to_host(t.view().data, a.bytes());
    all.push_back(t.values());
  }
  return all;
}

// The CPU's outputs, which the GPU's equal.
std::vector<std::vector<double>> on_both(const char* name, const std::vector<Tensor>& inputs,
                                         const Attributes& attributes) {
  const auto want = run_on({}, name, inputs, attributes), got = run_on(gpu, name, inputs, attributes);
  INFO(name);
  REQUIRE(got.size() == want.size());
  for (size_t o = 0; o < want.size(); ++o) {
    REQUIRE(got[o].size() == want[o].size());
    int64_t different = 0;
    for (size_t i = 0; i < want[o].size(); ++i) {
      const double x = got[o][i], y = want[o][i];
      const bool same = x == y || (std::isnan(x) && std::isnan(y)) || std::fabs(x - y) <= 1e-4 * (1 + std::fabs(y));
      if (!same && different++ == 0) CHECK_MESSAGE(same, "output ", o, "[", i, "]: expected ", y, ", got ", x);
    }
    CHECK(different == 0);
  }
  return want;
}

// In [0, 1), in steps of 1 / 30, so that there are ties.
Tensor coarse(const Shape& shape, uint64_t seed) {
  Tensor t = random_tensor(shape, DType::f32, 0, 1, seed);
  for (int64_t i = 0; i < t.size(); ++i) t.set(i, std::floor(t.get(i) * 30) / 30);
  return t;
}
// Corners at `at` in every row: boxes of a fifth of the plane, some of which overlap.
void set_boxes(Tensor& rows, int64_t at, uint64_t seed) {
  const int64_t width = rows.shape().back();
  const Tensor place = random_tensor({rows.size() / width, 4}, DType::f32, 0, 1, seed);
  for (int64_t i = 0; i < rows.size() / width; ++i) {
    for (int k = 0; k < 2; ++k) {
      const double from = 0.8 * place.get(i * 4 + k);
      rows.set(i * width + at + k, from);
      rows.set(i * width + at + 2 + k, from + 0.15 + 0.1 * place.get(i * 4 + 2 + k));
    }
  }
}

// (batch, rows, 6): class, score, corners.
Tensor detections(int64_t batch, int64_t rows) {
  Tensor t = random_tensor({batch, rows, 6}, DType::f32, 0, 3, 5);
  const Tensor scores = coarse({batch * rows}, 6);
  for (int64_t i = 0; i < batch * rows; ++i) {
    t.set(i * 6, std::floor(t.get(i * 6)));
    t.set(i * 6 + 1, i % 40 == 7 ? nan : scores.get(i));
  }
  set_boxes(t, 2, 7);
  return t;
}
int64_t count(const std::vector<double>& v, double value) { return std::count(v.begin(), v.end(), value); }

}  // namespace

TEST_CASE("gpu: box_nms keeps what it keeps on the CPU") {
  const Tensor rows = detections(3, 300);
  for (const Attributes& a :
       {Attributes{{"overlap_thresh", 0.3}},
        {{"overlap_thresh", 0.2}, {"valid_thresh", 0.4}, {"id_index", 0}, {"background_id", 1}},
        {{"overlap_thresh", 0.2}, {"id_index", 0}, {"force_suppress", true}, {"topk", 40}, {"out_format", "center"}},
        {{"overlap_thresh", 0.1}, {"topk", 60}, {"in_format", "center"}}}) {
    const auto y = on_both("_contrib_box_nms", {rows}, a);
    const int64_t gone = count(y[1], -1);
    CHECK(gone > 0);
    CHECK(gone < 900);
  }
  CHECK(count(on_both("_contrib_box_nms", {rows}, {{"topk", 0}})[1], -1) == 0);
}

TEST_CASE("gpu: MultiBoxDetection finds what it finds on the CPU") {
  Tensor anchors({1, 400, 4}, DType::f32), scores = coarse({2, 4, 400}, 11);
  set_boxes(anchors, 0, 12);
  const Tensor offsets = random_tensor({2, 1600}, DType::f32, -1, 1, 13);
  for (const Attributes& a : {Attributes{{"nms_threshold", 0.3}, {"threshold", 0.5}},
                              {{"nms_threshold", 0.2}, {"force_suppress", true}, {"nms_topk", 50}},
                              {{"nms_threshold", 0.0}, {"threshold", 0.8}}}) {
    const std::vector<double> y = on_both("_contrib_MultiBoxDetection", {scores, offsets, anchors}, a)[0];
    int64_t found = 0;
    for (size_t i = 0; i < y.size(); i += 6) found += y[i] >= 0;
    CHECK(found > 0);
    CHECK(found < 800);
  }
}

TEST_CASE("gpu: MultiBoxTarget matches what it matches on the CPU") {
  Tensor anchors({1, 300, 4}, DType::f32), labels = random_tensor({3, 7, 5}, DType::f32, 0, 4, 21),
                                           scores = random_tensor({3, 5, 300}, DType::f32, -2, 2, 22);
  set_boxes(anchors, 0, 23);
  set_boxes(labels, 1, 24);
  for (int64_t i = 0; i < 21; ++i) labels.set(i * 5, std::floor(labels.get(i * 5)));
  labels.set((7 + 3) * 5, -1);  // the second image has three boxes, the third none
  labels.set(14 * 5, -1);
  scores.set(17, nan);
  for (const Attributes& a : {Attributes{{"overlap_threshold", 0.3}},
                              {{"overlap_threshold", 0.4}, {"negative_mining_ratio", 2.0}, {"ignore_label", -7.0}},
                              {{"overlap_threshold", -1.0}, {"negative_mining_ratio", 1e9}}}) {
    const std::vector<double> classes = on_both("_contrib_MultiBoxTarget", {anchors, labels, scores}, a)[2];
    const int64_t matched = std::count_if(classes.begin(), classes.end(), [](double v) { return v > 0; });
    CHECK(matched >= 10);
    CHECK(matched < 600);
  }
}

TEST_CASE("gpu: Proposal looks at what it looks at on the CPU") {
  const Tensor scores = coarse({2, 6, 9, 10}, 31), offsets = random_tensor({2, 12, 9, 10}, DType::f32, -0.5, 0.5, 32);
  Tensor info({2, 3}, DType::f32);
  const double sizes[6] = {140, 160, 1, 110, 130, 1.5};
  for (int64_t i = 0; i < 6; ++i) info.set(i, sizes[i]);
  const Attributes base{{"scales", std::vector<double>{2}}, {"ratios", std::vector<double>{0.5, 1, 2}}};
  // 30 of 270 boxes; more than are looked at, so that they are repeated.
  for (const Attributes& more :
       {Attributes{{"rpn_post_nms_top_n", 30}, {"rpn_min_size", 8}},
        {{"rpn_post_nms_top_n", 300}, {"rpn_pre_nms_top_n", 150}, {"threshold", 0.3}, {"iou_loss", true}}}) {
    Attributes a = base;
    a.insert(a.end(), more.begin(), more.end());
    const std::vector<double> y = on_both("_contrib_MultiProposal", {scores, offsets, info}, a)[0];
    bool repeated = false;
    for (size_t at = 5; at < y.size() / 2; at += 5) repeated = repeated || std::equal(&y[0], &y[5], &y[at]);
    CHECK(repeated == (y.size() == 2 * 300 * 5));
  }
}

TEST_CASE("gpu: bipartite_matching makes the CPU's pairs") {
  Tensor scores = coarse({2, 30, 70}, 41);
  scores.set(3, nan);
  CHECK(count(on_both("_contrib_bipartite_matching", {scores}, {{"threshold", 0.2}})[0], -1) == 0);
  for (const Attributes& a :
       {Attributes{{"threshold", 0.0}, {"is_ascend", true}}, {{"threshold", 0.5}, {"topk", 5}}, {{"threshold", 2.0}}})
    CHECK(count(on_both("_contrib_bipartite_matching", {scores}, a)[0], -1) > 0);
}

TEST_CASE("gpu: calibrate_entropy finds the CPU's limit") {
  Tensor counts({1001}, DType::f32), edges({1002}, DType::f32);
  for (int64_t i = 0; i <= 1001; ++i) edges.set(i, static_cast<double>(i) - 500.5);
  for (int64_t i = 0; i <= 1000; ++i) {
    const double x = static_cast<double>(i - 500) / 90;
    counts.set(i, std::floor(5000 * std::exp(-x * x / 2)));
  }
  counts.set(990, 3);
  const auto y = on_both("_contrib_calibrate_entropy", {counts, edges}, {{"num_quantized_bins", 255}});
  CHECK(y[0][0] < 500.5);
  CHECK(y[1][0] > 0);
  // Nothing to choose from: the outermost limit.
  const Tensor empty({1001}, DType::f32);
  CHECK(on_both("_contrib_calibrate_entropy", {empty, edges}, {{"num_quantized_bins", 255}})[0][0] == 500.5);
}

TEST_CASE("gpu: quantized_rnn of two layers both ways") {
  Tensor data({6, 3, 4}, DType::u8);
  for (int64_t i = 0; i < data.size(); ++i) data.set(i, static_cast<double>(i * 37 % 256));
  Tensor scale({1}, DType::f32), shift({1}, DType::f32);
  scale.set(0, 64);
  shift.set(0, 120);
  const Tensor state = random_tensor({4, 3, 5}, DType::f32, -1, 1, 51);
  const auto parameters = [](int64_t gates) {  // of both layers
    return random_tensor({2 * gates * 5 * (4 + 5 + 2) + 2 * gates * 5 * (10 + 5 + 2)}, DType::f32, -0.5, 0.5, 52);
  };
  const Attributes base{{"state_size", 5}, {"num_layers", 2}, {"bidirectional", true}, {"state_outputs", true}};
  Attributes lstm = base, gru = base;
  lstm.emplace_back("mode", "lstm");
  gru.emplace_back("mode", "gru");
  CHECK(on_both("_contrib_quantized_rnn", {data, parameters(4), state, state, scale, shift}, lstm).size() == 3);
  CHECK(on_both("_contrib_quantized_rnn", {data, parameters(3), state, scale, shift}, gru).size() == 2);
}

}  // namespace mixnet::test
