// Parameters as text and the limits that every operator shares.
#include <doctest/doctest.h>

#include <string>

#include "op/core/offered.h"
#include "symbol/symbol.h"

namespace mixnet {
namespace {

std::string refused(const char* op, const Attributes& attributes) {
  try {
    registry().at(op).make_params(attributes);
    return "accepted";
  } catch (const Error& e) {
    CHECK((e.code() == Code::invalid || e.code() == Code::type));
    return e.what();
  }
}

}  // namespace

TEST_CASE("parameters: a count of inputs or outputs is bounded before anything is made of it") {
  for (const char* count : {"4000000000", "9223372036854775807", "-1", "1e18"}) {
    CAPTURE(count);
    for (const char* op : {"Concat", "add_n", "stack"}) CHECK(refused(op, {{"num_args", count}}).find("num_args: expected a value in [") != std::string::npos);
    CHECK(refused("SliceChannel", {{"num_outputs", count}}).find("num_outputs: expected a value in [") != std::string::npos);
    CHECK(refused("_split_v2", {{"indices", "()"}, {"sections", count}}).find("sections: expected a value in [") != std::string::npos);
  }
  CHECK(refused("add_n", {{"num_args", 3}}) == "accepted");
}

TEST_CASE("parameters: text with a NUL inside is not cut short") {
  CHECK(refused("SliceChannel", {{"num_outputs", std::string("3\0x", 3)}}) != "accepted");
  CHECK(refused("LeakyReLU", {{"slope", std::string("0.5\0", 4)}}) != "accepted");
  CHECK(refused("SliceChannel", {{"num_outputs", "3"}}) == "accepted");
}

TEST_CASE("operators that the library keeps to itself cannot be named from outside") {
  CHECK_THROWS_WITH_AS(offered_operator("_backward_take"), doctest::Contains("keeps to itself"), Error);
  CHECK(offered_operator("take").name == "take");
  const char* file = R"({"nodes":[{"op":"null","name":"x","inputs":[]},{"op":"_backward_square","name":"b","inputs":[[0,0],[0,0]]}],"heads":[[1,0]]})";
  CHECK_THROWS_AS(Symbol::from_json(file), Error);
  const char* helper = R"({"nodes":[{"op":"null","name":"x","inputs":[]},{"op":"_sum_to_like","name":"b","inputs":[[0,0],[0,0]]}],"heads":[[1,0]]})";
  CHECK_THROWS_WITH_AS(Symbol::from_json(helper), doctest::Contains("keeps to itself"), Error);
}

}  // namespace mixnet
