// The order of topk, sort and argsort: ties keep their order, NaN is the largest.
#include <doctest/doctest.h>

#include <cmath>

#include "../run_op.h"

namespace mixnet::test {
namespace {
using Values = std::vector<double>;
const Tensor& sample() {
  static const Tensor t = tensor({2, 4}, {3, 1, 2, 1, 5, 5, 0, 9});
  return t;
}
}  // namespace

TEST_CASE("topk: what is returned") {
  const auto top = [](const char* ret, bool ascend) {
    std::vector<Values> all;
    for (const Tensor& t : run_op("topk", {sample()}, {{"k", 2}, {"ret_typ", ret}, {"is_ascend", ascend}}))
      all.push_back(t.values());
    return all;
  };
  CHECK(top("indices", false) == std::vector<Values>{{0, 2, 3, 0}});
  CHECK(top("indices", true) == std::vector<Values>{{1, 3, 2, 0}});
  CHECK(top("value", false) == std::vector<Values>{{3, 2, 9, 5}});
  CHECK(top("both", true) == std::vector<Values>{{1, 1, 0, 5}, {1, 3, 2, 0}});
  CHECK(top("mask", false) == std::vector<Values>{{1, 0, 1, 0, 1, 0, 0, 1}});
  CHECK_THROWS_AS(run_op("topk", {sample()}, {{"k", 9}}), Error);
  CHECK_THROWS_AS(run_op("topk", {sample()}, {{"dtype", "int8"}}), Error);
  CHECK(run_op("topk", {sample()}, {{"k", 2}, {"dtype", "int32"}})[0].dtype() == DType::i32);
}

TEST_CASE("argsort is stable, sort is sorted") {
  CHECK(run_op("argsort", {sample()})[0].values() == Values{1, 3, 2, 0, 2, 0, 1, 3});
  CHECK(run_op("argsort", {sample()}, {{"is_ascend", false}})[0].values() == Values{0, 2, 1, 3, 3, 0, 1, 2});
  CHECK(run_op("sort", {sample()}, {{"axis", 0}, {"is_ascend", false}})[0].values() == Values{5, 5, 2, 9, 3, 1, 0, 1});
  CHECK(run_op("sort", {sample()}, {{"axis", "None"}})[0].values() == Values{0, 1, 1, 2, 3, 5, 5, 9});
  Tensor equal(Shape{100}, DType::f32);
  for (int64_t i = 0; i < 100; ++i) equal.set(i, 1);
  CHECK(run_op("argsort", {equal}, {{"is_ascend", false}})[0].values() == counting({100}).values());
}

TEST_CASE("NaN, infinities, signed zeros, integer limits") {
  const Tensor odd = tensor({6}, {1, NAN, -INFINITY, INFINITY, 0.0, -0.0});
  CHECK(run_op("argsort", {odd})[0].values() == Values{2, 4, 5, 0, 3, 1});
  CHECK(run_op("argsort", {odd}, {{"is_ascend", false}})[0].values() == Values{1, 3, 0, 4, 5, 2});
  CHECK(run_op("argsort", {tensor({4}, {3, -128, 127, -1}, DType::i8)})[0].values() == Values{1, 3, 0, 2});
}

}  // namespace mixnet::test
