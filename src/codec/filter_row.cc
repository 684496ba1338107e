// With AVX2 two neighbouring pixels of three or four channels are one load; four results are made at a time. Near the edges, and elsewhere, plain loops.
#include "codec/filter_row.h"

#include <algorithm>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace mixnet {
namespace {

struct Row {
  const FilterTaps& taps;
  const uint8_t* from;
  int64_t width;
  int shift;  // from the weights' bits to those of the sums
  int16_t* to;
};

template <int channels>
void plain(const Row& row, int64_t begin, int64_t end) {
  const int count = row.taps.count, half = 1 << (row.shift - 1);
  for (int64_t i = begin; i < end; ++i) {
    const int16_t* w = row.taps.weights(i);
    int32_t sum[channels] = {};
    for (int t = 0; t < count; ++t) {
      const int64_t x = std::clamp(int64_t{row.taps.first[static_cast<size_t>(i)]} + t, int64_t{0}, row.width - 1);
      const uint8_t* pixel = row.from + x * channels;
      for (int c = 0; c < channels; ++c) sum[c] += w[t] * pixel[c];
    }
    for (int c = 0; c < channels; ++c) row.to[i * channels + c] = static_cast<int16_t>((sum[c] + half) >> row.shift);
  }
}

#if defined(__AVX2__)
// Two pixels side by side, as pairs of 16-bit values of one channel each; for two results at once.
template <int channels>
__m256i spread_mask() {
  const __m128i three = _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
  const __m128i four = _mm_setr_epi8(0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, 3, -1, 7, -1);
  return _mm256_broadcastsi128_si256(channels == 3 ? three : four);
}

template <int channels, int pairs>
__m256i two(const Row& row, __m256i spread, __m256i half, int64_t a, int64_t b) {
  const int count = pairs > 0 ? 2 * pairs : row.taps.count;
  const uint8_t* left = row.from + row.taps.first[static_cast<size_t>(a)] * channels;
  const uint8_t* right = row.from + row.taps.first[static_cast<size_t>(b)] * channels;
  const int16_t *w = row.taps.weights(a), *v = row.taps.weights(b);
  __m256i sum = half;
  for (int t = 0; t < count; t += 2) {
    const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(left + t * channels));
    const __m128i high = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(right + t * channels));
    const __m128i lw = _mm_castps_si128(_mm_broadcast_ss(reinterpret_cast<const float*>(w + t)));
    const __m128i hw = _mm_castps_si128(_mm_broadcast_ss(reinterpret_cast<const float*>(v + t)));
    const __m256i pixels = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), spread);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pixels, _mm256_set_m128i(hw, lw)));
  }
  return _mm256_srai_epi32(sum, row.shift);
}

template <int channels, int pairs>
void wide(const Row& row, int64_t begin, int64_t end) {
  const __m256i spread = spread_mask<channels>(), half = _mm256_set1_epi32(1 << (row.shift - 1));
  const __m128i squeeze = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, -1, -1, -1, -1);
  for (int64_t i = begin; i < end; i += 4) {
    const __m256i even = two<channels, pairs>(row, spread, half, i, i + 2);
    const __m256i odd = two<channels, pairs>(row, spread, half, i + 1, i + 3);
    const __m256i all = _mm256_packs_epi32(even, odd);
    __m128i low = _mm256_castsi256_si128(all), high = _mm256_extracti128_si256(all, 1);
    if (channels == 3) low = _mm_shuffle_epi8(low, squeeze), high = _mm_shuffle_epi8(high, squeeze);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(row.to + i * channels), low);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(row.to + (i + 2) * channels), high);
  }
}

// The columns whose loads lie inside of the row; a multiple of four of them.
template <int channels>
void inside(const Row& row, int64_t* begin, int64_t* end) {
  const std::vector<int32_t>& first = row.taps.first;
  // The last pair is read as 8 bytes.
  const int64_t last = (row.width * channels - 8) / channels - (row.taps.count - 2);
  *begin = std::lower_bound(first.begin(), first.end(), 0) - first.begin();
  *end = std::upper_bound(first.begin(), first.end(), row.width * channels < 8 ? -1 : last) - first.begin();
  *end = std::max(*begin, *begin + (*end - *begin) / 4 * 4);
}
#endif

template <int channels>
void filter(const Row& row) {
  const auto columns = static_cast<int64_t>(row.taps.first.size());
  int64_t begin = 0, end = 0;
#if defined(__AVX2__)
  if constexpr (channels >= 3) {
    if (row.taps.count >= 2) {
      inside<channels>(row, &begin, &end);
      switch (row.taps.count) {
        case 2: wide<channels, 1>(row, begin, end); break;
        case 4: wide<channels, 2>(row, begin, end); break;
        default: wide<channels, 0>(row, begin, end);
      }
    }
  }
#endif
  plain<channels>(row, end, columns);
  plain<channels>(row, 0, begin);
}

}  // namespace

void filter_row(const FilterTaps& taps, const uint8_t* from, int64_t width, int channels, int bits, int16_t* to) {
  const Row row{taps, from, width, FilterTaps::bits - bits, to};
  switch (channels) {
    case 1: return filter<1>(row);
    case 3: return filter<3>(row);
    default: return filter<4>(row);
  }
}

}  // namespace mixnet
