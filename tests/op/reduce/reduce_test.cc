// Long sums, NaN, zeros in products, axes; numbers from MXNet 1.9.1 or by hand.
#include <doctest/doctest.h>

#include <cmath>

#include "../run_op.h"
#include "base/thread_pool.h"

namespace mixnet::test {
using Values = std::vector<double>;

TEST_CASE("long float sums keep their accuracy") {
  // A plain float sum of these stops growing at 2^24 or drifts by a per cent.
  Tensor row(Shape{1, 1 << 21}, DType::f32), columns(Shape{1 << 20, 3}, DType::f32);
  for (int64_t i = 0; i < row.size(); ++i) row.set(i, 0.1);
  for (int64_t i = 0; i < columns.size(); ++i) columns.set(i, 0.1);
  const double each = static_cast<double>(0.1f);
  CHECK(run_op("sum", {row})[0].get(0) == doctest::Approx(each * (1 << 21)).epsilon(1e-6));
  for (double v : run_op("sum", {columns}, {{"axis", Shape{0}}})[0].values())
    CHECK(v == doctest::Approx(each * (1 << 20)).epsilon(1e-6));
  CHECK(run_op("mean", {row})[0].get(0) == doctest::Approx(each).epsilon(1e-6));
}

TEST_CASE("results do not depend on the number of threads") {
  const int before = parallel_threads();
  for (const Shape& shape : {Shape{700, 900}, Shape{40000, 7}, Shape{3, 300000}, Shape{5, 300, 200}}) {
    const Tensor x = random_tensor(shape, DType::f32, -1, 1, 5);
    for (const char* axis : {"None", "(0,)", "(1,)"}) {
      for (const char* op : {"sum", "norm"}) {
        std::vector<Values> results;
        for (int threads : {1, 2, 3, 8}) {
          set_parallel_threads(threads);
          results.push_back(run_op(op, {x}, {{"axis", axis}})[0].values());
        }
        INFO(std::string(op), " ", shape.str(), " ", std::string(axis));
        for (const Values& r : results) CHECK(r == results[0]);
      }
    }
  }
  set_parallel_threads(before);
}

TEST_CASE("axes") {
  const Tensor x = counting({2, 3, 4});
  const auto shape = [&](const Attributes& a) { return run_op("sum", {x}, a)[0].shape(); };
  CHECK(shape({}) == Shape{1});
  CHECK(shape({{"keepdims", true}}) == Shape{1, 1, 1});
  CHECK(shape({{"axis", Shape{1}}, {"exclude", true}}) == Shape{3});
  CHECK(shape({{"axis", Shape{0, -1}}, {"keepdims", true}}) == Shape{1, 3, 1});
  CHECK_THROWS_AS(shape({{"axis", Shape{1, 1}}}), Error);
  CHECK_THROWS_AS(shape({{"axis", Shape{3}}}), Error);
}

TEST_CASE("NaN and nothing") {
  const Tensor x = tensor({3}, {1, NAN, 5});
  CHECK(std::isnan(run_op("max", {x})[0].get(0)));
  CHECK(run_op("nansum", {x})[0].get(0) == 6);
  CHECK(run_op("nanprod", {x})[0].get(0) == 5);
  CHECK(run_op("sum", {Tensor({0, 2}, DType::f32)}, {{"axis", Shape{0}}})[0].values() == Values{0, 0});
  CHECK(run_op("prod", {Tensor({0, 2}, DType::f32)}, {{"axis", Shape{0}}})[0].values() == Values{1, 1});
  const auto extreme = [](const char* op, DType dtype) {
    return run_op(op, {Tensor({0, 1}, dtype)}, {{"axis", Shape{0}}})[0].get(0);
  };
  CHECK(extreme("max", DType::f32) == -INFINITY);
  CHECK(extreme("min", DType::f32) == INFINITY);
  CHECK(extreme("max", DType::i32) == -2147483648.0);
  CHECK(extreme("min", DType::u8) == 255);
}

TEST_CASE("the gradient of a product with zeros") {
  const Tensor x = tensor({3, 3}, {2, 0, 3, 0, 0, 4, 1, 2, NAN}), dy = tensor({3}, {1, 1, 1});
  const Values d = run_op("_backward_nanprod", {dy, x}, {{"axis", Shape{1}}})[0].values();
  CHECK(d == Values{0, 6, 0, 0, 0, 0, 2, 1, 0});
}

TEST_CASE("moments, norm, argmax") {
  const auto m = run_op("moments", {counting({2, 3, 4})}, {{"axes", Shape{0, 2}}});
  CHECK(m[0].values() == Values{7.5, 11.5, 15.5});
  CHECK(m[1].values() == Values{37.25, 37.25, 37.25});
  CHECK(run_op("norm", {tensor({2}, {3, -4})})[0].get(0) == 5);
  CHECK(run_op("norm", {tensor({2}, {3, -4})}, {{"ord", 1}, {"out_dtype", "int32"}})[0].dtype() == DType::i32);
  CHECK_THROWS_AS(run_op("norm", {tensor({2}, {3, -4})}, {{"ord", 3}}), Error);
  CHECK(run_op("argmax", {tensor({3}, {3, 3, 1})}, {{"axis", 0}})[0].get(0) == 0);
  CHECK(run_op("argmax", {tensor({2}, {1, 2}, DType::i64)}, {{"axis", 0}})[0].dtype() == DType::i64);
}

}  // namespace mixnet::test
