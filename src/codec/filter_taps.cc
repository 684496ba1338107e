// Positions are those of OpenCV: centres of pixels correspond, except for nearest and area, where edges do.
#include "codec/filter_taps.h"

#include <algorithm>
#include <cmath>

namespace mixnet {
namespace {

// Weights of the pixels around a place `f` of the way from one to the next.
void linear(double f, double* w) {
  w[0] = 1 - f;
  w[1] = f;
}

void cubic(double f, double* w) {
  constexpr double a = -0.75;
  const auto near = [](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  w[0] = far(1 + f);
  w[1] = near(f);
  w[2] = near(1 - f);
  w[3] = far(2 - f);
}

void lanczos(double f, double* w) {
  constexpr double pi = 3.14159265358979323846;
  double sum = 0;
  for (int i = 0; i < 8; ++i) {
    const double x = pi * (f - (i - 3));
    w[i] = std::abs(x) < 1e-6 ? 1 : 4 * std::sin(x) * std::sin(x / 4) / (x * x);
    sum += w[i];
  }
  for (int i = 0; i < 8; ++i) w[i] /= sum;
}

// To fractions of 14 bits; what rounding leaves goes on to the next, so that the sum is exact.
void to_fractions(const double* w, int count, int16_t* weights) {
  double sum = 0;
  int64_t before = 0;
  for (int i = 0; i < count; ++i) {
    sum += w[i];
    const int64_t now = std::llround(sum * (1 << FilterTaps::bits));
    weights[i] = static_cast<int16_t>(now - before);
    before = now;
  }
}

void add_weights(FilterTaps* taps, const double* w) {
  taps->weight.resize(taps->weight.size() + static_cast<size_t>(taps->count));
  to_fractions(w, taps->count, taps->weight.data() + taps->weight.size() - taps->count);
}

FilterTaps points(int64_t from, double start, int64_t to, double scale, Interpolation interpolation) {
  FilterTaps taps;
  taps.count = filter_count(interpolation);
  taps.weight.resize(static_cast<size_t>(to * taps.count));
  for (int64_t i = 0; i < to; ++i) {
    const double place = start + (static_cast<double>(i) + 0.5) * scale - 0.5, floor = std::floor(place);
    filter_weights(interpolation, place - floor, taps.weight.data() + i * taps.count);
    // Farther out there are only copies of the edge.
    const auto first = std::clamp(static_cast<int64_t>(floor) - (taps.count / 2 - 1), int64_t{-taps.count}, from);
    taps.first.push_back(static_cast<int32_t>(first));
  }
  return taps;
}

FilterTaps nearest(int64_t from, double start, int64_t to, double scale) {
  FilterTaps taps;
  taps.count = 1;
  for (int64_t i = 0; i < to; ++i) {
    const auto at = static_cast<int64_t>(std::floor(start + static_cast<double>(i) * scale));
    taps.first.push_back(static_cast<int32_t>(std::clamp(at, int64_t{0}, from - 1)));
    taps.weight.push_back(1 << FilterTaps::bits);
  }
  return taps;
}

FilterTaps average(double start, int64_t to, double scale) {
  FilterTaps taps;
  taps.count = (static_cast<int>(std::ceil(scale)) + 2) / 2 * 2;
  std::vector<double> w(static_cast<size_t>(taps.count));
  for (int64_t i = 0; i < to; ++i) {
    const double begin = start + static_cast<double>(i) * scale, end = begin + scale, first = std::floor(begin + 1e-9);
    for (int j = 0; j < taps.count; ++j) {
      w[static_cast<size_t>(j)] = std::max(0.0, std::min(end, first + j + 1) - std::max(begin, first + j)) / scale;
    }
    taps.first.push_back(static_cast<int32_t>(first));
    add_weights(&taps, w.data());
  }
  return taps;
}

FilterTaps area_pairs(double start, int64_t to, double scale) {
  FilterTaps taps;
  taps.count = 2;
  for (int64_t i = 0; i < to; ++i) {
    const double first = std::floor(start + static_cast<double>(i) * scale);
    double f = static_cast<double>(i) + 1 - (first + 1 - start) / scale, w[2];
    f = f <= 0 ? 0 : f - std::floor(f);
    linear(f, w);
    taps.first.push_back(static_cast<int32_t>(first));
    add_weights(&taps, w);
  }
  return taps;
}

}  // namespace

int filter_count(Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::nearest: return 1;
    case Interpolation::bicubic: return 4;
    case Interpolation::lanczos4: return 8;
    default: return 2;
  }
}

void filter_weights(Interpolation interpolation, double f, int16_t* weights) {
  double w[8] = {1};
  switch (interpolation) {
    case Interpolation::nearest: break;
    case Interpolation::bicubic: cubic(f, w); break;
    case Interpolation::lanczos4: lanczos(f, w); break;
    default: linear(f, w);
  }
  to_fractions(w, filter_count(interpolation), weights);
}

FilterTaps filter_taps(int64_t from, const Stretch& stretch, int64_t to, Interpolation interpolation, bool shrinks) {
  const double scale = 1 / (static_cast<double>(to) / stretch.length);
  switch (interpolation) {
    case Interpolation::nearest: return nearest(from, stretch.begin, to, scale);
    case Interpolation::area: return shrinks ? average(stretch.begin, to, scale) : area_pairs(stretch.begin, to, scale);
    default: return points(from, stretch.begin, to, scale, interpolation);
  }
}

}  // namespace mixnet
