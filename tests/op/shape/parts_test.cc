// Borders of Pad and parts of Crop, slice_axis and _split_v2; numbers from MXNet 1.9.1.
#include <doctest/doctest.h>

#include "../run_op.h"

namespace mixnet::test {

TEST_CASE("Pad: what the border holds") {
  const Tensor x = counting({1, 1, 2, 3});
  const auto pad = [&](const char* mode) {
    return run_op("Pad", {x},
                  {{"mode", mode}, {"pad_width", Shape{0, 0, 0, 0, 1, 0, 2, 1}}, {"constant_value", 7.0}})[0]
        .values();
  };
  CHECK(pad("constant") == std::vector<double>{7, 7, 7, 7, 7, 7, 7, 7, 0, 1, 2, 7, 7, 7, 3, 4, 5, 7});
  CHECK(pad("edge") == std::vector<double>{0, 0, 0, 1, 2, 2, 0, 0, 0, 1, 2, 2, 3, 3, 3, 4, 5, 5});
  CHECK(pad("reflect") == std::vector<double>{5, 4, 3, 4, 5, 4, 2, 1, 0, 1, 2, 1, 5, 4, 3, 4, 5, 4});
}

TEST_CASE("Pad refuses what MXNet refuses") {
  const auto pad = [](const Shape& in, const char* mode, const Shape& width) {
    run_op("Pad", {counting(in)}, {{"mode", mode}, {"pad_width", width}});
  };
  CHECK_THROWS_AS(pad({1, 1, 2, 3}, "reflect", {0, 0, 0, 0, 2, 0, 0, 0}), Error);
  CHECK_THROWS_AS(pad({1, 1, 2, 3}, "edge", {0, 0, 1, 0, 0, 0, 0, 0}), Error);
  CHECK_THROWS_AS(pad({2, 3}, "edge", {0, 0, 1, 0}), Error);
}

TEST_CASE("Crop: offset, centre, second input") {
  const Tensor x = counting({1, 1, 4, 6}), like = counting({1, 1, 3, 3});
  CHECK(run_op("Crop", {x}, {{"num_args", 1}, {"h_w", Shape{2, 3}}, {"offset", Shape{1, 2}}})[0].values() ==
        std::vector<double>{8, 9, 10, 14, 15, 16});
  CHECK(run_op("Crop", {x}, {{"num_args", 1}, {"h_w", Shape{2, 3}}, {"center_crop", true}})[0].values() ==
        std::vector<double>{7, 8, 9, 13, 14, 15});
  CHECK(run_op("Crop", {x, like}, {{"num_args", 2}, {"offset", Shape{1, 3}}})[0].values() ==
        std::vector<double>{9, 10, 11, 15, 16, 17, 21, 22, 23});
  CHECK_THROWS_AS(run_op("Crop", {x, like}, {{"num_args", 2}, {"offset", Shape{2, 3}}}), Error);
  CHECK_THROWS_AS(run_op("Crop", {x}, {{"num_args", 1}}), Error);
}

TEST_CASE("_split_v2: positions and sections") {
  const Tensor x = counting({3, 4});
  const auto parts = run_op("_split_v2", {x}, {{"indices", Shape{0, 1, 3}}});
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].values() == std::vector<double>{0, 4, 8});
  CHECK(parts[1].values() == std::vector<double>{1, 2, 5, 6, 9, 10});
  CHECK(parts[2].values() == std::vector<double>{3, 7, 11});
  const auto sections = run_op("_split_v2", {x}, {{"indices", Shape{}}, {"sections", 3}});
  CHECK(sections[0].shape() == Shape{3, 2});
  CHECK(sections[2].shape() == Shape{3, 1});
  CHECK_THROWS_AS(run_op("_split_v2", {x}, {{"indices", Shape{0, 3, 2}}}), Error);
  CHECK_THROWS_AS(run_op("_split_v2", {x}, {{"indices", Shape{0, 9}}}), Error);
  CHECK_THROWS_AS(run_op("_split_v2", {x}, {{"indices", Shape{0, 2}}, {"squeeze_axis", true}}), Error);
}

TEST_CASE("slice_axis refuses limits out of range, slice moves them to the ends") {
  const Tensor x = counting({2, 3});
  CHECK_THROWS_AS(run_op("slice_axis", {x}, {{"axis", 1}, {"begin", 0}, {"end", 9}}), Error);
  CHECK_THROWS_AS(run_op("slice_axis", {x}, {{"axis", 1}, {"begin", 2}, {"end", 1}}), Error);
  CHECK(run_op("slice", {x}, {{"begin", Shape{0, 1}}, {"end", Shape{9, 9}}})[0].values() ==
        std::vector<double>{1, 2, 4, 5});
}

TEST_CASE("depth_to_space and diag") {
  CHECK(run_op("depth_to_space", {counting({1, 8, 1, 2})}, {{"block_size", 2}})[0].values() ==
        std::vector<double>{0, 4, 1, 5, 8, 12, 9, 13, 2, 6, 3, 7, 10, 14, 11, 15});
  CHECK_THROWS_AS(run_op("depth_to_space", {counting({1, 8, 1, 2})}, {{"block_size", 3}}), Error);
  const Tensor y = counting({2, 3, 4});
  CHECK(run_op("diag", {y}, {{"k", 1}, {"axis1", 0}, {"axis2", 2}})[0].values() ==
        std::vector<double>{1, 14, 5, 18, 9, 22});
  CHECK(run_op("diag", {counting({3, 4})}, {{"k", 4}})[0].shape() == Shape{0});
  CHECK_THROWS_AS(run_op("diag", {counting({3, 4})}, {{"k", 5}}), Error);
  CHECK_THROWS_AS(run_op("diag", {y}, {{"axis1", 1}, {"axis2", 1}}), Error);
}

}  // namespace mixnet::test
