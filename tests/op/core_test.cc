// Parameters as text and the limits that every operator shares.
#include <doctest/doctest.h>

#include <string>

#include "executor/executor.h"
#include "executor/infer.h"
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
    for (const char* op : {"Concat", "add_n", "stack"})
      CHECK(refused(op, {{"num_args", count}}).find("num_args: expected a value in [") != std::string::npos);
    CHECK(refused("SliceChannel", {{"num_outputs", count}}).find("num_outputs: expected a value in [") !=
          std::string::npos);
    CHECK(refused("_split_v2", {{"indices", "()"}, {"sections", count}}).find("sections: expected a value in [") !=
          std::string::npos);
  }
  CHECK(refused("add_n", {{"num_args", 3}}) == "accepted");
}

TEST_CASE("parameters: text with a NUL inside is not cut short") {
  CHECK(refused("SliceChannel", {{"num_outputs", std::string("3\0x", 3)}}) != "accepted");
  CHECK(refused("LeakyReLU", {{"slope", std::string("0.5\0", 4)}}) != "accepted");
  CHECK(refused("SliceChannel", {{"num_outputs", "3"}}) == "accepted");
}

TEST_CASE("inference: no rule answers with negative extents") {
  const Symbol x = Symbol::variable("x");
  auto shape_of = [&](const char* op, const Attributes& params) {
    const Symbol s = Symbol::create(registry().at(op), params, {}, {{"", x}}, "n");
    return infer_shape(s, {{"x", Shape{2, 1, 3}}}).outputs[0];
  };
  CHECK_THROWS_WITH_AS(shape_of("broadcast_to", {{"shape", Shape{2, -5, 3}}}),
                       doctest::Contains("at least 0, got (2, -5, 3)"), Error);
  CHECK_THROWS_AS(shape_of("broadcast_axis", {{"axis", Shape{1}}, {"size", Shape{-3}}}), Error);
  CHECK(shape_of("broadcast_to", {{"shape", Shape{2, 4, 3}}}) == Shape{2, 4, 3});
}

TEST_CASE("windows: kernels, strides and paddings whose products overflow are refused") {
  const Attributes wide = {{"kernel", Shape{int64_t{1} << 40, 3}}, {"num_filter", 1}},
                   far = {{"kernel", Shape{3, 3}}, {"pad", Shape{INT64_MAX, 1}}, {"num_filter", 1}};
  CHECK(refused("Convolution", wide).find("kernel: expected values in [1, 1048576]") != std::string::npos);
  CHECK(refused("Convolution", far).find("pad: expected values in") != std::string::npos);
  CHECK(refused("Pooling", {{"kernel", Shape{3, int64_t{1} << 62}}, {"pool_type", "max"}}) != "accepted");
}

TEST_CASE("arange: a number of values that is none") {
  auto size = [](const Attributes& params) {
    const ParamsPtr p = registry().at("_arange").make_params(params);
    InferShape context(registry().at("_arange"), p.get(), "");
    context.out.push_back(Shape::unknown());
    registry().at("_arange").infer_shape(context);
    return context.out[0];
  };
  CHECK(size({{"start", 0.0}, {"stop", 5.0}, {"step", 2.0}}) == Shape{3});
  CHECK_THROWS_AS(size({{"start", 0.0}, {"stop", 1e300}}), Error);
  CHECK_THROWS_AS(size({{"start", 0.0}, {"stop", "nan"}}), Error);
  CHECK_THROWS_AS(size({{"start", 0.0}, {"stop", 1e10}, {"repeat", INT64_MAX}}), Error);
}

TEST_CASE("operators that the library keeps to itself cannot be named from outside") {
  CHECK_THROWS_WITH_AS(offered_operator("_backward_take"), doctest::Contains("keeps to itself"), Error);
  CHECK(offered_operator("take").name == "take");
  const char* file =
      R"({"nodes":[{"op":"null","name":"x","inputs":[]},{"op":"_backward_square","name":"b","inputs":[[0,0],[0,0]]}],"heads":[[1,0]]})";
  CHECK_THROWS_AS(Symbol::from_json(file), Error);
  const char* helper =
      R"({"nodes":[{"op":"null","name":"x","inputs":[]},{"op":"_sum_to_like","name":"b","inputs":[[0,0],[0,0]]}],"heads":[[1,0]]})";
  CHECK_THROWS_WITH_AS(Symbol::from_json(helper), doctest::Contains("keeps to itself"), Error);
}

}  // namespace mixnet
