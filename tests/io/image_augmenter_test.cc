// Augmented images: steps that say what comes out, decoding of parts against decoding of all, and what is drawn.
#include "io/image_augmenter.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "codec/colour.h"
#include "codec/decode.h"
#include "codec/resize.h"
#include "op/core/field.h"

using namespace mixnet;

namespace {

using Bytes = std::vector<uint8_t>;

// Red says the column, green the row, twice each; blue is 50.
Image gradient(int64_t height, int64_t width) {
  Image image(height, width, 3);
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      const uint8_t pixel[] = {static_cast<uint8_t>(2 * x), static_cast<uint8_t>(2 * y), 50};
      std::copy_n(pixel, 3, image.row(y) + 3 * x);
    }
  }
  return image;
}

// Waves of several lengths, as photographs have them.
Image waves(int64_t height, int64_t width) {
  Image image(height, width, 3);
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const double u = static_cast<double>(x) + 7 * c, v = static_cast<double>(y);
        const double sum =
            60 * std::sin(u / 41) * std::cos(v / 29) + 30 * std::sin((u + v) / 9) + 10 * std::sin((u - v) / 3);
        image.row(y)[3 * x + c] = static_cast<uint8_t>(128 + sum);
      }
    }
  }
  return image;
}

ImageAugmentParams params_of(const Attributes& attributes) {
  ImageAugmentParams params;
  const std::vector<ParamField> fields = image_augment_fields();
  for (const auto& [name, value] : attributes) {
    const auto field =
        std::find_if(fields.begin(), fields.end(), [&, key = name](const ParamField& f) { return f.name == key; });
    REQUIRE(field != fields.end());
    set_field(*field, &params, value, "test");
  }
  return params;
}

Image augmented(const Bytes& file, const Shape& shape, const Attributes& attributes, uint64_t number = 0) {
  Draws draws(5, 1, number);
  return (*make_image_augmenter(params_of(attributes), shape))(Span<const uint8_t>(file), &draws);
}

// Column, row and blue of a pixel of a gradient.
std::vector<int> at(const Image& image, int64_t y, int64_t x) {
  const uint8_t* pixel = image.view().row(y) + 3 * x;
  return {pixel[0], pixel[1], pixel[2]};
}

int most_apart(const Image& a, const ImageView& b) {
  REQUIRE(a.height() == b.height);
  REQUIRE(a.width() == b.width);
  int most = 0;
  for (int64_t y = 0; y < b.height; ++y) {
    for (int64_t i = 0; i < a.stride(); ++i) most = std::max(most, std::abs(a.view().row(y)[i] - b.row(y)[i]));
  }
  return most;
}

double decibels(const Image& a, const Image& b) {
  double sum = 0;
  for (int64_t i = 0; i < a.bytes(); ++i) sum += std::pow(a.data()[i] - b.data()[i], 2);
  return 10 * std::log10(255 * 255 * static_cast<double>(a.bytes()) / std::max(sum, 1e-9));
}

using V = std::vector<int>;

TEST_SUITE_BEGIN("io");

TEST_CASE("image_augmenter: crops in the middle, larger ones from enlarged images, borders") {
  const Bytes file = encode_png(gradient(101, 90));
  const Image middle = augmented(file, {3, 50, 50}, {});
  CHECK(at(middle, 0, 0) == V{40, 50, 50});
  CHECK(at(middle, 49, 49) == V{138, 148, 50});
  const Image padded = augmented(encode_png(gradient(40, 40)), {3, 44, 44}, {{"pad", 5}, {"fill_value", 77}});
  CHECK(at(padded, 1, 20) == V{77, 77, 77});
  CHECK(at(padded, 2, 2) == V{0, 0, 50});
  CHECK(at(padded, 41, 41) == V{78, 78, 50});
  // 41 x 60 becomes 50 x 73.
  const Image enlarged = augmented(encode_png(gradient(41, 60)), {3, 50, 50}, {});
  const Image wanted = resize(gradient(41, 60), 50, 73, Interpolation::bilinear);
  CHECK(most_apart(enlarged, piece(wanted, {0, 11, 50, 50})) <= 1);
}

TEST_CASE("image_augmenter: the shorter side is resized, with every filter, and only the crop of it computed") {
  const Image source = waves(90, 121);
  const Bytes file = encode_png(source);
  for (const int method : {0, 1, 2, 3, 4, 9}) {
    const Image got = augmented(file, {3, 48, 48}, {{"resize", 60}, {"inter_method", method}});
    const Image whole = resize(source, 60, 80, static_cast<Interpolation>(method));
    CHECK(most_apart(got, piece(whole, {6, 16, 48, 48})) <= (method == 0 ? 0 : 1));
  }
  const Image grey = augmented(file, {1, 90, 121}, {});
  CHECK(grey.channels() == 1);
  CHECK(std::abs(grey.data()[77] - std::lround(0.299 * source.data()[231] + 0.587 * source.data()[232] +
                                               0.114 * source.data()[233])) <= 1);
}

TEST_CASE("image_augmenter: turns, scale, aspect and shear go about the centre") {
  const Bytes file = encode_png(gradient(80, 120));
  const Image quarter = augmented(file, {3, 60, 60}, {{"rotate", 90}});
  CHECK(at(quarter, 0, 0) == V{180, 20, 50});
  CHECK(at(quarter, 10, 0) == V{160, 20, 50});
  CHECK(at(quarter, 0, 10) == V{180, 40, 50});
  const Image smaller = augmented(file, {3, 40, 40}, {{"min_random_scale", 0.8}, {"max_random_scale", 0.8}});
  CHECK(std::abs(at(smaller, 20, 20)[0] - 120) <= 1);
  CHECK(std::abs(at(smaller, 20, 28)[0] - 140) <= 1);
  const Attributes tall = {{"min_aspect_ratio", 1.5}, {"max_aspect_ratio", 1.5}, {"fill_value", 9}};
  CHECK(std::abs(at(augmented(file, {3, 40, 40}, tall), 20, 28)[0] - 140) <= 1);
  CHECK(std::abs(at(augmented(file, {3, 40, 40}, tall), 32, 20)[1] - 100) <= 1);
  CHECK(at(augmented(file, {3, 80, 120}, tall), 40, 0) == V{9, 9, 9});
  for (uint64_t i = 0; i < 20; ++i) {
    const Image sheared = augmented(file, {3, 40, 40}, {{"max_shear_ratio", 0.4}}, i);
    const double slope = (at(sheared, 35, 20)[0] - at(sheared, 5, 20)[0]) / 60.0;
    CHECK(std::abs(slope) <= 0.42);
    CHECK(at(sheared, 35, 20)[1] - at(sheared, 5, 20)[1] == 60);
  }
}

TEST_CASE("image_augmenter: random crops, squares of random size") {
  const Bytes file = encode_png(gradient(100, 120));
  std::vector<int> lefts, sides;
  for (uint64_t i = 0; i < 400; ++i) {
    const Image crop = augmented(file, {3, 80, 80}, {{"rand_crop", true}}, i);
    lefts.push_back(at(crop, 0, 0)[0] / 2);
    CHECK(at(crop, 79, 79)[0] - at(crop, 0, 0)[0] == 158);
    const Image square =
        augmented(file, {3, 40, 40}, {{"min_crop_size", 40}, {"max_crop_size", 50}, {"rand_crop", true}}, i);
    sides.push_back(static_cast<int>(std::lround((at(square, 20, 38)[0] - at(square, 20, 2)[0]) / 72.0 * 40)));
  }
  CHECK(*std::min_element(lefts.begin(), lefts.end()) == 0);
  CHECK(*std::max_element(lefts.begin(), lefts.end()) == 40);
  CHECK(*std::min_element(sides.begin(), sides.end()) == 40);
  CHECK(*std::max_element(sides.begin(), sides.end()) == 50);
  CHECK_THROWS_AS(augmented(file, {3, 80, 80}, {{"min_crop_size", 101}, {"max_crop_size", 101}}), Error);
}

TEST_CASE("image_augmenter: random resized crops have the area and the aspect asked for") {
  const Bytes file = encode_png(gradient(120, 125));
  double area_sum = 0, log_sum = 0;
  for (uint64_t i = 0; i < 400; ++i) {
    const Image crop = augmented(file, {3, 60, 60},
                                 {{"random_resized_crop", true},
                                  {"min_random_area", 0.2},
                                  {"max_random_area", 0.4},
                                  {"min_aspect_ratio", 0.75},
                                  {"max_aspect_ratio", 1.25}},
                                 i);
    const double width = (at(crop, 30, 55)[0] - at(crop, 30, 5)[0]) / 100.0 * 60;
    const double height = (at(crop, 55, 30)[1] - at(crop, 5, 30)[1]) / 100.0 * 60;
    const double area = width * height / (120 * 125), aspect = width / height;
    CHECK(area > 0.19);
    CHECK(area < 0.42);
    CHECK(aspect > 0.72);
    CHECK(aspect < 1.38);
    area_sum += area;
    log_sum += std::log(aspect);
  }
  CHECK(std::abs(area_sum / 400 - 0.3) < 5 * 0.0577 / 20);
  CHECK(std::abs(log_sum / 400) < 5 * 0.15 / 20);  // as often wide as tall
  // What never fits is the plain crop.
  const Image plain = augmented(file, {3, 60, 60},
                                {{"random_resized_crop", true}, {"min_aspect_ratio", 0.1}, {"max_aspect_ratio", 0.1}});
  CHECK(at(plain, 0, 0) == V{64, 60, 50});
}

TEST_CASE("image_augmenter: parts of JPEG files are those of the whole picture") {
  const Bytes jpeg = encode_jpeg(waves(375, 500), 92), png = encode_png(decode_image(Span<const uint8_t>(jpeg)));
  const Attributes resized = {{"random_resized_crop", true}, {"min_random_area", 0.08}, {"max_aspect_ratio", 0.25}};
  for (uint64_t i = 0; i < 8; ++i) {
    CHECK(most_apart(augmented(jpeg, {3, 224, 224}, {{"rand_crop", true}}, i),
                     augmented(png, {3, 224, 224}, {{"rand_crop", true}}, i)) == 0);
    CHECK(most_apart(augmented(jpeg, {3, 64, 64}, resized, i), augmented(png, {3, 64, 64}, resized, i)) == 0);
  }
  for (const int side : {96, 256, 400}) {
    const Attributes shorter = {{"resize", side}, {"rand_crop", true}, {"inter_method", 2}};
    CHECK(most_apart(augmented(jpeg, {3, 80, 80}, shorter, 3), augmented(png, {3, 80, 80}, shorter, 3)) <= 1);
  }
}

TEST_CASE("image_augmenter: large pictures are decoded smaller, close to the same") {
  const Bytes jpeg = encode_jpeg(waves(1003, 1301), 92), png = encode_png(decode_image(Span<const uint8_t>(jpeg)));
  const Attributes area = {
      {"random_resized_crop", true}, {"min_random_area", 0.3}, {"max_aspect_ratio", 0.25}, {"inter_method", 3}};
  for (uint64_t i = 0; i < 6; ++i)
    CHECK(decibels(augmented(jpeg, {3, 112, 112}, area, i), augmented(png, {3, 112, 112}, area, i)) > 35);
  for (const int side : {64, 128, 300}) {
    const Attributes shorter = {{"resize", side}, {"rand_crop", true}, {"inter_method", 9}};
    CHECK(decibels(augmented(jpeg, {3, 60, 60}, shorter), augmented(png, {3, 60, 60}, shorter)) > 35);
  }
  const Attributes bilinear = {{"resize", 128}}, allowed = {{"resize", 128}, {"scaled_decode", true}};
  CHECK(most_apart(augmented(jpeg, {3, 96, 96}, bilinear), augmented(png, {3, 96, 96}, bilinear)) <= 1);
  CHECK(most_apart(augmented(jpeg, {3, 96, 96}, allowed), augmented(jpeg, {3, 96, 96}, bilinear)) > 1);
}

TEST_CASE("image_augmenter: colours stay within what was asked for") {
  Image flat(8, 8, 3);
  for (int i = 0; i < 64; ++i) std::copy_n(std::vector<uint8_t>{100, 60, 140}.data(), 3, flat.data() + 3 * i);
  const Bytes file = encode_png(flat);
  double low = 2, high = 0;
  for (uint64_t i = 0; i < 200; ++i) {
    const V bright = at(augmented(file, {3, 8, 8}, {{"brightness", 0.5}}, i), 3, 3);
    low = std::min(low, bright[0] / 100.0);
    high = std::max(high, bright[0] / 100.0);
    CHECK(std::abs(bright[2] - 1.4 * bright[0]) <= 1.3);
    const V contrast = at(augmented(file, {3, 8, 8}, {{"contrast", 0.5}}, i), 3, 3);
    const double grey = 0.114 * 100 + 0.587 * 60 + 0.299 * 140;
    CHECK(std::abs((contrast[0] - grey) * (140 - grey) - (contrast[2] - grey) * (100 - grey)) < 60);
    const V light = at(augmented(file, {3, 8, 8}, {{"random_l", 20}}, i), 3, 3);
    CHECK(std::abs((light[1] + light[2]) / 2 - 100) <= 22);
    const V noisy = at(augmented(file, {3, 8, 8}, {{"pca_noise", 0.1}}, i), 3, 3);
    CHECK(std::abs((noisy[0] - 100) - (noisy[1] - 60)) <= 4);
  }
  CHECK(low > 0.49);
  CHECK(low < 0.55);
  CHECK(high < 1.51);
  CHECK(high > 1.45);
}

TEST_CASE("image_augmenter: as many numbers are drawn whatever the file and the parameters are") {
  const Bytes small = encode_png(gradient(40, 40)), large = encode_jpeg(waves(300, 200));
  const Attributes all[] = {{},
                            {{"rand_crop", true}, {"resize", 50}},
                            {{"random_resized_crop", true}, {"max_aspect_ratio", 0.5}, {"inter_method", 10}},
                            {{"max_rotate_angle", 20}, {"brightness", 0.3}, {"random_h", 5}, {"pca_noise", 0.1}}};
  std::vector<uint32_t> after;
  for (const Attributes& a : all) {
    for (const Bytes& file : {small, large}) {
      Draws draws(1, 2, 3);
      (*make_image_augmenter(params_of(a), {3, 30, 30}))(Span<const uint8_t>(file), &draws);
      after.push_back(draws.word());
    }
  }
  CHECK(std::count(after.begin(), after.end(), after[0]) == 8);
}

TEST_CASE("image_augmenter: errors") {
  const Bytes file = encode_png(gradient(40, 40));
  const auto refused = [&](const Attributes& a, const Shape& shape = {3, 8, 8}) {
    try {
      augmented(file, shape, a);
    } catch (const Error& e) {
      return e.code() == Code::invalid;
    }
    return false;
  };
  CHECK(refused({}, {2, 8, 8}));
  CHECK(refused({}, {3, 8}));
  CHECK(refused({}, {3, 0, 8}));
  CHECK(refused({{"inter_method", 5}}));
  CHECK(refused({{"fill_value", 256}}));
  CHECK(refused({{"min_random_scale", 2}}));
  CHECK(refused({{"max_aspect_ratio", 1}}));
  CHECK(refused({{"min_crop_size", 5}}));
  CHECK(refused({{"resize", 0}}));
  const Bytes text(100, 'x');
  CHECK_THROWS_AS(augmented(text, {3, 8, 8}, {}), Error);
}

TEST_SUITE_END();

}  // namespace
