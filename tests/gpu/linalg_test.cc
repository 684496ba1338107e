// Factorisations of matrices that keep more than a warp busy, and of those that have none.
#include <doctest/doctest.h>

#include <cmath>

#include "evaluate.h"
#include "executor/invoke.h"

namespace mixnet::test {
namespace {

constexpr DeviceId gpu{DeviceKind::gpu, 0};
constexpr int64_t n = 40;

std::vector<double> numbers(const Shape& shape, uint64_t seed) {
  const Tensor t = random_tensor(shape, DType::f64, -1, 1, seed);
  std::vector<double> v(static_cast<size_t>(t.size()));
  for (int64_t i = 0; i < t.size(); ++i) v[static_cast<size_t>(i)] = t.get(i);
  return v;
}
// Two symmetric positive definite matrices.
std::vector<double> definite() {
  const std::vector<double> b = numbers({2, n, n}, 3);
  std::vector<double> a(b.size());
  for (int64_t e = 0; e < 2 * n * n; ++e) {
    const int64_t m = e / (n * n) * n * n, i = e / n % n, j = e % n;
    double sum = i == j ? 1 : 0;
    for (int64_t k = 0; k < n; ++k)
      sum += b[static_cast<size_t>(m + i * n + k)] * b[static_cast<size_t>(m + j * n + k)] / n;
    a[static_cast<size_t>(e)] = sum;
  }
  return a;
}

std::vector<double> run(DeviceId device, const char* op, const Attributes& attributes,
                        const std::vector<std::pair<Shape, std::vector<double>>>& inputs) {
  std::vector<NDArray> in, out;
  for (const auto& [shape, v] : inputs) {
    in.emplace_back(shape, DType::f64, device);
    in.back().copy_from_host(v.data(), in.back().bytes());
  }
  const OpSchema& schema = registry().at(op);
  invoke(schema, schema.make_params(attributes), in, out);
  std::vector<double> all;
  for (const NDArray& a : out) {
    std::vector<double> v(static_cast<size_t>(a.size()));
    a.copy_to_host(v.data(), a.bytes());
    all.insert(all.end(), v.begin(), v.end());
  }
  return all;
}

}  // namespace

TEST_CASE("gpu: factorisations of large matrices give what they give on the CPU") {
  const Shape square{2, n, n}, wide{2, 17, n}, high{2, n, 17};
  const std::vector<double> a = definite();
  const std::vector<std::pair<Shape, std::vector<double>>> one{{square, a}},
      left{{square, a}, {high, numbers(high, 5)}}, right{{square, a}, {wide, numbers(wide, 6)}};
  struct Case {
    const char* op;
    Attributes attributes;
    std::vector<std::pair<Shape, std::vector<double>>> inputs;
  };
  std::vector<Case> cases{{"_linalg_gelqf", {}, {{wide, numbers(wide, 7)}}},
                          {"_linalg_maketrian", {}, {{{3, 78}, numbers({3, 78}, 8)}}}};
  for (const char* op : {"_linalg_potrf", "_linalg_potri", "_linalg_inverse", "_linalg_det", "_linalg_slogdet",
                         "_linalg_syevd", "_linalg_sumlogdiag", "_linalg_extracttrian", "_linalg_syrk"})
    cases.push_back({op, {}, one});
  for (const char* op : {"_linalg_trmm", "_linalg_trsm"}) {
    for (bool lower : {false, true}) {
      for (bool transpose : {false, true}) {
        cases.push_back({op, {{"lower", lower}, {"transpose", transpose}, {"alpha", 0.5}}, left});
        cases.push_back({op, {{"lower", lower}, {"transpose", transpose}, {"rightside", true}}, right});
      }
    }
  }
  for (const Case& c : cases) {
    INFO(c.op);
    const std::vector<double> want = run({}, c.op, c.attributes, c.inputs),
                              got = run(gpu, c.op, c.attributes, c.inputs);
    REQUIRE(want.size() == got.size());
    double worst = 0;
    for (size_t i = 0; i < want.size(); ++i) {
      const double difference = std::fabs(got[i] - want[i]) / std::max(1.0, std::fabs(want[i]));
      worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
    }
    CHECK(worst < 1e-7);
  }
}

TEST_CASE("gpu: a matrix without a factorisation gives NaN, beside one that has it") {
  std::vector<double> a = definite();
  for (int64_t e = 0; e < n * n; ++e) a[static_cast<size_t>(e)] = -1;
  for (const char* op : {"_linalg_potrf", "_linalg_inverse"}) {
    INFO(op);
    CHECK_THROWS_AS(run({}, op, {}, {{{2, n, n}, a}}), Error);
    const std::vector<double> got = run(gpu, op, {}, {{{2, n, n}, a}});
    CHECK(std::isnan(got[0]));
    CHECK(!std::isnan(got[static_cast<size_t>(n * n)]));
  }
}

}  // namespace mixnet::test
