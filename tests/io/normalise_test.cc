// Numbers of a batch: each step of the formula, all dtypes and layouts, the mirror and the mean image.
#include "io/normalise.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <vector>

#include "base/half.h"
#include "ndarray/serialize.h"

using namespace mixnet;

namespace {

// Wide enough that wide loops and their ends are met.
constexpr int64_t height = 2, width = 37;

Image picture(int64_t channels) {
  Image image(height, width, channels);
  for (int64_t i = 0; i < image.bytes(); ++i) image.data()[i] = static_cast<uint8_t>(i * 89 % 256);
  return image;
}

int value(const Image& image, int64_t c, int64_t y, int64_t x) { return image.view().row(y)[x * image.channels() + c]; }

template <class T>
std::vector<T> numbers(const NormaliseParams& params, int64_t channels, DType dtype, uint64_t number = 0,
                       PixelLayout layout = PixelLayout::chw) {
  std::vector<T> to(static_cast<size_t>(channels * height * width));
  Draws draws(3, 1, number);
  const int64_t dims[] = {channels, height, width};
  Normaliser(params, Shape(dims, 3), dtype, "test", layout)(picture(channels), &draws, to.data());
  return to;
}

struct Temporary {
  std::string path = concat("/tmp/mixnet_normalise_test_", getpid(), ".nd");
  ~Temporary() { unlink(path.c_str()); }
};

template <class Check>
void each_pixel(int64_t channels, Check check) {
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x) check(c, y, x, static_cast<size_t>((c * height + y) * width + x));
    }
  }
}

TEST_SUITE_BEGIN("io");

TEST_CASE("normalise: mean, scale and deviation, mirrored or not, as float32, float16, int8 and uint8") {
  NormaliseParams p;
  p.mean_r = 10, p.mean_g = 20.5, p.mean_b = 30, p.mean_a = 40;
  p.std_r = 2, p.std_g = 4, p.std_b = 5, p.std_a = 0;
  p.scale = 0.5;
  const double mean[] = {10, 20.5, 30, 40}, deviation[] = {2, 4, 5, 1};
  for (const bool mirror : {false, true}) {
    p.mirror = mirror;
    for (const int64_t channels : {1, 3, 4}) {
      const Image image = picture(channels);
      const auto floats = numbers<float>(p, channels, DType::f32);
      const auto halves = numbers<f16>(p, channels, DType::f16);
      const auto small = numbers<int8_t>(p, channels, DType::i8);
      const auto bytes = numbers<uint8_t>(p, channels, DType::u8);
      each_pixel(channels, [&](int64_t c, int64_t y, int64_t x, size_t i) {
        const int v = value(image, c, y, mirror ? width - 1 - x : x);
        const double wanted = (v - mean[c]) * 0.5 / deviation[c];
        CHECK(floats[i] == doctest::Approx(wanted).epsilon(1e-6));
        CHECK(static_cast<float>(halves[i]) == doctest::Approx(wanted).epsilon(2e-3));
        CHECK(std::abs(small[i] - std::min(127.0, v - mean[c])) <= 0.5);
        CHECK(int{bytes[i]} == v);
      });
    }
  }
}

TEST_CASE("normalise: channels last are the same numbers") {
  NormaliseParams p;
  p.mean_g = 7, p.mirror = true;
  const auto planes = numbers<float>(p, 3, DType::f32), pixels = numbers<float>(p, 3, DType::f32, 0, PixelLayout::hwc);
  each_pixel(3, [&](int64_t c, int64_t y, int64_t x, size_t i) {
    CHECK(planes[i] == pixels[static_cast<size_t>((y * width + x) * 3 + c)]);
  });
}

TEST_CASE("normalise: contrast and illumination are drawn once for an image; half of the images are mirrored") {
  NormaliseParams p;
  p.rand_mirror = true, p.mean_r = 10, p.std_r = 2, p.scale = 0.5;
  p.max_random_contrast = 0.3, p.max_random_illumination = 20;
  int mirrored = 0;
  double low = 9, high = -9, dark = 99, bright = -99;
  const Image image = picture(1);
  for (uint64_t n = 0; n < 400; ++n) {
    const auto got = numbers<float>(p, 1, DType::f32, n);
    // A step of 89 from one pixel to the next.
    const bool turned = std::abs(got[1] - got[0] + (got[35] - got[36])) < 1e-3 &&
                        (got[36] < got[35]) == (value(image, 0, 0, 0) < value(image, 0, 0, 1));
    const size_t first = turned ? 36 : 0, second = turned ? 35 : 1;
    const double contrast = (got[second] - got[first]) * 4 / 89, light = got[first] * 4 + 10 * contrast;
    mirrored += turned;
    low = std::min(low, contrast), high = std::max(high, contrast);
    dark = std::min(dark, light), bright = std::max(bright, light);
  }
  CHECK(std::abs(mirrored - 200) < 50);
  CHECK((low > 0.699 && low < 0.72));
  CHECK((high < 1.301 && high > 1.28));
  CHECK((dark > -20.1 && dark < -19));
  CHECK((bright < 20.1 && bright > 19));
}

TEST_CASE("normalise: a mean image is subtracted before the mirror") {
  Temporary file;
  const int64_t dims[] = {3, height, width};
  NDArray mean(Shape(dims, 3), DType::f32);
  std::vector<float> values(3 * height * width);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.25f;
  mean.copy_from_host(values.data(), mean.bytes());
  save_arrays(file.path, {{mean}, {"mean_img"}});
  NormaliseParams p;
  p.mean_img = file.path, p.mean_r = 1000, p.std_r = 2;
  for (const bool mirror : {false, true}) {
    p.mirror = mirror;
    const auto got = numbers<float>(p, 3, DType::f32);
    const auto small = numbers<int8_t>(p, 3, DType::i8);
    const Image image = picture(3);
    each_pixel(3, [&](int64_t c, int64_t y, int64_t x, size_t i) {
      const int64_t from = mirror ? width - 1 - x : x;
      const double wanted = value(image, c, y, from) - 0.25 * static_cast<double>((c * height + y) * width + from);
      CHECK(got[i] == doctest::Approx(wanted / (c == 0 ? 2 : 1)));
      CHECK(std::abs(small[i] - std::clamp(wanted, -128.0, 127.0)) <= 0.5);
    });
  }
  const int64_t other[] = {3, height, width + 1};
  Draws draws(1, 1, 1);
  CHECK_THROWS_AS(Normaliser(p, Shape(other, 3), DType::f32), Error);
  p.mean_img = "/nowhere/mean.nd";
  CHECK_THROWS_AS(Normaliser(p, Shape(dims, 3), DType::f32), Error);
}

TEST_CASE("normalise: as many numbers are drawn whatever the parameters say; errors") {
  NormaliseParams all;
  all.rand_mirror = all.mirror = true;
  all.max_random_contrast = all.max_random_illumination = 1;
  std::vector<float> to(3 * height * width);
  const int64_t dims[] = {3, height, width};
  Draws a(1, 2, 3), b(1, 2, 3);
  Normaliser(all, Shape(dims, 3), DType::f32)(picture(3), &a, to.data());
  Normaliser({}, Shape(dims, 3), DType::f32)(picture(3), &b, to.data());
  CHECK(a.word() == b.word());
  CHECK_THROWS_AS(Normaliser({}, Shape(dims, 3), DType::i32), Error);
  CHECK_THROWS_AS(Normaliser({}, Shape(dims, 3), DType::f32)(picture(1), &a, to.data()), Error);
}

TEST_SUITE_END();

}  // namespace
