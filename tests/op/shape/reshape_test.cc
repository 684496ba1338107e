// Codes of Reshape and ranges of reshape_like, as MXNet 1.9.1 reads them.
#include <doctest/doctest.h>

#include "../run_op.h"

namespace mixnet::test {

TEST_CASE("Reshape codes") {
  struct Row {
    const char* shape;
    bool reverse;
    Shape expected;
  };
  const Row rows[] = {{"(6, 20)", false, {6, 20}},
                      {"(0, -1)", false, {2, 60}},
                      {"(-1, 0)", false, {40, 3}},
                      {"(0, -3, -2)", false, {2, 12, 5}},
                      {"(-3, -3)", false, {6, 20}},
                      {"(0, 0, -4, 2, 2, 0)", false, {2, 3, 2, 2, 5}},
                      {"(-4, -1, 2, -2)", false, {1, 2, 3, 4, 5}},
                      {"(-1, 0)", true, {24, 5}}};
  for (const Row& row : rows) {
    INFO(std::string(row.shape));
    const Tensor out = run_op("Reshape", {counting({2, 3, 4, 5})}, {{"shape", row.shape}, {"reverse", row.reverse}})[0];
    CHECK(out.shape() == row.expected);
    CHECK(out.values() == counting({120}).values());
  }
}

TEST_CASE("Reshape refuses another number of elements") {
  CHECK_THROWS_AS(run_op("Reshape", {counting({2, 3})}, {{"shape", Shape{4, -1}}}), Error);
  CHECK_THROWS_AS(run_op("Reshape", {counting({2, 3})}, {{"shape", Shape{2, 2}}}), Error);
}

TEST_CASE("reshape_like with ranges of axes") {
  const Tensor lhs = counting({2, 3, 4}), rhs = counting({6, 12});
  const auto shape = [&](const Attributes& a) { return run_op("reshape_like", {lhs, rhs}, a)[0].shape(); };
  CHECK(shape({{"lhs_begin", 0}, {"lhs_end", 2}, {"rhs_begin", 0}, {"rhs_end", 1}}) == Shape{6, 4});
  CHECK(shape({{"lhs_begin", 1}, {"rhs_begin", -1}}) == Shape{2, 12});
  CHECK_THROWS_AS(shape({{"lhs_begin", 4}, {"rhs_end", 1}}), Error);
}

}  // namespace mixnet::test
