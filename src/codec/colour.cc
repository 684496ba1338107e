// Factors are fractions of 14 bits on the way, and hue, lightness and saturation bytes, as OpenCV's are.
#include "codec/colour.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace mixnet {
namespace {

constexpr int bits = 14, half = 1 << (bits - 1);

uint8_t byte(int32_t value) { return static_cast<uint8_t>(std::clamp(value, 0, 255)); }

int32_t fraction(double value) {
  return static_cast<int32_t>(std::lrint(std::clamp(value, -4000.0, 4000.0) * (1 << bits)));
}

// One row, channel by channel, so that loops over it are wide.
struct Planes {
  explicit Planes(int64_t n) : first(static_cast<size_t>(n)), second(first.size()), third(first.size()) {}
  std::vector<float> first, second, third;
};

// Red, green and blue to hue (0 to 180), lightness and saturation (0 to 255), in whole numbers. In fractions of one until then, so that halves are
// rounded to the side to which OpenCV's happen to go.
void to_hls(Planes* p, size_t n) {
  float *a = p->first.data(), *b = p->second.data(), *c = p->third.data();
  for (size_t i = 0; i < n; ++i) {
    const float red = a[i] * (1.0f / 255), green = b[i] * (1.0f / 255), blue = c[i] * (1.0f / 255);
    const float top = std::max(red, std::max(green, blue)), low = std::min(red, std::min(green, blue));
    const float span = top - low, sum = top + low, degrees = span > 0 ? 60 / span : 0.0f;
    const float turn = top == red     ? (green - blue) * degrees
                       : top == green ? (blue - red) * degrees + 120
                                      : (red - green) * degrees + 240;
    const float room = sum < 1 ? sum : 2 - sum;
    a[i] = std::rint((turn < 0 ? turn + 360 : turn) * 0.5f);
    b[i] = std::rint(sum * 0.5f * 255);
    c[i] = std::rint((span > 0 ? span / room : 0.0f) * 255);
  }
}

// One channel: a flat top and bottom with slopes between, `place` sixths of the circle from red.
float channel(float hue, float place, float lightness, float swing) {
  const float k = hue * (1.0f / 30) + place, at = k >= 6 ? k - 6 : k;
  const float slope = std::min(at - 1.5f, 4.5f - at);  // the channel's low side is in the middle
  return lightness - swing * std::clamp(slope * 2, -1.0f, 1.0f);
}

void shift(Planes* p, size_t n, float hue, float lightness, float saturation) {
  float *a = p->first.data(), *b = p->second.data(), *c = p->third.data();
  for (size_t i = 0; i < n; ++i) {
    const float h = std::clamp(a[i] + hue, 0.0f, 180.0f), l = std::clamp(b[i] + lightness, 0.0f, 255.0f);
    const float swing = std::clamp(c[i] + saturation, 0.0f, 255.0f) * (1.0f / 255) * std::min(l, 255 - l);
    a[i] = channel(h, 0, l, swing);
    b[i] = channel(h, 4, l, swing);
    c[i] = channel(h, 2, l, swing);
  }
}

// Each channel times f, and the pixel's grey by the weights of its channels.
template <int channels>
void mix_grey(uint8_t* data, int64_t n, int32_t f, int32_t r, int32_t g, int32_t b) {
  for (int64_t i = 0; i < n; i += channels) {
    const int32_t red = data[i], green = data[i + 1], blue = data[i + 2];
    const int32_t grey = red * r + green * g + blue * b + half;
    data[i] = byte((red * f + grey) >> bits);
    data[i + 1] = byte((green * f + grey) >> bits);
    data[i + 2] = byte((blue * f + grey) >> bits);
  }
}

void shift_grey(Image* image, int lightness) {
  for (int64_t i = 0; i < image->bytes(); ++i) image->data()[i] = byte(image->data()[i] + lightness);
}

}  // namespace

double mean_grey(const ImageView& image, const GreyWeights& weights) {
  if (image.empty()) return 0;
  // Column by column, so that loops are wide; a column is at most 65500 pixels high.
  std::vector<uint32_t> columns(static_cast<size_t>(image.width * image.channels));
  for (int64_t y = 0; y < image.height; ++y) {
    const uint8_t* row = image.row(y);
    for (size_t i = 0; i < columns.size(); ++i) columns[i] += row[i];
  }
  uint64_t sum[4] = {};
  const auto channels = static_cast<size_t>(image.channels);
  for (size_t i = 0; i < columns.size(); ++i) sum[i % channels] += columns[i];
  const size_t green = channels >= 3 ? 1 : 0, blue = channels >= 3 ? 2 : 0;
  const double mean = weights[0] * static_cast<double>(sum[0]) + weights[1] * static_cast<double>(sum[green]) +
                      weights[2] * static_cast<double>(sum[blue]);
  return mean / static_cast<double>(image.height * image.width);
}

void scale_colours(Image* image, double factor, double offset) {
  const int32_t f = fraction(factor),
                o = static_cast<int32_t>(std::lrint(std::clamp(offset, -3e4, 3e4) * (1 << bits))) + half;
  uint8_t* data = image->data();
  const int64_t n = image->bytes();
  if (image->channels() != 4) {
    for (int64_t i = 0; i < n; ++i) data[i] = byte((data[i] * f + o) >> bits);
    return;
  }
  for (int64_t i = 0; i < n; i += 4) {
    for (int64_t c = 0; c < 3; ++c) data[i + c] = byte((data[i + c] * f + o) >> bits);
  }
}

void saturate(Image* image, double factor, const GreyWeights& weights) {
  const int32_t f = fraction(factor), r = fraction((1 - factor) * weights[0]), g = fraction((1 - factor) * weights[1]);
  const int32_t b = (1 << bits) - f - r - g;  // grey stays as it is
  if (image->channels() == 3) mix_grey<3>(image->data(), image->bytes(), f, r, g, b);
  if (image->channels() == 4) mix_grey<4>(image->data(), image->bytes(), f, r, g, b);
}

void add_colour(Image* image, const std::array<double, 3>& offset) {
  const auto channels = static_cast<size_t>(image->channels());
  if (channels < 3) return;
  // The offsets of a row, with 0 for alpha.
  std::vector<int16_t> whole(static_cast<size_t>(image->stride()));
  for (size_t i = 0; i < whole.size(); ++i) {
    const size_t c = i % channels;
    whole[i] = c < 3 ? static_cast<int16_t>(std::floor(std::clamp(offset[c], -256.0, 256.0))) : int16_t{0};
  }
  for (int64_t y = 0; y < image->height(); ++y) {
    uint8_t* row = image->row(y);
    for (size_t i = 0; i < whole.size(); ++i) {
      row[i] = static_cast<uint8_t>(std::clamp<int16_t>(static_cast<int16_t>(row[i] + whole[i]), 0, 255));
    }
  }
}

std::array<double, 3> pca_offset(const std::array<double, 3>& draws) {
  constexpr double size[] = {55.46, 4.794, 1.148};
  constexpr double axis[3][3] = {{-0.5675, 0.7192, 0.4009}, {-0.5808, -0.0045, -0.8140}, {-0.5836, -0.6948, 0.4203}};
  std::array<double, 3> offset{};
  for (size_t c = 0; c < 3; ++c) {
    for (size_t i = 0; i < 3; ++i) offset[c] += axis[c][i] * size[i] * draws[i];
  }
  return offset;
}

void shift_hls(Image* image, int hue, int lightness, int saturation) {
  const int64_t channels = image->channels();
  if (channels < 3) return shift_grey(image, lightness);
  const auto n = static_cast<size_t>(image->width());
  Planes planes(image->width());
  for (int64_t y = 0; y < image->height(); ++y) {
    uint8_t* row = image->row(y);
    for (size_t i = 0; i < n; ++i) {
      const uint8_t* pixel = row + static_cast<int64_t>(i) * channels;
      planes.first[i] = pixel[0];
      planes.second[i] = pixel[1];
      planes.third[i] = pixel[2];
    }
    to_hls(&planes, n);
    shift(&planes, n, static_cast<float>(hue), static_cast<float>(lightness), static_cast<float>(saturation));
    for (size_t i = 0; i < n; ++i) {
      uint8_t* pixel = row + static_cast<int64_t>(i) * channels;
      pixel[0] = static_cast<uint8_t>(planes.first[i] + 0.5f);
      pixel[1] = static_cast<uint8_t>(planes.second[i] + 0.5f);
      pixel[2] = static_cast<uint8_t>(planes.third[i] + 0.5f);
    }
  }
}

}  // namespace mixnet
