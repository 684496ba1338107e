// Images resized and recoloured; the numbers are MXNet 1.9.1's, whose whole numbers may be one off, but for saturation: MXNet takes
// the gray from the last channel alone.
#include <doctest/doctest.h>

#include <cmath>

#include "../run_op.h"

namespace mixnet::test {
namespace {

const Tensor picture = tensor({2, 2, 3}, {106, 152, 249, 131, 184, 200, 0, 21, 253, 147, 202, 107}, DType::u8);
void check_near(const Tensor& got, const std::vector<double>& want, double tolerance) {
  REQUIRE(got.size() >= static_cast<int64_t>(want.size()));
  for (size_t i = 0; i < want.size(); ++i) CHECK(std::fabs(got.get(static_cast<int64_t>(i)) - want[i]) <= tolerance);
}
Attributes factor(double v) { return {{"min_factor", v}, {"max_factor", v}}; }

}  // namespace

TEST_CASE("image_resize: pixels are areas") {
  check_near(run_op("_image_resize", {picture}, {{"size", Shape{3, 4}}})[0],
             {106, 152, 249, 118, 168, 224, 131, 184, 200, 80, 119, 250, 107, 154, 213, 135, 189, 177}, 1);
  check_near(run_op("_image_resize", {picture}, {{"size", Shape{3, 4}}, {"interp", 2}})[0],
             {116, 164, 252, 123, 174, 229}, 1);
  Tensor big({6, 5, 3}, DType::f32);
  for (int64_t i = 0; i < big.size(); ++i) big.set(i, static_cast<double>(i % 17));
  check_near(run_op("_image_resize", {big}, {{"size", Shape{2, 3}}})[0], {3.375, 4.375, 3.25, 8.75, 9.75, 10.75}, 1e-5);
  check_near(run_op("_image_resize", {big}, {{"size", Shape{2, 3}}, {"interp", 3}})[0], {4.8, 5.8, 3.4, 8.6, 9.6, 10.6},
             1e-5);
  CHECK(
      run_op("_image_resize", {Tensor({7, 9, 3}, DType::u8)}, {{"size", Shape{5}}, {"keep_ratio", true}})[0].shape() ==
      Shape{5, 6, 3});
  CHECK_THROWS_AS(run_op("_image_resize", {picture}, {{"size", Shape{}}}), Error);
  CHECK_THROWS_AS(run_op("_image_resize", {picture}, {{"size", Shape{1, 2, 3}}}), Error);
}

TEST_CASE("colours: factors that are not random") {
  check_near(run_op("_image_random_brightness", {picture}, factor(1.3))[0], {137, 197, 255, 170, 239, 255, 0, 27, 255},
             0);
  check_near(run_op("_image_random_contrast", {picture}, factor(1.3))[0],
             {97, 157, 255, 130, 199, 219, 0, 0, 255, 150, 222, 98}, 1);
  check_near(run_op("_image_random_saturation", {picture}, factor(0.6))[0], {123, 150, 209}, 1);
  check_near(run_op("_image_adjust_lighting", {picture}, {{"alpha", std::vector<double>{.1, -.2, .3}}})[0],
             {102, 148, 246, 127, 180, 197, 0, 17, 250}, 1);
  const Attributes none{{"brightness", 0.0}, {"contrast", 0.0}, {"saturation", 0.0}, {"hue", 0.0}};
  CHECK(run_op("_image_random_color_jitter", {picture}, none)[0].values() == picture.values());
  CHECK_THROWS_AS(run_op("_image_random_hue", {Tensor({2, 2, 4}, DType::u8)}, factor(1)), Error);
}

}  // namespace mixnet::test
