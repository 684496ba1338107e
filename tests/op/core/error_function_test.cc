// The functions of one float that are made of few operations, against the C library's in double.
#include "op/core/error_function.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace mixnet::test {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();

// The largest relative distance of f from g over [low, high], where g's value is at least `least`.
template <class F, class G>
double distance(F f, G g, double low, double high, double least) {
  double most = 0;
  for (int i = 0; i <= 100000; ++i) {
    const float x = static_cast<float>(low + (high - low) * i / 100000);
    const double want = g(static_cast<double>(x));
    if (std::fabs(want) >= least) most = std::max(most, std::fabs(static_cast<double>(f(x)) - want) / std::fabs(want));
  }
  return most;
}

}  // namespace

TEST_CASE("functions: erf, erfc and e^x - 1 of floats") {
  const auto erf = [](float x) { return functions::error_function(x); };
  const auto erfc = [](float x) { return functions::complementary_error(x); };
  const auto decay = [](float x) { return functions::decay_less_one(x); };
  const auto real_erf = [](double x) { return std::erf(x); };
  const auto real_erfc = [](double x) { return std::erfc(x); };
  const auto real_decay = [](double x) { return std::expm1(x); };
  CHECK(distance(erf, real_erf, -6, 6, 1e-30) < 2e-7);
  CHECK(distance(erf, real_erf, -1e-3, 1e-3, 1e-30) < 2e-7);
  CHECK(distance(erfc, real_erfc, -6, 1, 0) < 6e-7);
  CHECK(distance(erfc, real_erfc, 1, 9, 1e-35) < 1e-5);
  CHECK(distance(decay, real_decay, -110, -1e-3, 0) < 2e-7);
  CHECK(distance(decay, real_decay, -1e-3, -1e-12, 0) < 2e-7);
}

TEST_CASE("functions: of infinities, zeros and what is no number") {
  CHECK(functions::error_function(infinity) == 1);
  CHECK(functions::error_function(-infinity) == -1);
  CHECK(std::isnan(functions::error_function(nan)));
  CHECK(std::signbit(functions::error_function(-0.f)));
  CHECK(functions::complementary_error(infinity) == 0);
  CHECK(functions::complementary_error(-infinity) == 2);
  CHECK(functions::complementary_error(0.f) == doctest::Approx(1).epsilon(1e-6));
  CHECK(std::isnan(functions::complementary_error(nan)));
  CHECK(functions::decay_less_one(-infinity) == -1);
  CHECK(functions::decay_less_one(0.f) == 0);
  CHECK(functions::decay_less_one(5.f) == 0);
  CHECK(std::isnan(functions::decay_less_one(nan)));
}

}  // namespace mixnet::test
