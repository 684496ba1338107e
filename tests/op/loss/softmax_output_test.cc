// SoftmaxOutput on rows long enough for every loop, against the definition in double.
#include <doctest/doctest.h>

#include <cmath>

#include "op/run_op.h"

namespace mixnet {
namespace {

using test::run_op;
using test::Tensor;
using test::tensor;

std::vector<double> scores(int64_t n) {
  std::vector<double> x;
  for (int64_t i = 0; i < n; ++i) x.push_back(3 * std::sin(static_cast<double>(i * 7 % 31)));
  return x;
}
std::vector<double> softmax(const double* x, int64_t n) {
  double sum = 0;
  std::vector<double> y;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(x[i]);
  for (int64_t i = 0; i < n; ++i) y.push_back(std::exp(x[i]) / sum);
  return y;
}

}  // namespace

TEST_CASE("SoftmaxOutput: rows of any length are the definition's") {
  for (const int64_t classes : {1, 15, 16, 17, 40, 5000}) {
    CAPTURE(classes);
    const std::vector<double> x = scores(3 * classes);
    const Tensor y = run_op("SoftmaxOutput", {tensor({3, classes}, x), tensor({3}, {0, 0, 0})})[0];
    for (int64_t k = 0; k < 3; ++k) {
      const std::vector<double> expected = softmax(x.data() + k * classes, classes);
      for (int64_t i = 0; i < classes; ++i) {
        REQUIRE(y.get(k * classes + i) == doctest::Approx(expected[static_cast<size_t>(i)]).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("SoftmaxOutput: a row with NaN is NaN, others are not") {
  std::vector<double> x = scores(2 * 40);
  x[20] = std::nan("");
  const Tensor y = run_op("SoftmaxOutput", {tensor({2, 40}, x), tensor({2}, {0, 0})})[0];
  for (int64_t i = 0; i < 40; ++i) {
    CHECK(std::isnan(y.get(i)));
    CHECK(!std::isnan(y.get(40 + i)));
  }
}

TEST_CASE("SoftmaxOutput: gradients with smoothing, ignored rows and labels that are no class") {
  const int64_t classes = 37;
  const std::vector<double> x = scores(4 * classes), label{5, -1, 36, 99};
  std::vector<double> probabilities;
  for (int64_t k = 0; k < 4; ++k) {
    for (const double p : softmax(x.data() + k * classes, classes)) probabilities.push_back(p);
  }
  const double smooth = 0.2, scale = 2.0 / 3;  // three rows are not ignored
  const Attributes attributes{
      {"smooth_alpha", smooth}, {"use_ignore", true}, {"normalization", "valid"}, {"grad_scale", 2}};
  const Tensor dx =
      run_op("_backward_SoftmaxOutput", {tensor({4, classes}, probabilities), tensor({4}, label)}, attributes)[0];
  for (int64_t k = 0; k < 4; ++k) {
    for (int64_t i = 0; i < classes; ++i) {
      CAPTURE(k);
      CAPTURE(i);
      const size_t at = static_cast<size_t>(k * classes + i);
      const double target =
          static_cast<double>(i) == label[static_cast<size_t>(k)] ? 1 - smooth : smooth / (classes - 1);
      CHECK(dx.get(k * classes + i) ==
            doctest::Approx(k == 1 ? 0 : (probabilities[at] - target) * scale).epsilon(1e-5));
    }
  }
}

TEST_CASE("SoftmaxOutput: probabilities as labels, and the output's gradient as a factor") {
  const Attributes attributes{{"out_grad", true}};
  const Tensor dx =
      run_op("_backward_SoftmaxOutput",
             {tensor({2, 2}, {0.25, 0.75, 0.5, 0.5}), tensor({2, 2}, {0, 1, 0.5, 0.25}), tensor({2, 2}, {1, 2, 3, 4})},
             attributes)[0];
  const double expected[] = {0.25, -0.5, 0, 1};
  for (int64_t i = 0; i < 4; ++i) CHECK(dx.get(i) == doctest::Approx(expected[i]));
}

}  // namespace mixnet
