// Dtypes of a tensor and a number, and integer arithmetic; numbers from MXNet 1.9.1.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "../run_op.h"

namespace mixnet::test {
namespace {

using Values = std::vector<double>;

Tensor with(const char* op, const Values& x, double scalar, DType dtype, bool is_int = true) {
  const Tensor data = tensor(Shape{static_cast<int64_t>(x.size())}, x, dtype);
  return run_op(op, {data}, {{"scalar", scalar}, {"is_int", is_int}})[0];
}

}  // namespace

TEST_CASE("is_int decides on the dtype of integers and a number") {
  struct Row {
    const char* op;
    Values whole, real;  // of 1, -2, 3, 5 and 2.5, with is_int and without
  };
  const Row rows[] = {
      {"_plus_scalar", {3, 0, 5, 7}, {3.5, 0.5, 5.5, 7.5}},
      {"_minus_scalar", {-1, -4, 1, 3}, {-1.5, -4.5, 0.5, 2.5}},
      {"_rminus_scalar", {1, 4, -1, -3}, {1.5, 4.5, -0.5, -2.5}},
      {"_mul_scalar", {2, -4, 6, 10}, {2.5, -5, 7.5, 12.5}},
      {"_div_scalar", {0, -1, 1, 2}, {0.4, -0.8, 1.2, 2}},
      {"_rdiv_scalar", {2, -1, 0, 0}, {2.5, -1.25, 2.5 / 3, 0.5}},
      {"_mod_scalar", {1, 0, 1, 1}, {1, 0.5, 0.5, 0}},
      {"_power_scalar", {1, 4, 9, 25}, {1, NAN, std::pow(3, 2.5), std::pow(5, 2.5)}},
      {"_maximum_scalar", {2, 2, 3, 5}, {2.5, 2.5, 3, 5}},
      {"_minimum_scalar", {1, -2, 2, 2}, {1, -2, 2.5, 2.5}},
      {"_hypot_scalar", {2, 2, 3, 5}, {std::hypot(1, 2.5), std::hypot(2, 2.5), std::hypot(3, 2.5), std::hypot(5, 2.5)}},
      {"_greater_scalar", {0, 0, 1, 1}, {0, 0, 1, 1}},
      {"_logical_and_scalar", {1, 1, 1, 1}, {1, 1, 1, 1}},
  };
  const Values x = {1, -2, 3, 5};
  for (const Row& row : rows) {
    INFO(std::string(row.op));
    for (const DType dtype : {DType::i8, DType::i32, DType::i64}) {
      const Tensor whole = with(row.op, x, 2.5, dtype), real = with(row.op, x, 2.5, dtype, false);
      CHECK(whole.dtype() == dtype);
      CHECK(whole.values() == row.whole);
      CHECK(real.dtype() == DType::f64);
      for (int64_t i = 0; i < 4; ++i) {
        const double got = real.get(i), want = row.real[static_cast<size_t>(i)];
        CHECK(
            (std::fabs(got - want) < 1e-14 * std::fabs(want) || got == want || (std::isnan(got) && std::isnan(want))));
      }
    }
    for (bool is_int : {false, true}) CHECK(with(row.op, x, 2.5, DType::f32, is_int).dtype() == DType::f32);
    CHECK(with(row.op, {1, 0}, 2.5, DType::boolean).dtype() == DType::i64);
    CHECK(with(row.op, {1, 0}, 2.5, DType::boolean, false).dtype() == DType::f64);
  }
  CHECK(with("_plus_scalar", {1, 0}, 2.5, DType::boolean).values() == Values{3, 2});
  CHECK(with("_equal_scalar", {1, 3}, 3.5, DType::i32).values() == Values{0, 1});
  CHECK(with("_logical_and_scalar", {1, 3}, 0.5, DType::i32).values() == Values{0, 0});
}

TEST_CASE("integer arithmetic wraps around and never traps") {
  CHECK(with("_mul_scalar", {2}, 1000, DType::i8).values() == Values{-48});
  CHECK(with("_rminus_scalar", {2, 3}, 1, DType::u8).values() == Values{255, 254});
  CHECK(with("_div_scalar", {7, -7}, 0, DType::i32).values() == Values{0, 0});
  CHECK(with("_mod_scalar", {7, -7}, 0, DType::i32).values() == Values{0, 0});
  CHECK(with("_mod_scalar", {5, -5, 4, 0}, -3, DType::i32).values() == Values{-1, -2, -2, 0});
  CHECK(with("_power_scalar", {1, 2, -1, 3}, -1, DType::i32).values() == Values{1, 0, -1, 0});
  const double lowest = -9223372036854775808.0;
  CHECK(with("_div_scalar", {lowest}, -1, DType::i64).values() == Values{lowest});
  CHECK(with("_mod_scalar", {lowest}, -1, DType::i64).values() == Values{0});
  CHECK(with("_plus_scalar", {0, 1}, std::numeric_limits<double>::quiet_NaN(), DType::i64).values() == Values{0, 1});
  const auto pair = [](const char* op, const Values& a, const Values& b) {
    return run_op(op, {tensor(Shape{4}, a, DType::i32), tensor(Shape{4}, b, DType::i32)})[0].values();
  };
  CHECK(pair("_power", {3, 2, -1, 0}, {2, -1, -3, 0}) == Values{9, 0, -1, 1});
  CHECK(pair("elemwise_div", {7, -7, 7, 1}, {2, 2, 0, -1}) == Values{3, -3, 0, -1});
  CHECK(pair("_mod", {7, -7, 7, 0}, {-3, 3, 0, 5}) == Values{-2, 2, 0, 0});
}

TEST_CASE("float remainders and extremes follow MXNet at the edges") {
  const Tensor x = tensor(Shape{5}, {5, -5, 4.5, 0, 6});
  CHECK(run_op("_mod_scalar", {x}, {{"scalar", -3.0}})[0].values() == Values{-1, -2, -1.5, 0, 0});
  CHECK(run_op("_mod_scalar", {x}, {{"scalar", 0.0}})[0].values() == Values{0, 0, 0, 0, 0});
  const Tensor a = tensor(Shape{2}, {NAN, 1}), b = tensor(Shape{2}, {1, NAN});
  for (const char* op : {"_maximum", "_minimum", "broadcast_maximum"}) {
    for (double v : run_op(op, {a, b})[0].values()) CHECK(std::isnan(v));
  }
}

}  // namespace mixnet::test
