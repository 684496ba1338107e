// Regions, sampling and correlation on a known image; the numbers are MXNet 1.9.1's.
#include <doctest/doctest.h>

#include <cmath>

#include "../run_op.h"

namespace mixnet::test {
namespace {

Tensor wave(double (*f)(double)) {
  Tensor t({1, 2, 3, 4}, DType::f32);
  for (int64_t i = 0; i < t.size(); ++i) t.set(i, f(static_cast<double>(i)));
  return t;
}
Tensor sines() {
  return wave([](double x) { return std::sin(x); });
}
void check_values(const Tensor& got, const std::vector<double>& want) {
  REQUIRE(got.size() >= static_cast<int64_t>(want.size()));
  for (size_t i = 0; i < want.size(); ++i) CHECK(std::fabs(got.get(static_cast<int64_t>(i)) - want[i]) < 1e-5);
}
const Attributes grid{{"pooled_size", Shape{1, 2}}, {"spatial_scale", 1.0}};

}  // namespace

TEST_CASE("ROIAlign: partly outside, and of an image that does not exist") {
  const Tensor rois = tensor({3, 5}, {0, 0, 0, 2.2, 1.7, 0, 1, .5, 9, 9, -1, 0, 0, 1, 1});
  check_values(run_op("_contrib_ROIAlign", {sines(), rois}, grid)[0],
               {-0.273642, -0.071606, -0.261757, -0.207291, -0.09002, 0, -0.073623, 0, 0, 0, 0, 0});
}

TEST_CASE("ROIPooling: corners the wrong way round make a region of one pixel") {
  const Tensor rois = tensor({2, 5}, {0, 0, 0, 2.2, 1.7, 0, 3, 2, 1, 0});
  check_values(run_op("ROIPooling", {sines(), rois}, grid)[0],
               {0.989358, 0.909297, 0.912945, 0.990607, -0.99999, -0.99999, -0.84622, -0.84622});
}

TEST_CASE("regions, grids and coordinates that are huge or no numbers are safe") {
  const double nan = std::nan("");
  const Tensor rois = tensor({3, 5}, {0, -1e30, -1e30, 1e30, 1e30, nan, 0, 0, 1, 1, 0, nan, nan, nan, nan});
  run_op("ROIPooling", {sines(), rois}, grid);
  run_op("_contrib_ROIAlign", {sines(), rois}, grid);
  check_values(run_op("BilinearSampler", {sines(), tensor({1, 2, 1, 3}, {nan, 1e30, -1e30, 0, nan, 0})})[0], {0, 0, 0});
}

TEST_CASE("BilinearSampler: zero outside of the image") {
  check_values(run_op("BilinearSampler", {sines(), tensor({1, 2, 1, 3}, {-1, 0.5, 1.2, -1, .25, 0})})[0],
               {0, -0.19849, 0.45989, -0.536573, -0.448877, 0.104914});
}

TEST_CASE("Correlation: zeros around the images") {
  const Tensor cosines = wave([](double x) { return std::cos(x); });
  check_values(run_op("Correlation", {sines(), cosines}, {{"pad_size", 1}, {"stride1", 2}})[0],
               {0, 0, 0, -0.075941, 0, 0, -0.760489, -0.264099});
}

}  // namespace mixnet::test
