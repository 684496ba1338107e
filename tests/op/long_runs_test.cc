// Kernels over more elements than a vector holds and more than one thread gets, against plain loops.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "base/philox.h"
#include "run_op.h"

namespace mixnet::test {
namespace {

constexpr int64_t many = 40003;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Says only once what is wrong.
template <class F>
void check_each(int64_t n, F right) {
  for (int64_t i = 0; i < n; ++i) {
    if (right(i)) continue;
    FAIL_CHECK("element ", i);
    return;
  }
}
bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

}  // namespace

TEST_CASE("long runs: where takes elements of every size by conditions of every dtype") {
  for (const DType dtype : {DType::u8, DType::f16, DType::f32, DType::i64, DType::f64}) {
    for (const DType chosen_by : {DType::f32, DType::f64, DType::u8, DType::i64}) {
      Tensor condition({many}, chosen_by), x = random_tensor({many}, dtype, 1, 100, 1),
                                           y = random_tensor({many}, dtype, 1, 100, 2);
      for (int64_t i = 0; i < many; ++i)
        condition.set(i, i % 3 == 0 ? 0 : i % 5 == 0 && dtype_is_float(chosen_by) ? nan : 2);
      const Tensor z = run_op("where", {condition, x, y})[0];
      check_each(many, [&](int64_t i) { return z.get(i) == (i % 3 == 0 ? y.get(i) : x.get(i)); });
    }
  }
}

TEST_CASE("long runs: clip keeps what is no number") {
  for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::i8}) {
    Tensor x = random_tensor({many}, dtype, -100, 100, 3);
    if (dtype_is_float(dtype)) x.set(17, nan);
    const Tensor y = run_op("clip", {x}, {{"a_min", -30.0}, {"a_max", 40.0}})[0];
    check_each(many, [&](int64_t i) { return same(y.get(i), x.get(i) < -30 ? -30 : x.get(i) > 40 ? 40 : x.get(i)); });
  }
}

TEST_CASE("long runs: softrelu, sigmoid and tanh of Activation") {
  const Tensor x = random_tensor({many}, DType::f32, -30, 30, 4);
  const auto close = [](double got, double want) { return std::fabs(got - want) <= 4e-7 * std::fabs(want) + 1e-30; };
  const Tensor soft = run_op("Activation", {x}, {{"act_type", "softrelu"}})[0];
  check_each(many, [&](int64_t i) {
    return close(soft.get(i), std::max(x.get(i), 0.0) + std::log1p(std::exp(-std::fabs(x.get(i)))));
  });
  const Tensor sigmoid = run_op("Activation", {x}, {{"act_type", "sigmoid"}})[0];
  check_each(many, [&](int64_t i) { return close(sigmoid.get(i), 1 / (1 + std::exp(-x.get(i)))); });
  const Tensor tanh = run_op("Activation", {x}, {{"act_type", "tanh"}})[0];
  check_each(many, [&](int64_t i) { return close(tanh.get(i), std::tanh(x.get(i))); });
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const Tensor ends = run_op("Activation", {tensor({3}, {-infinity, infinity, nan})}, {{"act_type", "softrelu"}})[0];
  CHECK(ends.get(0) == 0);
  CHECK(ends.get(1) == infinity);
  CHECK(std::isnan(ends.get(2)));
}

TEST_CASE("long runs: UpSampling by every factor, of one input and of several") {
  const Tensor a = random_tensor({2, 3, 6, 10}, DType::f32, -1, 1, 5);
  for (const int64_t scale : {1, 2, 3}) {
    const Attributes attributes{{"scale", scale}, {"sample_type", "nearest"}};
    const Tensor y = run_op("UpSampling", {a}, attributes)[0];
    const int64_t height = 6 * scale, width = 10 * scale;
    const auto place = [=](int64_t i) {
      return (i / width / height * 6 + i / width % height / scale) * 10 + i % width / scale;
    };
    check_each(y.size(), [&](int64_t i) { return y.get(i) == a.get(place(i)); });
    const Tensor dx = run_op("_backward_UpSampling", {y, a}, attributes)[0];
    check_each(a.size(),
               [&](int64_t i) { return std::fabs(dx.get(i) - a.get(i) * static_cast<double>(scale * scale)) < 1e-5; });
  }
  const Tensor b = random_tensor({2, 3, 12, 20}, DType::f32, -1, 1, 6);
  for (const char* mode : {"concat", "sum"}) {
    const Attributes attributes{{"scale", 2}, {"sample_type", "nearest"}, {"num_args", 2}, {"multi_input_mode", mode}};
    const Tensor y = run_op("UpSampling", {a, b}, attributes)[0];
    const bool sum = std::string(mode) == "sum";
    const int64_t plane = 240, planes = sum ? 3 : 6;
    check_each(y.size(), [&](int64_t i) {
      const int64_t n = i / plane / planes, c = i / plane % planes, row = i % plane / 20, column = i % 20;
      const double small = a.get(((n * 3 + c % 3) * 6 + row / 2) * 10 + column / 2),
                   large = b.get((n * 3 + c % 3) * plane + i % plane);
      return y.get(i) == (sum     ? static_cast<double>(static_cast<float>(small) + static_cast<float>(large))
                          : c < 3 ? small
                                  : large);
    });
  }
}

TEST_CASE("long runs: draws of Dropout and of multinomial are those of Philox") {
  const Tensor x = random_tensor({many}, DType::f32, 1, 2, 7);
  const Tensor y = run_op("Dropout", {x}, {{"p", 0.3}})[0];
  PhiloxKey key = EvaluateOptions().random;
  key.operation += 1;  // the second node
  check_each(many, [&](int64_t i) {
    const float u = uniform_float(philox(key, static_cast<uint64_t>(i / 4)).word[i % 4]);
    return u < 0.3f ? y.get(i) == 0 : std::fabs(y.get(i) - x.get(i) / 0.7) < 1e-5;
  });
  const Tensor weights = random_tensor({3, 50}, DType::f32, 0, 1, 8);
  const Tensor classes = run_op("_sample_multinomial", {weights}, {{"shape", Shape{700}}})[0];
  check_each(classes.size(), [&](int64_t i) {
    const PhiloxBlock block = philox(key, static_cast<uint64_t>(i));
    double total = 0, sum = 0;
    for (int64_t k = 0; k < 50; ++k) total += weights.get(i / 700 * 50 + k);
    int64_t k = 0;
    while (k < 49 && (sum += weights.get(i / 700 * 50 + k)) <= uniform_double(block.word[0], block.word[1]) * total)
      ++k;
    return classes.get(i) == static_cast<double>(k);
  });
}

}  // namespace mixnet::test
