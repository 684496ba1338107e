// _cvimresize: an image of another size, with OpenCV's ways of interpolation. Bytes are resized by codec/resize; numbers with a fraction here, with the
// same weights.
#include "codec/filter_taps.h"
#include "codec/resize.h"
#include "op/codec/pixels.h"

namespace mixnet::op::cvimresize {
namespace {

struct Params {
  int64_t w = 1, h = 1, interp = 1;
};

void check(const Params& p) {
  MIXNET_CHECK(p.interp <= 4 || p.interp == 9, invalid, "interp: expected 0 to 4 or 9, got ", p.interp);
}
void run_bytes(const Params& p, const RunContext& r) {
  const Image image = resize(image_of(r.in[0]), p.h, p.w, static_cast<Interpolation>(p.interp));
  std::memcpy(r.out[0].data, image.data(), static_cast<size_t>(image.bytes()));
}

Interpolation chosen(const Params& p, int64_t height, int64_t width) {
  if (p.interp != 9) return static_cast<Interpolation>(p.interp);
  if (p.h > height && p.w > width) return Interpolation::bicubic;
  return p.h < height && p.w < width ? Interpolation::area : Interpolation::bilinear;
}

// to[i] = the sum of what from(k) points at, for `channels` numbers each.
template <class T, class From>
void mix(const FilterTaps& taps, int64_t i, int64_t extent, int64_t channels, From from, T* to) {
  constexpr float unit = 1.0f / (1 << FilterTaps::bits);
  for (int64_t c = 0; c < channels; ++c) {
    float sum = 0;
    for (int t = 0; t < taps.count; ++t) {
      const int64_t k = std::clamp<int64_t>(taps.first[static_cast<size_t>(i)] + t, 0, extent - 1);
      const float weight = static_cast<float>(taps.weights(i)[t]) * unit;
      if (weight == 0) continue;
      sum += weight * static_cast<float>(from(k)[c]);
    }
    to[c] = static_cast<T>(sum);
  }
}

// Along rows first, then along columns.
template <class T>
void run_numbers(const Params& p, const RunContext& r) {
  const int64_t height = r.in[0].shape[0], width = r.in[0].shape[1], channels = r.in[0].shape[2];
  const Interpolation way = chosen(p, height, width);
  const bool shrinks = p.h <= height && p.w <= width;
  auto whole = [](int64_t extent) { return Stretch{0, static_cast<double>(extent)}; };
  const FilterTaps columns = filter_taps(width, whole(width), p.w, way, shrinks);
  const FilterTaps rows = filter_taps(height, whole(height), p.h, way, shrinks);
  std::vector<float> narrow(static_cast<size_t>(height * p.w * channels));
  for (int64_t y = 0; y < height; ++y) {
    const T* row = r.in[0].as<T>() + y * width * channels;
    for (int64_t x = 0; x < p.w; ++x)
      mix(
          columns, x, width, channels, [&](int64_t k) { return row + k * channels; },
          narrow.data() + (y * p.w + x) * channels);
  }
  const int64_t stride = p.w * channels;
  for (int64_t y = 0; y < p.h; ++y)
    mix(rows, y, height, stride, [&](int64_t k) { return narrow.data() + k * stride; }, r.out[0].as<T>() + y * stride);
}

void forward(const Params& p, const RunContext& r) {
  if (r.out[0].size() == 0) return;
  if (r.in[0].dtype == DType::u8) return run_bytes(p, r);
  dispatch_float(r.in[0].dtype, "_cvimresize", [&](auto tag) { run_numbers<typename decltype(tag)::type>(p, r); });
}
void infer(InferShape& c) {
  c.expect_ndim(0, 3, 3);
  const Shape& s = c.in[0];
  if (s.known() && s.size() == 0) c.fail(Code::shape, concat("src: expected at least one pixel, got ", s));
  c.set_out(0, Shape{c.params<Params>().h, c.params<Params>().w, s.ndim_known() ? s[2] : -1});
}
void infer_type(InferType& c) {
  c.all_same();
  if (c.in[0] != DType::u8) c.expect_float(0);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_cvimresize");
  op.no_gpu("pictures are decoded, encoded and edited on the host; copy the result to the GPU");
  op.param("w", &Params::w).required().range(1, max_image_side).doc("The new width.");
  op.param("h", &Params::h).required().range(1, max_image_side).doc("The new height.");
  op.param("interp", &Params::interp)
      .range(0, 9)
      .doc(
          "0 nearest, 1 bilinear, 2 bicubic, 3 the average of areas, 4 Lanczos over 8 by 8 pixels, 9 chosen by the "
          "extents.");
  op.check(check);
  op.input("src", "(height, width, channels), uint8 or float; uint8 has 1, 3 or 4 channels.");
  op.infer_shape(infer).infer_type(infer_type).kernel(forward);
  op.no_gradient("part of a data pipeline; use BilinearResize2D in nets").no_empty("there is no pixel to take");
  //[full
  op.doc(
      "An image of another size, (h, w, channels). interp=9: area where both sides shrink, bicubic where both grow, "
      "else bilinear.");
  for (int64_t interp = 0; interp < 5; ++interp) op.sample({{5, 4, 3}}, {{"w", 3}, {"h", 7}, {"interp", interp}});
  op.sample({{1, 1, 1}}, {{"w", 2}, {"h", 2}, {"interp", 9}});
  //]
}

}  // namespace mixnet::op::cvimresize
