// Lengths of sequences and bins of histograms; numbers from MXNet 1.9.1.
#include <doctest/doctest.h>

#include <cmath>

#include "../run_op.h"

namespace mixnet::test {
using Values = std::vector<double>;

TEST_CASE("SequenceMask, SequenceLast, SequenceReverse") {
  const Tensor x = counting({3, 2}), length = tensor({2}, {1, 3});
  const Attributes given{{"use_sequence_length", true}};
  CHECK(run_op("SequenceMask", {x, length}, given)[0].values() == Values{0, 1, 0, 3, 0, 5});
  CHECK(run_op("SequenceLast", {x, length}, given)[0].values() == Values{0, 5});
  CHECK(run_op("SequenceReverse", {x, length}, given)[0].values() == Values{0, 5, 2, 3, 4, 1});
  CHECK(run_op("SequenceLast", {x})[0].values() == Values{4, 5});
  CHECK(run_op("SequenceReverse", {x})[0].values() == Values{4, 5, 2, 3, 0, 1});
  CHECK_THROWS_AS(run_op("SequenceReverse", {x}, {{"axis", 1}}), Error);
  CHECK_THROWS_AS(run_op("SequenceMask", {x}, {{"axis", 2}}), Error);
}

TEST_CASE("lengths out of range are clipped") {
  const Tensor x = counting({3, 3}), length = tensor({3}, {0, 9, NAN});
  const Attributes given{{"use_sequence_length", true}, {"value", -1.0}};
  CHECK(run_op("SequenceMask", {x, length}, given)[0].values() == Values{-1, 1, -1, -1, 4, -1, -1, 7, -1});
  CHECK(run_op("SequenceLast", {x, length}, {{"use_sequence_length", true}})[0].values() == Values{0, 7, 2});
}

TEST_CASE("_histogram") {
  const Tensor x = tensor({9}, {0, 1, 2, 2.5, 3, 10, -1, 1.5, NAN});
  const auto uniform = run_op("_histogram", {x}, {{"bin_cnt", 3}, {"range", std::vector<double>{0, 3}}});
  CHECK(uniform[0].values() == Values{1, 2, 3});
  CHECK(uniform[0].dtype() == DType::i64);
  CHECK(uniform[1].values() == Values{0, 1, 2, 3});
  CHECK(run_op("_histogram", {x, tensor({4}, {0, 1, 2.5, 3})})[0].values() == Values{1, 3, 2});
  const auto whole = run_op("_histogram", {tensor({3}, {1, 2, 3}, DType::i32)},
                            {{"bin_cnt", 2}, {"range", std::vector<double>{1, 3}}});
  CHECK(whole[0].values() == Values{1, 2});
  CHECK_THROWS_AS(run_op("_histogram", {x}, {{"bin_cnt", 3}}), Error);
}

}  // namespace mixnet::test
