// Shapes: merging partial knowledge, texts, and sizes of untrusted extents.
#include "base/shape.h"

#include <doctest/doctest.h>

#include <limits>

#include "base/error.h"

namespace mixnet {

TEST_CASE("shape: at most 16 dimensions") {
  int64_t dims[17] = {};
  CHECK(Shape(dims, 16).ndim() == 16);
  CHECK_THROWS_AS(Shape(dims, 17), Error);
  CHECK_THROWS_AS(Shape::filled(17, 1), Error);
  Shape s(dims, 16);
  CHECK_THROWS_AS(s.push_back(1), Error);
  CHECK(s.ndim() == 16);
}

TEST_CASE("shape: text") {
  CHECK(Shape().str() == "()");
  CHECK(Shape{2}.str() == "(2,)");
  CHECK(Shape{2, -1}.str() == "(2, ?)");
  CHECK(Shape::unknown().str() == "?");
}

TEST_CASE("shape: merge takes over what is known and refuses what contradicts") {
  Shape s = Shape::unknown();
  CHECK(s.merge(Shape::unknown()));
  CHECK(!s.ndim_known());
  CHECK(s.merge({2, -1, 4}));
  CHECK(!s.known());
  CHECK(s.merge({-1, 3, -1}));
  CHECK(s == Shape{2, 3, 4});
  CHECK(s.known());
  CHECK(s.merge(Shape::unknown()));
  CHECK(!s.merge({2, 3, 5}));
  CHECK(!s.merge({2, 3}));
  CHECK(!Shape{}.merge({1}));
}

TEST_CASE("shape: size") {
  CHECK(Shape().size() == 1);
  CHECK(Shape{2, 0, 3}.size() == 0);
  CHECK(Shape{2, 3, 4}.size(1, 3) == 12);
  CHECK(Shape{2, 3}.size(2, 2) == 1);
  Shape grown = Shape::unknown();
  grown.push_back(5);
  CHECK(grown == Shape{5});
}

TEST_CASE("shape: sizes of untrusted extents") {
  const int64_t huge = int64_t{1} << 62;
  CHECK(checked_size(Shape(), 4) == 1);
  CHECK(checked_size({3, 0, 5}, 8) == 0);
  CHECK(checked_size({huge}, 1) == huge);
  CHECK_THROWS_AS(checked_size({huge}, 2), Error);
  CHECK_THROWS_AS(checked_size({-1}, 1), Error);
  CHECK_THROWS_AS(checked_size({0, -1}, 1), Error);
  CHECK_THROWS_AS(checked_size({int64_t{1} << 32, int64_t{1} << 32}, 1), Error);
  CHECK_THROWS_AS(checked_size({std::numeric_limits<int64_t>::max(), 3}, 1), Error);
  CHECK(checked_size({0, std::numeric_limits<int64_t>::max()}, 1) == 0);
}

TEST_CASE("shape: an empty tensor has no part whose size overflows") {
  const int64_t huge = int64_t{1} << 40;
  CHECK_THROWS_AS(checked_size({0, huge, huge}, 1), Error);
  CHECK_THROWS_AS(checked_size({huge, huge, 0}, 1), Error);
  CHECK(checked_size({huge, 0, 1000}, 4) == 0);
}

TEST_CASE("shape: axes") {
  CHECK(normalize_axis(-1, 3, "test") == 2);
  CHECK(normalize_axis(0, 3, "test") == 0);
  CHECK_THROWS_WITH_AS(normalize_axis(3, 3, "test"), "[test] axis: expected a value in [-3, 3), got 3", Error);
  CHECK_THROWS_AS(normalize_axis(-4, 3, "test"), Error);
  CHECK_THROWS_AS(normalize_axis(0, 0, "test"), Error);
  CHECK_THROWS_AS(normalize_axis(std::numeric_limits<int64_t>::min(), 3, "test"), Error);
}

}  // namespace mixnet
