// Augmented images with boxes: wherever the picture goes, each box stays on what it is a box of.
#include "io/det_augmenter.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "codec/decode.h"
#include "io/det_boxes.h"
#include "op/core/field.h"

using namespace mixnet;

namespace {

using Bytes = std::vector<uint8_t>;
using Labels = std::vector<float>;

// Two rectangles on dark ground, class 0 red and class 1 green.
const Labels two = {3, 6, 9, 0, 0.1f, 0.2f, 0.4f, 0.6f, 70, 1, 0.5f, 0.5f, 0.9f, 0.9f, 71};

Bytes picture(bool jpeg = false) {
  Image image(100, 120, 3);
  std::fill_n(image.data(), image.bytes(), uint8_t{20});
  for (size_t o = 3; o < two.size(); o += 6) {
    for (auto y = std::lround(two[o + 2] * 100); y < std::lround(two[o + 4] * 100); ++y) {
      for (auto x = std::lround(two[o + 1] * 120); x < std::lround(two[o + 3] * 120); ++x) {
        image.row(y)[x * 3 + static_cast<int64_t>(two[o])] = 220;
      }
    }
  }
  return jpeg ? encode_jpeg(image, 95) : encode_png(image);
}

DetAugmentParams params_of(const Attributes& attributes) {
  DetAugmentParams params;
  const std::vector<ParamField> fields = det_augment_fields();
  for (const auto& [name, value] : attributes) {
    const auto field =
        std::find_if(fields.begin(), fields.end(), [&, key = name](const ParamField& f) { return f.name == key; });
    REQUIRE(field != fields.end());
    set_field(*field, &params, value, "test");
  }
  return params;
}

struct Result {
  Image image;
  Labels labels = two;
  Extents filled{};
  size_t objects() const { return (labels.size() - 3) / 6; }
};

Result augmented(const Attributes& attributes, uint64_t number = 0, const Shape& shape = {3, 90, 90},
                 bool jpeg = false) {
  Result r;
  Draws draws(5, 1, number);
  const Bytes file = picture(jpeg);
  r.image =
      (*make_det_augmenter(params_of(attributes), shape))(Span<const uint8_t>(file), &draws, &r.labels, &r.filled);
  return r;
}

// The rectangle of a class's colour, in pixels; empty where there is none.
DetBox seen(const Result& r, int64_t object_class) {
  DetBox box{1e9, 1e9, -1, -1};
  for (int64_t y = 0; y < r.filled.height; ++y) {
    for (int64_t x = 0; x < r.filled.width; ++x) {
      const uint8_t* pixel = r.image.view().row(y) + 3 * x;
      if (pixel[object_class] < 130 || pixel[1 - object_class] > 90) continue;
      box.left = std::min(box.left, static_cast<double>(x)),
      box.right = std::max(box.right, static_cast<double>(x + 1));
      box.top = std::min(box.top, static_cast<double>(y)),
      box.bottom = std::max(box.bottom, static_cast<double>(y + 1));
    }
  }
  return box;
}

void check_boxes(const Result& r, double slack = 1.6) {
  CHECK(r.labels[2] == 9);
  for (size_t i = 0; i < r.objects(); ++i) {
    const float* o = r.labels.data() + 3 + 6 * i;
    CHECK(o[5] == 70 + o[0]);
    const DetBox box = seen(r, static_cast<int64_t>(o[0]));
    const auto height = static_cast<double>(r.filled.height), width = static_cast<double>(r.filled.width);
    CHECK(std::abs(box.left - o[1] * width) <= slack);
    CHECK(std::abs(box.top - o[2] * height) <= slack);
    CHECK(std::abs(box.right - o[3] * width) <= slack);
    CHECK(std::abs(box.bottom - o[4] * height) <= slack);
  }
}

TEST_SUITE_BEGIN("io");

TEST_CASE("det_augmenter: nothing but the data shape, by force, fitted, or made smaller only") {
  const Result forced = augmented({});
  CHECK(forced.labels == two);
  check_boxes(forced);
  const Result fitted = augmented({{"resize_mode", "fit"}});
  CHECK(fitted.filled.height == 75);
  CHECK(fitted.filled.width == 90);
  check_boxes(fitted);
  CHECK(int{fitted.image.data()[80 * 270 + 30]} == 0);
  const Result kept = augmented({{"resize_mode", "shrink"}}, 0, {3, 200, 220});
  CHECK(kept.filled.height == 100);
  CHECK(kept.filled.width == 120);
  CHECK(int{kept.image.data()[3 * 12 + 660 * 20]} == 220);
  check_boxes(kept);
  CHECK(augmented({{"resize_mode", "fit"}}, 0, {3, 200, 220}).filled.width == 220);
}

TEST_CASE("det_augmenter: boxes follow mirrors, canvases and crops") {
  const Attributes all = {{"rand_mirror_prob", 0.5},       {"rand_pad_prob", 0.5},        {"max_pad_scale", 2},
                          {"rand_crop_prob", 0.7},         {"min_crop_scales", 0.3},      {"max_crop_scales", 0.9},
                          {"min_crop_aspect_ratios", 0.5}, {"max_crop_aspect_ratios", 2}, {"resize", 90}};
  int mirrored = 0, one = 0;
  double smallest = 1, largest = 0;
  for (uint64_t i = 0; i < 200; ++i) {
    const Result r = augmented(all, i, {3, 90, 90}, i % 2);
    REQUIRE(r.objects() >= 1);
    check_boxes(r, 3);
    one += r.objects() == 1;
    mirrored += r.objects() == 2 && r.labels[4] > r.labels[10];
    const double width = r.labels[6] - r.labels[4];
    smallest = std::min(smallest, width), largest = std::max(largest, width);
  }
  CHECK(mirrored > 20);
  CHECK(one > 5);
  CHECK(smallest < 0.2);
  CHECK(largest > 0.5);
}

TEST_CASE("det_augmenter: a canvas has its colour, and nothing of the picture is lost") {
  for (uint64_t i = 0; i < 50; ++i) {
    const Result r = augmented({{"rand_pad_prob", 1}, {"max_pad_scale", 3}, {"fill_value", 99}}, i);
    CHECK(r.objects() == 2);
    check_boxes(r);
    CHECK((r.image.data()[0] == 99 || r.image.data()[0] == 20 || std::abs(r.image.data()[0] - 60) < 40));
  }
}

TEST_CASE("det_augmenter: crops meet the conditions of their sampler") {
  const Attributes crop = {
      {"rand_crop_prob", 1}, {"min_crop_scales", 0.3}, {"max_crop_scales", 1}, {"max_crop_trials", "(200,)"}};
  for (uint64_t i = 0; i < 60; ++i) {
    Attributes covered = crop, half = crop;
    covered.emplace_back("min_crop_object_coverages", 1);
    half.emplace_back("crop_emit_mode", "overlap");
    half.emplace_back("emit_overlap_thresh", 0.5);
    const Result r = augmented(covered, i);
    check_boxes(r, 3);
    // One object at least is there with all of its area: by its extents the crop has the aspect that crops have here. One cut off says otherwise.
    bool whole = false;
    for (size_t o = 0; o < r.objects(); ++o) {
      const float* b = r.labels.data() + 3 + 6 * o;
      const double aspect = ((b[0] == 0 ? 36 : 48) / (b[3] - b[1])) / (40 / (b[4] - b[2]));
      whole = whole || (aspect > 0.95 && aspect < 1.25);
    }
    CHECK(whole);
    check_boxes(augmented(half, i), 3);
  }
  // What cannot be met leaves the image whole.
  Attributes never = crop;
  never.emplace_back("min_crop_overlaps", 0.99);
  CHECK(augmented(never).labels == two);
}

TEST_CASE("det_boxes: areas, what stays, and crops' coordinates") {
  CHECK(common_area({0, 0, 0.5, 0.5}, {0.25, 0.25, 1, 1}) == doctest::Approx(0.0625));
  CHECK(common_area({0, 0, 0.2, 0.2}, {0.3, 0.3, 1, 1}) == 0);
  DetAugmentParams p;
  CHECK(stays({0.1, 0.1, 0.5, 0.5}, {0.2, 0.2, 0.9, 0.9}, p));
  CHECK(!stays({0.1, 0.1, 0.25, 0.25}, {0.2, 0.2, 0.9, 0.9}, p));
  p.crop_emit_mode = CropEmit::overlap;
  CHECK(stays({0.1, 0.2, 0.3, 0.3}, {0.2, 0.2, 0.9, 0.9}, p));
  CHECK(!stays({0.1, 0.2, 0.23, 0.3}, {0.2, 0.2, 0.9, 0.9}, p));
  DetObjects objects(two);
  objects.look_from({0.2, 0.2, 0.7, 0.7}, &p);
  const Labels seen_from = objects.labels();
  REQUIRE(seen_from.size() == 9);  // the other is covered by a quarter
  CHECK(seen_from[4] == 0);
  CHECK(seen_from[6] == doctest::Approx(0.4));
  CHECK(seen_from[7] == doctest::Approx(0.8));
}

TEST_CASE("det_augmenter: colours change in the share of images asked for, and never the canvas") {
  int changed = 0;
  for (uint64_t i = 0; i < 200; ++i) {
    const Result r = augmented({{"max_random_contrast", 0.5}, {"random_contrast_prob", 0.5}}, i);
    changed += r.image.data()[0] != 20;
    const Result hue = augmented({{"max_random_hue", 20},
                                  {"random_hue_prob", 1},
                                  {"max_random_saturation", 20},
                                  {"random_saturation_prob", 1},
                                  {"max_random_illumination", 20},
                                  {"random_illumination_prob", 1}},
                                 i);
    CHECK(hue.labels == two);
  }
  CHECK(std::abs(changed - 98) < 40);
}

TEST_CASE("det_augmenter: as many numbers are drawn whatever the file, the labels and the parameters are") {
  const Attributes all[] = {
      {},
      {{"rand_crop_prob", 1}, {"min_crop_overlaps", 0.9}, {"rand_pad_prob", 1}, {"max_pad_scale", 2}},
      {{"rand_mirror_prob", 1}, {"max_random_hue", 9}}};
  std::vector<uint32_t> after;
  for (const Attributes& a : all) {
    for (const Labels& given : {two, Labels{2, 5}}) {
      Draws draws(1, 2, 3);
      Labels labels = given;
      Extents filled{};
      const Bytes file = picture();
      (*make_det_augmenter(params_of(a), {3, 30, 30}))(Span<const uint8_t>(file), &draws, &labels, &filled);
      after.push_back(draws.word());
    }
  }
  CHECK(std::count(after.begin(), after.end(), after[0]) == 6);
}

TEST_CASE("det_augmenter: errors") {
  const auto code = [](const Attributes& a, Labels labels = two, const Shape& shape = {3, 9, 9}) {
    Draws draws(1, 1, 1);
    Extents filled{};
    const Bytes file = picture();
    try {
      (*make_det_augmenter(params_of(a), shape))(Span<const uint8_t>(file), &draws, &labels, &filled);
    } catch (const Error& e) {
      return e.code();
    }
    return Code::ok;
  };
  CHECK(code({}) == Code::ok);
  CHECK(code({}, two, {2, 9, 9}) == Code::invalid);
  CHECK(code({{"inter_method", 7}}) == Code::invalid);
  CHECK(code({{"min_crop_scales", "(0.1, 0.2)"}}) == Code::invalid);
  CHECK(code({{"num_crop_sampler", 2}}) == Code::invalid);
  CHECK(code({{"min_crop_overlaps", 0.5}, {"max_crop_overlaps", 0.4}}) == Code::invalid);
  CHECK(code({{"rand_crop_prob", 1.5}}) == Code::invalid);
  for (const Labels& labels :
       {Labels{}, {1}, {1, 5}, {2, 4}, {2, 5, 1}, {9, 5, 1}, {2.5f, 5}, {2, 5, 0, NAN, 0, 1, 1}}) {
    CHECK(code({}, labels) == Code::io);
  }
}

TEST_SUITE_END();

}  // namespace
