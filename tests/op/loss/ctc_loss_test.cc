// CTCLoss on known scores; the numbers are MXNet 1.9.1's.
#include <doctest/doctest.h>

#include <cmath>

#include "../run_op.h"

namespace mixnet::test {
namespace {

Tensor scores() {
  Tensor t({5, 3, 4}, DType::f32);
  for (int64_t i = 0; i < t.size(); ++i) t.set(i, std::sin(static_cast<double>(i)));
  return t;
}
void check_losses(const Tensor& got, const std::vector<double>& want) {
  REQUIRE(got.size() == static_cast<int64_t>(want.size()));
  for (int64_t i = 0; i < got.size(); ++i)
    CHECK(got.get(i) == doctest::Approx(want[static_cast<size_t>(i)]).epsilon(1e-5));
}

}  // namespace

TEST_CASE("CTCLoss: padding ends a label, repeated labels need a blank between them") {
  check_losses(run_op("CTCLoss", {scores(), tensor({3, 2}, {1, 2, 2, 2, 3, 0})})[0], {4.292839, 4.566889, 4.909067});
  check_losses(run_op("CTCLoss", {scores(), tensor({3, 2}, {0, 1, 1, 1, 2, -1})}, {{"blank_label", "last"}})[0],
               {4.259461, 5.069143, 5.890778});
}

TEST_CASE("CTCLoss: lengths replace padding, and a label longer than its data has no loss") {
  const std::vector<Tensor> inputs{scores(), tensor({3, 2}, {1, 2, 2, 2, 3, 0}), tensor({3}, {5, 2, 3}),
                                   tensor({3}, {2, 2, 1})};
  check_losses(run_op("CTCLoss", inputs, {{"use_data_lengths", true}, {"use_label_lengths", true}})[0],
               {4.292839, 0, 3.176604});
}

TEST_CASE("CTCLoss: labels and lengths out of range are clipped") {
  const std::vector<Tensor> inputs{scores(), tensor({3, 2}, {99, 2, -5, 2, 3, 1e30}), tensor({3}, {-1, 1e30, 3}),
                                   tensor({3}, {50, 2, -7})};
  for (double loss : run_op("CTCLoss", inputs, {{"use_data_lengths", true}, {"use_label_lengths", true}})[0].values())
    CHECK(std::isfinite(loss));
}

}  // namespace mixnet::test
