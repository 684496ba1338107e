// Steps of several weights in one call; the numbers are MXNet 1.9.1's.
#include <doctest/doctest.h>

#include <cmath>

#include "../run_op.h"

namespace mixnet::test {
namespace {

Tensor weight() { return tensor({3}, {1, -2, 3}); }
Tensor grad() { return tensor({3}, {.1, .2, .3}); }
Tensor mean() { return tensor({3}, {.1, .1, .1}); }
Tensor var() { return tensor({3}, {.2, .1, .1}); }
void check_values(const Tensor& got, const std::vector<double>& want) {
  REQUIRE(got.size() == static_cast<int64_t>(want.size()));
  for (size_t i = 0; i < want.size(); ++i) CHECK(std::fabs(got.get(static_cast<int64_t>(i)) - want[i]) < 1e-5);
}
using Reals = std::vector<double>;

}  // namespace

TEST_CASE("multi_sgd_mom_update steps every weight with its own rates") {
  const Attributes attributes{{"lrs", Reals{.1, 0}}, {"wds", Reals{.01, .01}}, {"momentum", .9},
                              {"rescale_grad", .5},  {"clip_gradient", .12},   {"num_weights", 2}};
  const std::vector<Tensor> out =
      run_op("multi_sgd_mom_update", {weight(), grad(), mean(), weight(), grad(), tensor({3}, {0, 0, 0})}, attributes);
  REQUIRE(out.size() == 2);
  check_values(out[0], {1.084, -1.918, 3.075});
  check_values(out[1], {1, -2, 3});
}

TEST_CASE("multi_lamb_update: bias correction and bounds") {
  const Attributes rates{
      {"learning_rates", Reals{.1}}, {"wds", Reals{.01}}, {"step_count", Shape{3}}, {"rescale_grad", .5}};
  auto with = [&rates](const Attributes& more) {
    Attributes all = rates;
    all.insert(all.end(), more.begin(), more.end());
    return run_op("_multi_lamb_update", {weight(), grad(), mean(), var()}, all)[0];
  };
  check_values(with({}), {0.833550, -2.138075, 2.694664});
  check_values(with({{"clip_gradient", .12}, {"bias_correction", false}}), {0.837252, -2.216750, 2.742061});
  check_values(with({{"clip_gradient", .12}, {"upper_bound", 1.0}}), {0.954925, -2.037391, 2.918944});
  check_values(with({{"clip_gradient", .12}, {"lower_bound", 5.0}}), {0.774623, -2.186957, 2.594720});
}

TEST_CASE("adamw_update leaves out a step whose scale is not finite") {
  const Attributes rates{{"lr", .1}, {"wd", .01}, {"eta", .7}, {"clip_gradient", .12}};
  check_values(run_op("_adamw_update", {weight(), grad(), mean(), var(), tensor({1}, {.5})}, rates)[0],
               {0.978123, -2.008146, 2.956412});
  check_values(run_op("_adamw_update", {weight(), grad(), mean(), var(), tensor({1}, {std::nan("")})}, rates)[0],
               {1, -2, 3});
}

TEST_CASE("multi_lars and all_finite") {
  const Attributes attributes{{"eta", .1}, {"eps", 1e-3}, {"rescale_grad", .5}};
  const Tensor rates = run_op(
      "multi_lars",
      {tensor({4}, {1, 2, 3, 4}), tensor({4}, {4, 9, 0, 1}), tensor({4}, {1, 4, 1, 0}), tensor({4}, {.1, .2, .3, .1})},
      attributes)[0];
  check_values(rates, {0.285307, 0.374766, 3, 4});
  for (double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    check_values(run_op("multi_all_finite", {weight(), tensor({2}, {0, bad})}, {{"num_arrays", 2}})[0], {0});
  }
  check_values(run_op("multi_all_finite", {weight(), grad()}, {{"num_arrays", 2}})[0], {1});
}

TEST_CASE("rates must be one per weight") {
  const Attributes attributes{{"lrs", Reals{.1}}, {"wds", Reals{.1, .1}}, {"num_weights", 2}};
  CHECK_THROWS_WITH(registry().at("multi_sgd_update").make_params(attributes),
                    doctest::Contains("[multi_sgd_update] lrs: expected one number per weight, 2, got 1"));
}

}  // namespace mixnet::test
