// Places are kept in 1/1024 of a pixel, the weights of the 32 places between two pixels in a table.
#include "codec/warp.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "codec/filter_taps.h"

namespace mixnet {
namespace {

constexpr int place_bits = 10, step_bits = 5, steps = 1 << step_bits;
constexpr double places = 1 << place_bits;

struct Warp {
  const ImageView& image;
  const Affine& back;  // from places of the result to those of the image
  const PixelValue& value;
  const int16_t* weights;  // `count` for each step
};

// Sums along x keep 7 bits of the weights' 14, so that both fit.
constexpr int kept = 7;
uint8_t finish(int32_t sum) {
  constexpr int shift = FilterTaps::bits + kept;
  return static_cast<uint8_t>(std::clamp((sum + (1 << (shift - 1))) >> shift, 0, 255));
}

template <int count, int channels>
void mix_inside(const Warp& warp, int64_t left, int64_t top, const int16_t* wx, const int16_t* wy, uint8_t* to) {
  int32_t sum[channels] = {};
  for (int j = 0; j < count; ++j) {
    const uint8_t* from = warp.image.row(top + j) + left * channels;
    for (int c = 0; c < channels; ++c) {
      int32_t line = 0;
      for (int i = 0; i < count; ++i) line += wx[i] * from[i * channels + c];
      sum[c] += (line >> (FilterTaps::bits - kept)) * wy[j];
    }
  }
  for (int c = 0; c < channels; ++c) to[c] = finish(sum[c]);
}

#if defined(__AVX2__)
// The same for two by two pixels of three channels: both of a row in one load, of which 8 bytes must be there.
inline void mix_pairs(const uint8_t* upper, const uint8_t* lower, const int16_t* wx, const int16_t* wy, uint8_t* to) {
  const __m128i spread = _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
  const __m128i across = _mm_castps_si128(_mm_broadcast_ss(reinterpret_cast<const float*>(wx)));
  const auto line = [&](const uint8_t* from) {
    const __m128i pixels = _mm_shuffle_epi8(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)), spread);
    return _mm_srai_epi32(_mm_madd_epi16(pixels, across), FilterTaps::bits - kept);
  };
  const __m128i half = _mm_set1_epi32(1 << (FilterTaps::bits + kept - 1));
  const __m128i sum = _mm_add_epi32(_mm_mullo_epi32(line(upper), _mm_set1_epi32(wy[0])),
                                    _mm_mullo_epi32(line(lower), _mm_set1_epi32(wy[1])));
  const __m128i words = _mm_srai_epi32(_mm_add_epi32(sum, half), FilterTaps::bits + kept);
  const __m128i bytes = _mm_packus_epi16(_mm_packs_epi32(words, words), words);
  const uint32_t pixel = static_cast<uint32_t>(_mm_cvtsi128_si32(bytes));
  std::memcpy(to, &pixel, 3);
}
#endif

// Some of the pixels lie outside: the mixture of a copy in which they have the border's value.
template <int count, int channels>
void mix_edge(const Warp& warp, int64_t left, int64_t top, const int16_t* wx, const int16_t* wy, uint8_t* to) {
  uint8_t near[count * count * channels];
  for (int j = 0; j < count; ++j) {
    for (int i = 0; i < count; ++i) {
      const int64_t x = left + i, y = top + j;
      const bool in = x >= 0 && y >= 0 && x < warp.image.width && y < warp.image.height;
      std::memcpy(near + (j * count + i) * channels, in ? warp.image.row(y) + x * channels : warp.value.data(),
                  channels);
    }
  }
  const ImageView copy{near, count, count, channels, count * channels};
  mix_inside<count, channels>({copy, warp.back, warp.value, warp.weights}, 0, 0, wx, wy, to);
}

template <int count, int channels>
void pixel(const Warp& warp, int64_t x, int64_t y, uint8_t* to) {
  constexpr int64_t half = count == 1 ? int64_t{1} << (place_bits - 1) : int64_t{1} << (place_bits - step_bits - 1);
  x += half;
  y += half;
  const int64_t left = (x >> place_bits) - (count - 1) / 2, top = (y >> place_bits) - (count - 1) / 2;
  const int64_t width = warp.image.width, height = warp.image.height;
  if (left <= -count || top <= -count || left >= width || top >= height) {
    std::memcpy(to, warp.value.data(), channels);
    return;
  }
  const int16_t* wx = warp.weights + ((x >> (place_bits - step_bits)) & (steps - 1)) * count;
  const int16_t* wy = warp.weights + ((y >> (place_bits - step_bits)) & (steps - 1)) * count;
#if defined(__AVX2__)
  if constexpr (count == 2 && channels == 3) {
    if (left >= 0 && top >= 0 && left + 3 <= width && top + 2 <= height) {
      const uint8_t* const upper = warp.image.row(top) + left * 3;
      return mix_pairs(upper, upper + warp.image.stride, wx, wy, to);
    }
  }
#endif
  if (left >= 0 && top >= 0 && left + count <= width && top + count <= height) {
    mix_inside<count, channels>(warp, left, top, wx, wy, to);
  } else {
    mix_edge<count, channels>(warp, left, top, wx, wy, to);
  }
}

template <int count, int channels>
void rows(const Warp& warp, const Region& wanted, Image* to) {
  std::vector<int64_t> dx, dy;
  for (int64_t x = wanted.left; x < wanted.left + wanted.width; ++x) {
    dx.push_back(std::llround(warp.back.a * static_cast<double>(x) * places));
    dy.push_back(std::llround(warp.back.d * static_cast<double>(x) * places));
  }
  for (int64_t i = 0; i < wanted.height; ++i) {
    const auto y = static_cast<double>(wanted.top + i);
    const int64_t x0 = std::llround((warp.back.b * y + warp.back.c) * places);
    const int64_t y0 = std::llround((warp.back.e * y + warp.back.f) * places);
    uint8_t* row = to->row(i);
    for (size_t j = 0; j < dx.size(); ++j) pixel<count, channels>(warp, x0 + dx[j], y0 + dy[j], row + j * channels);
  }
}

template <int count>
void of_channels(const Warp& warp, const Region& wanted, Image* to) {
  switch (warp.image.channels) {
    case 1: return rows<count, 1>(warp, wanted, to);
    case 3: return rows<count, 3>(warp, wanted, to);
    default: return rows<count, 4>(warp, wanted, to);
  }
}

}  // namespace

Affine inverse(const Affine& m) {
  const double det = m.determinant();
  MIXNET_CHECK(std::isfinite(det) && std::abs(det) > 1e-12, invalid, "[warp] map: expected one that can be undone");
  Affine back{m.e / det, -m.b / det, 0, -m.d / det, m.a / det, 0};
  back.c = -(back.a * m.c + back.b * m.f);
  back.f = -(back.d * m.c + back.e * m.f);
  return back;
}

Image warp(const ImageView& image, const Affine& map, const Region& wanted, Interpolation interpolation,
           const PixelValue& value) {
  MIXNET_CHECK(!image.empty(), invalid, "[warp] image: expected pixels, got ", image.height, " by ", image.width);
  MIXNET_CHECK(image.channels == 1 || image.channels == 3 || image.channels == 4, unsupported,
               "[warp] expected 1, 3 or 4 channels, got ", image.channels);
  const Affine back = inverse(map);
  for (const double v : {back.a, back.b, back.c, back.d, back.e, back.f}) {
    MIXNET_CHECK(std::abs(v) < 1e12, invalid, "[warp] map: expected numbers below 1e12, got ", v);
  }
  const int count = filter_count(interpolation);
  std::vector<int16_t> weights(static_cast<size_t>(steps * count));
  for (int i = 0; i < steps; ++i)
    filter_weights(interpolation, static_cast<double>(i) / steps, weights.data() + i * count);
  const Warp job{image, back, value, weights.data()};
  Image result(wanted.height, wanted.width, image.channels);
  switch (count) {
    case 1: of_channels<1>(job, wanted, &result); break;
    case 2: of_channels<2>(job, wanted, &result); break;
    case 4: of_channels<4>(job, wanted, &result); break;
    default: of_channels<8>(job, wanted, &result);
  }
  return result;
}

}  // namespace mixnet
