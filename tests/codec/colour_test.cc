// Colours: as MXNet's iterators change them, and what must stay as it is.
#include "codec/colour.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace mixnet;

namespace {

const std::vector<int> colours = {200, 30, 60, 10,  150, 90,  40, 80, 220, 128, 128, 128,
                                  90,  90, 30, 255, 255, 255, 0,  0,  0,   250, 120, 10};

// Twice the colours in a row, so that wide loops and their ends are met.
Image palette(int64_t height = 1) {
  Image image(height, 16, 3);
  for (int64_t i = 0; i < image.bytes(); ++i)
    image.data()[i] = static_cast<uint8_t>(colours[static_cast<size_t>(i % 24)]);
  return image;
}

template <class Change>
void check(const std::vector<int>& wanted, Change change) {
  Image image = palette();
  change(&image);
  for (size_t i = 0; i < 48; ++i) {
    CAPTURE(i);
    CHECK(std::abs(image.data()[i] - wanted[i % 24]) <= 1);
  }
}

}  // namespace

TEST_CASE("colour: hue, lightness and saturation, recorded from MXNet") {
  check({200, 30, 155, 10, 150, 10, 40, 184, 220, 128, 128, 128, 90, 56, 30, 255, 255, 255, 0, 0, 0, 250, 10, 10},
        [](Image* i) { shift_hls(i, -17, 0, 0); });
  check({200, 30, 30, 10, 150, 145, 70, 40, 220, 128, 128, 128, 66, 90, 30, 255, 255, 255, 0, 0, 0, 250, 218, 10},
        [](Image* i) { shift_hls(i, 12, 0, 0); });
  check({167, 25, 49, 8, 114, 68, 31, 68, 191, 109, 109, 109, 61, 61, 21, 236, 236, 236, 0, 0, 0, 218, 104, 4},
        [](Image* i) { shift_hls(i, 0, -19, 0); });
  check({222, 38, 69, 12, 178, 106, 66, 103, 224, 143, 143, 143, 112, 112, 38, 255, 255, 255, 15, 15, 15, 251, 138, 39},
        [](Image* i) { shift_hls(i, 0, 15, 0); });
  check({212, 18, 51, 2, 158, 90, 27, 75, 233, 141, 115, 115, 96, 96, 24, 255, 255, 255, 0, 0, 0, 255, 122, 5},
        [](Image* i) { shift_hls(i, 0, 0, 26); });
}

TEST_CASE("colour: no shift brings every colour back to within what whole numbers keep") {
  for (int red = 0; red < 256; red += 15) {
    Image image(16, 16, 3);
    for (int i = 0; i < 256; ++i) {
      uint8_t* pixel = image.data() + i * 3;
      pixel[0] = static_cast<uint8_t>(red), pixel[1] = static_cast<uint8_t>(i / 16 * 17),
      pixel[2] = static_cast<uint8_t>(i % 16 * 17);
    }
    Image changed(16, 16, 3);
    std::copy_n(image.data(), image.bytes(), changed.data());
    shift_hls(&changed, 0, 0, 0);
    for (int64_t i = 0; i < image.bytes(); ++i) CHECK(std::abs(changed.data()[i] - image.data()[i]) <= 6);
  }
}

TEST_CASE("colour: brightness, contrast and saturation, recorded from MXNet") {
  check({122, 18, 37, 6, 92, 55, 24, 49, 134, 78, 78, 78, 55, 55, 18, 156, 156, 156, 0, 0, 0, 153, 73, 6},
        [](Image* i) { scale_colours(i, 0.611); });
  check({164, 59, 78, 47, 133, 96, 65, 90, 176, 120, 120, 120, 96, 96, 59, 198, 198, 198, 41, 41, 41, 194, 115, 47},
        [](Image* i) { scale_colours(i, 0.6157, (1 - 0.6157) * mean_grey(*i, grey_weights_of_mxnet)); });
  check({159, 38, 59, 41, 140, 98, 62, 91, 190, 128, 128, 128, 85, 85, 42, 255, 255, 255, 0, 0, 0, 207, 115, 37},
        [](Image* i) { saturate(i, 0.711, grey_weights_of_mxnet); });
  // Red is 84.25 grey to the eye.
  Image image = palette();
  saturate(&image, 0);
  CHECK(int{image.data()[0]} == 84);
  CHECK(int{image.data()[1]} == 84);
}

TEST_CASE("colour: noise along the axes of ImageNet's colours") {
  const std::array<double, 3> offset = pca_offset({0.1, -0.2, 0.3});
  CHECK(offset[0] == doctest::Approx(0.1 * 55.46 * -0.5675 - 0.2 * 4.794 * 0.7192 + 0.3 * 1.148 * 0.4009));
  Image image = palette();
  add_colour(&image, {10.9, -10.1, 300});
  CHECK(int{image.data()[0]} == 210);
  CHECK(int{image.data()[1]} == 19);
  CHECK(int{image.data()[2]} == 255);
  CHECK(int{image.data()[19]} == 0);
}

TEST_CASE("colour: alpha stays, grey images have lightness") {
  Image image(1, 2, 4), grey(1, 3, 1);
  for (int i = 0; i < 8; ++i) image.data()[i] = static_cast<uint8_t>(20 * i + 7);
  std::fill_n(grey.data(), 3, uint8_t{100});
  scale_colours(&image, 1.5, 3);
  saturate(&image, 0.3);
  add_colour(&image, {9, 9, 9});
  shift_hls(&image, 10, 10, 10);
  CHECK(int{image.data()[3]} == 67);
  CHECK(int{image.data()[7]} == 147);
  scale_colours(&grey, 1.5);
  saturate(&grey, 0.1);
  add_colour(&grey, {9, 9, 9});
  shift_hls(&grey, 10, -20, 10);
  CHECK(int{grey.data()[1]} == 130);
  CHECK(mean_grey(grey) == doctest::Approx(130));
  CHECK(mean_grey(ImageView{}) == 0);
}
