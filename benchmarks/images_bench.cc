// Microseconds that one image of 375 by 500 pixels takes, on one thread: resizing in every way, colours, and numbers of a batch. benchmarks/images.py
// sets the first beside OpenCV's.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "codec/colour.h"
#include "codec/resize.h"
#include "codec/warp.h"
#include "io/normalise.h"

namespace {

using namespace mixnet;

Image picture(int64_t height, int64_t width) {
  Image image(height, width, 3);
  uint32_t state = 1;
  for (int64_t i = 0; i < image.bytes(); ++i)
    image.data()[i] = static_cast<uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  return image;
}

// The best of many.
template <class Run>
void report(const char* name, Run run) {
  using Clock = std::chrono::steady_clock;
  double best = 1e9;
  for (int i = 0; i < 60; ++i) {
    const auto start = Clock::now();
    run();
    best = std::min(best, std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  std::printf("%s %.0f\n", name, best);
}

}  // namespace

int main() {
  const Image image = picture(375, 500);
  const char* const names[] = {"nearest", "bilinear", "bicubic", "area", "lanczos4"};
  for (int i = 0; i <= 4; ++i) {
    report(names[i], [&] { resize(image, 256, 341, static_cast<Interpolation>(i)); });
  }
  report("warp", [&] { warp(image, {0.98, 0.17, 0, -0.17, 0.98, 0}, {0, 0, 224, 224}, Interpolation::bilinear, {}); });
  Image small = picture(224, 224);
  report("brightness", [&] { scale_colours(&small, 1.01); });
  report("saturation", [&] { saturate(&small, 0.99); });
  report("hls", [&] { shift_hls(&small, 1, 1, 1); });
  std::vector<float> numbers(static_cast<size_t>(small.bytes()));
  const Normaliser normaliser({}, Shape{3, 224, 224}, DType::f32);
  Draws draws(1, 1, 1);
  report("normalise", [&] { normaliser(small, &draws, numbers.data()); });
  return 0;
}
