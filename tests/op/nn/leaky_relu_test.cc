// LeakyReLU against its formulas in double, in every float dtype, shape of channels and at the ends of the range; gradients of it and of prelu's slopes.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "../run_op.h"

namespace mixnet::test {
namespace {

double expected(const std::string& act, double x, double slope) {
  constexpr double alpha = 1.6732632423543772, scale = 1.0507009873554805;
  if (act == "elu") return x > 0 ? x : slope * std::expm1(x);
  if (act == "selu") return scale * (x > 0 ? x : alpha * std::expm1(x));
  if (act == "gelu") return x * std::erfc(-x / std::sqrt(2.0)) / 2;
  return x > 0 ? x : slope * x;
}
double derivative(const std::string& act, double x, double slope) {
  const double h = 1e-5;
  return (expected(act, x + h, slope) - expected(act, x - h, slope)) / (2 * h);
}
double bound_of(DType dtype) {
  return dtype == DType::f64 ? 1e-8 : dtype == DType::f32 ? 2e-6 : dtype == DType::f16 ? 2e-3 : 1e-2;
}

void check_close(double got, double want, double bound) {
  CHECK(std::fabs(got - want) <= bound * std::max(1.0, std::fabs(want)));
}

}  // namespace

TEST_CASE("LeakyReLU: functions and their slopes") {
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
    for (const char* act : {"leaky", "elu", "selu", "gelu"}) {
      for (const double slope : {0.25, -0.5}) {
        INFO(act);
        const Attributes attributes{{"act_type", act}, {"slope", slope}};
        const Tensor x = random_tensor({3, 5, 67}, dtype, -6, 6, 1), dy = random_tensor({3, 5, 67}, dtype, -1, 1, 2);
        const Tensor y = run_op("LeakyReLU", {x}, attributes)[0];
        const Tensor dx = run_op("_backward_LeakyReLU", {dy, x}, attributes)[0];
        for (int64_t i = 0; i < x.size(); ++i) {
          check_close(y.get(i), expected(act, x.get(i), slope), bound_of(dtype));
          check_close(dx.get(i), dy.get(i) * derivative(act, x.get(i), slope), bound_of(dtype));
        }
      }
    }
  }
}

TEST_CASE("LeakyReLU: at the ends of the range") {
  constexpr double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = tensor({6}, {-infinity, infinity, nan, 0, -1e30, 1e30}, dtype),
                 one = tensor({6}, {1, 1, 1, 1, 1, 1}, dtype);
    for (const char* act : {"leaky", "elu", "selu", "gelu"}) {
      INFO(act);
      const Attributes attributes{{"act_type", act}, {"slope", 0.5}};
      const Tensor y = run_op("LeakyReLU", {x}, attributes)[0],
                   slope = run_op("_backward_LeakyReLU", {one, x}, attributes)[0];
      const bool leaky = std::string(act) == "leaky", gelu = std::string(act) == "gelu";
      check_close(y.get(4) / (leaky ? 1e30 : 1),
                  leaky || std::string(act) == "elu" ? -0.5
                  : gelu                             ? 0
                                                     : -1.7580993408473766,
                  1e-6);
      CHECK(y.get(0) == (leaky ? -infinity : y.get(4)));
      CHECK(y.get(1) == infinity);
      CHECK(std::isnan(y.get(2)));
      CHECK(y.get(3) == 0);
      CHECK(std::isfinite(slope.get(0)));
      CHECK(std::isfinite(slope.get(1)));
      CHECK(slope.get(0) == slope.get(4));
      CHECK(slope.get(1) == slope.get(5));
    }
  }
}

TEST_CASE("LeakyReLU: prelu has a slope for each channel, or one for all, and its gradient") {
  for (const DType dtype : {DType::f32, DType::f64, DType::f16}) {
    for (const Shape& shape :
         {Shape{3, 5, 67}, Shape{4, 70}, Shape{2, 3, 40, 40}, Shape{1, 1, 40000}, Shape{9}, Shape{0, 5, 2}}) {
      for (const bool shared : {false, true}) {
        INFO(shape.str());
        const int64_t channels = shape.ndim() > 1 && !shared ? shape[1] : 1,
                      inner = shape.ndim() > 1 ? shape.size(2, shape.ndim()) : 1;
        const Tensor x = random_tensor(shape, dtype, -2, 2, 3), dy = random_tensor(shape, dtype, -1, 1, 4),
                     gamma = random_tensor({channels}, dtype, -1, 1, 5);
        const Attributes attributes{{"act_type", "prelu"}};
        const Tensor y = run_op("LeakyReLU", {x, gamma}, attributes)[0];
        const std::vector<Tensor> gradients = run_op("_backward_LeakyReLU", {dy, x, gamma}, attributes);
        std::vector<double> sums(static_cast<size_t>(channels));
        for (int64_t i = 0; i < x.size(); ++i) {
          const int64_t c = channels == 1 ? 0 : i / inner % channels;
          check_close(y.get(i), expected("prelu", x.get(i), gamma.get(c)), bound_of(dtype));
          check_close(gradients[0].get(i), dy.get(i) * (x.get(i) > 0 ? 1 : gamma.get(c)), bound_of(dtype));
          sums[static_cast<size_t>(c)] += x.get(i) > 0 ? 0 : dy.get(i) * x.get(i);
        }
        for (int64_t c = 0; c < channels; ++c)
          check_close(gradients[1].get(c), sums[static_cast<size_t>(c)], bound_of(dtype) * 50);
      }
    }
  }
}

TEST_CASE("LeakyReLU: rrelu draws a slope for each element, and only it has a second output") {
  const Attributes attributes{{"act_type", "rrelu"}, {"lower_bound", 0.1}, {"upper_bound", 0.3}};
  const Tensor x = random_tensor({1000}, DType::f32, -2, 2, 6), y = run_op("LeakyReLU", {x}, attributes)[0];
  double least = 1, most = 0;
  for (int64_t i = 0; i < x.size(); ++i) {
    if (x.get(i) > 0) CHECK(y.get(i) == x.get(i));
    if (x.get(i) > -0.01) continue;
    least = std::min(least, y.get(i) / x.get(i));
    most = std::max(most, y.get(i) / x.get(i));
  }
  CHECK(least >= 0.099999);
  CHECK(least < 0.11);
  CHECK(most > 0.29);
  CHECK(most <= 0.300001);
  const OpSchema& op = registry().at("LeakyReLU");
  CHECK(op.num_outputs(op.make_params(attributes).get()) == 2);
  for (const char* act : {"leaky", "prelu", "elu", "selu", "gelu"})
    CHECK(op.num_outputs(op.make_params({{"act_type", act}}).get()) == 1);
}

}  // namespace mixnet::test
