// Resized images: as OpenCV makes them, and within one of the filters' definition for every size, mode and number of channels.
#include "codec/resize.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

using namespace mixnet;

namespace {

Image noise(int64_t height, int64_t width, int64_t channels, unsigned seed) {
  std::mt19937 random(seed);
  Image image(height, width, channels);
  std::generate_n(image.data(), image.bytes(), [&] { return static_cast<uint8_t>(random()); });
  return image;
}

// The share of source pixel `j` in pixel `i` of the result, by definition.
using Weight = double (*)(double distance);
double triangle(double d) { return std::max(0.0, 1 - std::abs(d)); }
double cubic(double d) {
  d = std::abs(d);
  if (d < 1) return 1.25 * d * d * d - 2.25 * d * d + 1;
  return d < 2 ? -0.75 * (d * d * d - 5 * d * d + 8 * d - 4) : 0;
}
double lanczos(double d) {
  if (std::abs(d) < 1e-9) return 1;
  const double x = 3.14159265358979 * d;
  return std::abs(d) < 4 ? 4 * std::sin(x) * std::sin(x / 4) / (x * x) : 0;
}

std::vector<double> along(const std::vector<double>& line, int64_t to, Weight weight) {
  const auto from = static_cast<int64_t>(line.size());
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  std::vector<double> result;
  for (int64_t i = 0; i < to; ++i) {
    double sum = 0, total = 0;
    const double begin = static_cast<double>(i) * scale, place = begin + scale / 2 - 0.5;
    for (int64_t j = -5; j < from + 5; ++j) {
      const auto at = static_cast<double>(j);
      const double w =
          weight ? weight(at - place) : std::max(0.0, std::min(begin + scale, at + 1) - std::max(begin, at));
      sum += w * line[static_cast<size_t>(std::clamp(j, int64_t{0}, from - 1))];
      total += w;
    }
    result.push_back(sum / total);
  }
  return result;
}

// One channel of an image by definition, in floating point.
std::vector<double> defined(const ImageView& image, int64_t channel, int64_t height, int64_t width, Weight weight) {
  std::vector<std::vector<double>> rows;
  for (int64_t y = 0; y < image.height; ++y) {
    std::vector<double> line;
    for (int64_t x = 0; x < image.width; ++x) line.push_back(image.row(y)[x * image.channels + channel]);
    rows.push_back(along(line, width, weight));
  }
  std::vector<double> result(static_cast<size_t>(height * width));
  for (int64_t x = 0; x < width; ++x) {
    std::vector<double> line;
    for (const auto& row : rows) line.push_back(row[static_cast<size_t>(x)]);
    const std::vector<double> column = along(line, height, weight);
    for (int64_t y = 0; y < height; ++y) result[static_cast<size_t>(y * width + x)] = column[static_cast<size_t>(y)];
  }
  return result;
}

double worst(const Image& got, const ImageView& from, Weight weight) {
  double most = 0;
  for (int64_t c = 0; c < got.channels(); ++c) {
    const std::vector<double> want = defined(from, c, got.height(), got.width(), weight);
    for (int64_t i = 0; i < got.height() * got.width(); ++i) {
      const double value = std::clamp(want[static_cast<size_t>(i)], 0.0, 255.0);
      most = std::max(most, std::abs(value - got.data()[i * got.channels() + c]));
    }
  }
  return most;
}

struct Recorded {
  Interpolation interpolation;
  int64_t height, width;
  std::vector<int> pixels;
};

// What OpenCV gives for the picture below.
const std::vector<Recorded> recorded = {
    // clang-format off
    {Interpolation::nearest, 3, 4, {0, 97, 35, 229, 53, 181, 181, 26, 159, 93, 62, 132}},
    {Interpolation::nearest, 7, 9, {0, 0, 97, 194, 35, 35, 132, 229, 70, 0, 0, 97, 194, 35, 35, 132, 229, 70, 53, 53, 181, 53, 181, 181, 53, 26, 154, 106, 106, 9, 168, 172, 172, 75, 79, 238, 106, 106, 9, 168, 172, 172, 75, 79, 238, 159, 159, 93, 128, 62, 62, 97, 132, 66, 212, 212, 177, 243, 53, 53, 119, 185, 150}},
    {Interpolation::nearest, 3, 9, {0, 0, 97, 194, 35, 35, 132, 229, 70, 53, 53, 181, 53, 181, 181, 53, 26, 154, 159, 159, 93, 128, 62, 62, 97, 132, 66}},
    {Interpolation::bilinear, 3, 4, {58, 139, 103, 122, 70, 169, 87, 178, 177, 186, 105, 139}},
    {Interpolation::bilinear, 7, 9, {0, 64, 140, 158, 35, 110, 186, 176, 70, 30, 107, 131, 115, 118, 94, 101, 114, 118, 68, 111, 111, 106, 178, 86, 49, 87, 178, 106, 41, 80, 169, 172, 97, 77, 132, 238, 144, 94, 100, 129, 93, 91, 105, 116, 115, 182, 146, 150, 151, 58, 95, 133, 137, 102, 212, 188, 206, 201, 53, 104, 156, 173, 150}},
    {Interpolation::bilinear, 3, 9, {18, 89, 135, 133, 84, 101, 136, 140, 98, 106, 41, 80, 169, 172, 97, 77, 132, 238, 194, 164, 174, 172, 56, 99, 143, 152, 122}},
    {Interpolation::bicubic, 3, 4, {56, 137, 99, 121, 61, 181, 85, 181, 179, 191, 101, 138}},
    {Interpolation::bicubic, 7, 9, {0, 48, 165, 177, 24, 100, 226, 200, 51, 16, 127, 149, 99, 121, 90, 93, 109, 110, 66, 127, 106, 93, 199, 86, 0, 68, 205, 112, 22, 68, 188, 172, 94, 53, 130, 248, 147, 73, 82, 131, 92, 87, 104, 115, 105, 190, 149, 158, 149, 47, 88, 150, 141, 78, 218, 186, 227, 217, 52, 95, 168, 187, 154}},
    {Interpolation::bicubic, 3, 9, {6, 94, 155, 131, 81, 94, 147, 146, 87, 112, 22, 68, 188, 172, 94, 53, 130, 248, 201, 163, 185, 177, 50, 90, 157, 160, 110}},
    {Interpolation::area, 3, 4, {68, 124, 105, 123, 86, 130, 98, 141, 170, 149, 103, 137}},
    {Interpolation::area, 7, 9, {0, 69, 139, 171, 35, 118, 187, 184, 70, 32, 114, 131, 111, 122, 90, 97, 111, 120, 63, 123, 116, 91, 179, 75, 45, 75, 171, 106, 37, 77, 169, 172, 89, 77, 124, 238, 148, 97, 102, 128, 84, 91, 109, 115, 100, 180, 142, 147, 157, 58, 99, 133, 138, 99, 212, 187, 205, 216, 53, 110, 157, 175, 150}},
    {Interpolation::area, 3, 9, {21, 99, 133, 131, 93, 99, 127, 135, 104, 95, 58, 87, 149, 174, 85, 69, 112, 221, 191, 157, 166, 177, 57, 102, 141, 150, 116}},
    {Interpolation::lanczos4, 3, 4, {56, 129, 96, 115, 57, 185, 86, 186, 177, 186, 96, 131}},
    {Interpolation::lanczos4, 7, 9, {0, 32, 174, 180, 25, 86, 243, 196, 55, 15, 137, 151, 87, 116, 91, 92, 108, 98, 63, 138, 100, 95, 204, 98, 0, 76, 212, 116, 21, 61, 194, 172, 95, 48, 133, 247, 150, 62, 80, 141, 86, 82, 116, 119, 102, 190, 151, 165, 142, 47, 80, 156, 132, 71, 221, 171, 232, 224, 55, 87, 179, 182, 159}},
    {Interpolation::lanczos4, 3, 9, {6, 98, 163, 122, 77, 89, 155, 143, 76, 116, 21, 61, 194, 172, 95, 48, 133, 247, 203, 163, 195, 173, 48, 83, 167, 152, 102}},
    // clang-format on
};

}  // namespace

TEST_CASE("resize: as OpenCV") {
  Image image(5, 7, 1);
  for (int y = 0; y < 5; ++y) {
    for (int x = 0; x < 7; ++x) image.row(y)[x] = static_cast<uint8_t>((y * 53 + x * 97 + y * x % 5 * 31) % 256);
  }
  for (const Recorded& r : recorded) {
    const Image got = resize(image, r.height, r.width, r.interpolation);
    const int allowed = r.interpolation == Interpolation::nearest ? 0 : 1;
    for (size_t i = 0; i < r.pixels.size(); ++i) {
      CAPTURE(static_cast<int>(r.interpolation));
      CAPTURE(i);
      CHECK(std::abs(got.data()[i] - r.pixels[i]) <= allowed);
    }
  }
}

TEST_CASE("resize: the definition, for all kinds of extents and channels") {
  const int64_t sizes[][4] = {{37, 53, 20, 31}, {37, 53, 74, 106}, {40, 60, 20, 30}, {40, 61, 10, 12}, {100, 150, 7, 5},
                              {5, 7, 31, 40},   {1, 1, 5, 9},      {3, 2, 2, 2},     {64, 48, 64, 24}, {9, 9, 1, 1}};
  for (const auto& s : sizes) {
    for (const int64_t channels : {1, 3, 4}) {
      CAPTURE(s[0]);
      CAPTURE(s[2]);
      CAPTURE(channels);
      const Image from = noise(s[0], s[1], channels, static_cast<unsigned>(s[2]));
      const auto to = [&](Interpolation i) { return resize(from, s[2], s[3], i); };
      CHECK(worst(to(Interpolation::bilinear), from, triangle) <= 1);
      CHECK(worst(to(Interpolation::bicubic), from, cubic) <= 1);
      CHECK(worst(to(Interpolation::lanczos4), from, lanczos) <= 1);
      CHECK(worst(to(Interpolation::area), from, nullptr) <= 1);
    }
  }
}

TEST_CASE("resize: averages of very many pixels, and constant pictures stay what they are") {
  const Image large = noise(1500, 40, 3, 1);
  CHECK(worst(resize(large, 3, 20, Interpolation::area), large, nullptr) <= 1);
  for (const int value : {0, 1, 127, 254, 255}) {
    Image flat(33, 47, 3);
    std::fill_n(flat.data(), flat.bytes(), static_cast<uint8_t>(value));
    for (int i = 0; i <= 4; ++i) {
      for (const int64_t side : {11, 40, 90}) {
        const Image got = resize(flat, side, side + 3, static_cast<Interpolation>(i));
        CHECK(std::count(got.data(), got.data() + got.bytes(), value) == got.bytes());
      }
    }
  }
}

TEST_CASE("resize: a piece of an image is read inside of its rectangle only") {
  const Image image = noise(20, 30, 3, 2);
  const ImageView part = piece(image, {3, 4, 9, 11});
  Image copy(9, 11, 3);
  for (int64_t y = 0; y < 9; ++y) std::copy_n(part.row(y), copy.stride(), copy.row(y));
  for (int i = 0; i <= 4; ++i) {
    const Image a = resize(part, 6, 7, static_cast<Interpolation>(i)),
                b = resize(copy, 6, 7, static_cast<Interpolation>(i));
    CHECK(std::equal(a.data(), a.data() + a.bytes(), b.data()));
  }
}

TEST_CASE("resize: a box gives the part of the whole resized picture; what is outside of the image is its edge") {
  const Image image = noise(48, 60, 3, 5);
  for (int i = 0; i <= 4; ++i) {
    const auto by = static_cast<Interpolation>(i);
    for (const int64_t side : {16, 24, 96}) {
      const Image whole = resize(image, side, side, by);
      const double y = 48.0 / static_cast<double>(side), x = 60.0 / static_cast<double>(side);
      const Image part = resize_box(image, {3 * y, 5 * x, 7 * y, 9 * x}, 7, 9, by);
      const ImageView there = piece(whole, {3, 5, 7, 9});
      for (int64_t row = 0; row < 7; ++row) {
        for (int64_t k = 0; k < 27; ++k) CHECK(std::abs(part.view().row(row)[k] - there.row(row)[k]) <= (i ? 1 : 0));
      }
    }
    const Image outside = resize_box(image, {-200, -200, 50, 50}, 4, 4, by);
    CHECK(std::equal(outside.data(), outside.data() + 3, image.data()));
  }
  CHECK_THROWS_AS(resize_box(image, {0, 0, 0, 4}, 4, 4, Interpolation::area), Error);
  CHECK_THROWS_AS(resize_box(image, {NAN, 0, 3, 4}, 4, 4, Interpolation::area), Error);
}

TEST_CASE("resize: the automatic mode, the short side, and errors") {
  const Image image = noise(10, 20, 3, 3);
  const auto same = [&](int64_t h, int64_t w, Interpolation as) {
    const Image a = resize(image, h, w, Interpolation::automatic), b = resize(image, h, w, as);
    return std::equal(a.data(), a.data() + a.bytes(), b.data());
  };
  CHECK(same(5, 9, Interpolation::area));
  CHECK(same(15, 29, Interpolation::bicubic));
  CHECK(same(15, 9, Interpolation::bilinear));
  CHECK(resized_short(375, 500, 224).width == 298);
  CHECK(resized_short(499, 333, 31).height == 46);
  CHECK_THROWS_AS(resize(image, 0, 5, Interpolation::area), Error);
  CHECK_THROWS_AS(resize(ImageView{}, 4, 5, Interpolation::bilinear), Error);
  CHECK_THROWS_AS(resize(noise(3, 3, 2, 4), 4, 5, Interpolation::bilinear), Error);
}
