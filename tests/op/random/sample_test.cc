// Draws with parameters that no distribution has end, with NaN; draws with very large ones end too.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "run_op.h"

namespace mixnet::test {

TEST_CASE("random: parameters that no distribution has give NaN") {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const std::vector<double> bad = {nan, inf, -inf, -1, -1e18};
  const Tensor first = tensor({5}, bad, DType::f64);
  const Tensor p = run_op("_sample_poisson", {first}, {{"dtype", "float64"}})[0];
  const Tensor g =
      run_op("_sample_gamma", {first, tensor({5}, {1, 1, 1, 1, 1}, DType::f64)}, {{"dtype", "float64"}})[0];
  for (int64_t i = 0; i < 5; ++i) {
    CHECK(std::isnan(p.get(i)));
    CHECK(std::isnan(g.get(i)));
  }
}

TEST_CASE("random: Poisson with large rates has their mean and deviation") {
  for (double rate : {1e4, 1e6, 1e12}) {
    CAPTURE(rate);
    const int64_t n = 400;
    const Tensor t =
        run_op("_sample_poisson", {tensor({1}, {rate}, DType::f64)}, {{"shape", Shape{n}}, {"dtype", "float64"}})[0];
    double mean = 0, square = 0;
    for (int64_t i = 0; i < n; ++i) {
      mean += (t.get(i) - rate) / std::sqrt(rate) / static_cast<double>(n);
      square += std::pow((t.get(i) - rate) / std::sqrt(rate), 2) / static_cast<double>(n);
      CHECK(std::floor(t.get(i)) == t.get(i));
    }
    CHECK(std::fabs(mean) < 0.25);
    CHECK(square == doctest::Approx(1).epsilon(0.35));
  }
}

}  // namespace mixnet::test
