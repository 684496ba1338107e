// Borders and affine maps: as OpenCV makes them.
#include "codec/warp.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace mixnet;

namespace {

Image pattern() {
  Image image(6, 8, 1);
  for (int y = 0; y < 6; ++y) {
    for (int x = 0; x < 8; ++x) image.row(y)[x] = static_cast<uint8_t>((y * 53 + x * 29) % 256);
  }
  return image;
}

std::vector<int> values(const Image& image) { return {image.data(), image.data() + image.bytes()}; }

}  // namespace

TEST_CASE("warp: turned by 30 degrees and made smaller, as OpenCV") {
  const double c = 0.8 * std::cos(M_PI / 6), s = 0.8 * std::sin(M_PI / 6);
  // The centre goes to the centre of a picture of 0.8 times the extents.
  Affine map{c, s, 0, -s, c, 0};
  map.c = (8 * 0.8 - c * 8 - s * 6) / 2;
  map.f = (6 * 0.8 + s * 8 - c * 6) / 2;
  const auto check = [&](Interpolation interpolation, const std::vector<int>& wanted) {
    const std::vector<int> got = values(warp(pattern(), map, {0, 1, 4, 4}, interpolation, grey_pixel(99)));
    for (size_t i = 0; i < wanted.size(); ++i) CHECK(std::abs(got[i] - wanted[i]) <= 1);
  };
  const std::vector<int> bilinear = {99, 114, 168, 146, 79, 143, 208, 81, 117, 181, 134, 55, 157, 221, 101, 95};
  check(Interpolation::bilinear, bilinear);
  check(Interpolation::area, bilinear);
  check(Interpolation::bicubic, {99, 109, 178, 154, 76, 138, 238, 73, 119, 177, 135, 48, 163, 250, 93, 101});
  check(Interpolation::lanczos4, {99, 116, 173, 155, 74, 141, 239, 73, 117, 173, 136, 52, 152, 255, 99, 109});
}

TEST_CASE("warp: whole shifts and quarter turns move pixels, for any number of channels and interpolation") {
  for (const int64_t channels : {1, 3, 4}) {
    Image image(5, 7, channels);
    for (int64_t i = 0; i < image.bytes(); ++i) image.data()[i] = static_cast<uint8_t>(i * 37 % 251);
    for (const int interpolation : {0, 1, 2, 4}) {
      const auto by = static_cast<Interpolation>(interpolation);
      const Image moved = warp(image, {1, 0, 2, 0, 1, -1}, {0, 0, 5, 7}, by, {1, 2, 3, 4});
      const Image turned = warp(image, {0, -1, 4, 1, 0, 0}, {0, 0, 7, 5}, by, {1, 2, 3, 4});
      for (int64_t y = 0; y < 5; ++y) {
        for (int64_t x = 0; x < 7; ++x) {
          for (int64_t c = 0; c < channels; ++c) {
            const bool in = x >= 2 && y < 4;
            const int wanted = in ? image.view().row(y + 1)[(x - 2) * channels + c] : static_cast<int>(c) + 1;
            CHECK(moved.view().row(y)[x * channels + c] == wanted);
            CHECK(turned.view().row(x)[(4 - y) * channels + c] == image.view().row(y)[x * channels + c]);
          }
        }
      }
    }
  }
}

TEST_CASE("warp: a part is what stands there in the whole; errors") {
  const Affine map{0.9, 0.3, 1, -0.2, 1.1, 2};
  const Image whole = warp(pattern(), map, {-3, -2, 14, 16}, Interpolation::bilinear, grey_pixel(5));
  const Image part = warp(pattern(), map, {1, 2, 4, 5}, Interpolation::bilinear, grey_pixel(5));
  for (int64_t y = 0; y < 4; ++y) {
    for (int64_t x = 0; x < 5; ++x) CHECK(part.view().row(y)[x] == whole.view().row(y + 4)[x + 4]);
  }
  CHECK_THROWS_AS(warp(pattern(), {1, 1, 0, 1, 1, 0}, {0, 0, 2, 2}, Interpolation::bilinear, {}), Error);
  CHECK_THROWS_AS(warp(pattern(), {1, 0, 1e30, 0, 1, 0}, {0, 0, 2, 2}, Interpolation::bilinear, {}), Error);
  CHECK_THROWS_AS(warp(ImageView{}, {}, {0, 0, 2, 2}, Interpolation::bilinear, {}), Error);
}

TEST_CASE("border: the five kinds") {
  Image image(1, 3, 1);
  for (int x = 0; x < 3; ++x) image.data()[x] = static_cast<uint8_t>(x + 1);
  const auto row = [&](Border border) { return values(add_border(image, {0, 0, 4, 4}, border, grey_pixel(9))); };
  CHECK(row(Border::constant) == std::vector<int>{9, 9, 9, 9, 1, 2, 3, 9, 9, 9, 9});
  CHECK(row(Border::replicate) == std::vector<int>{1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3});
  CHECK(row(Border::reflect) == std::vector<int>{3, 3, 2, 1, 1, 2, 3, 3, 2, 1, 1});
  CHECK(row(Border::wrap) == std::vector<int>{3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1});
  CHECK(row(Border::reflect_101) == std::vector<int>{1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3});
}

TEST_CASE("border: rows, colours and errors") {
  Image image(2, 1, 3);
  for (int i = 0; i < 6; ++i) image.data()[i] = static_cast<uint8_t>(i);
  const Image framed = add_border(image, {1, 0, 0, 1}, Border::constant, {7, 8, 9, 0});
  CHECK(values(framed) == std::vector<int>{7, 8, 9, 7, 8, 9, 0, 1, 2, 7, 8, 9, 3, 4, 5, 7, 8, 9});
  CHECK(values(add_border(image, {1, 1, 0, 0}, Border::reflect_101)) ==
        std::vector<int>{3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 1, 2});
  CHECK_THROWS_AS(add_border(image, {-1, 0, 0, 0}, Border::constant), Error);
  CHECK_THROWS_AS(add_border(ImageView{}, {1, 0, 0, 0}, Border::wrap), Error);
}
