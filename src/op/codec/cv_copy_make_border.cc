// _cvcopyMakeBorder: an image with a frame around it, filled in one of OpenCV's ways.
#include <cmath>
#include <limits>
#include <memory>

#include "op/codec/pixels.h"

namespace mixnet::op::cv_copy_make_border {
namespace {

enum Border : int64_t { constant = 0, replicate = 1, reflect = 2, wrap = 3, reflect_101 = 4 };

struct Params {
  int64_t top = 0, bot = 0, left = 0, right = 0;
  int64_t type = constant;
  double value = 0;
  std::vector<double> values;
};

void check(const Params& p) {
  MIXNET_CHECK(p.values.size() <= 4, invalid, "values: expected at most 4, got ", p.values.size());
}

int64_t modulo(int64_t a, int64_t n) { return (a % n + n) % n; }

// Which of n pixels stands at place i, which may lie outside; -1: none.
int64_t source(int64_t i, int64_t n, int64_t border) {
  if (i >= 0 && i < n) return i;
  switch (border) {
    case replicate: return i < 0 ? 0 : n - 1;
    case reflect: {
      const int64_t k = modulo(i, 2 * n);
      return k < n ? k : 2 * n - 1 - k;
    }
    case wrap: return modulo(i, n);
    case reflect_101: {
      if (n == 1) return 0;
      const int64_t k = modulo(i, 2 * n - 2);
      return k < n ? k : 2 * n - 2 - k;
    }
    default: return -1;
  }
}

template <class T>
T saturated(double value) {
  if constexpr (std::is_integral<T>::value) {
    using Limits = std::numeric_limits<T>;
    if (!(value > static_cast<double>(Limits::lowest()))) return Limits::lowest();
    if (value >= static_cast<double>(Limits::max())) return Limits::max();
    return static_cast<T>(std::nearbyint(value));
  } else {
    return static_cast<T>(static_cast<accumulator_t<T>>(value));
  }
}

template <class T>
void run(const Params& p, const RunContext& r) {
  const Shape &in = r.in[0].shape, &out = r.out[0].shape;
  const int64_t channels = out[2];
  const std::unique_ptr<T[]> fill(new T[static_cast<size_t>(channels)]);
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c)
    fill[c] = saturated<T>(p.values.empty() ? p.value : c < p.values.size() ? p.values[c] : 0);
  std::vector<int64_t> columns(static_cast<size_t>(out[1]));
  for (int64_t x = 0; x < out[1]; ++x) columns[static_cast<size_t>(x)] = source(x - p.left, in[1], p.type);
  T* to = r.out[0].as<T>();
  for (int64_t y = 0; y < out[0]; ++y) {
    const int64_t row = source(y - p.top, in[0], p.type);
    for (const int64_t column : columns) {
      const bool outside = row < 0 || column < 0;
      const T* pixel = outside ? fill.get() : r.in[0].as<T>() + (row * in[1] + column) * channels;
      to = std::copy(pixel, pixel + channels, to);
    }
  }
}

void forward(const Params& p, const RunContext& r) {
  if (r.out[0].size() == 0) return;
  dispatch_all(r.in[0].dtype, "_cvcopyMakeBorder", [&](auto tag) { run<typename decltype(tag)::type>(p, r); });
}
void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  c.expect_ndim(0, 3, 3);
  Shape s = c.in[0];
  if (!s.known()) return;
  if (s.size() == 0 && p.type != constant)
    c.fail(Code::shape, concat("src: expected pixels to fill a border from, got ", s));
  s[0] += p.top + p.bot;
  s[1] += p.left + p.right;
  c.set_out(0, s);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_cvcopyMakeBorder");
  op.no_gpu("pictures are decoded, encoded and edited on the host; copy the result to the GPU");
  op.param("top", &Params::top).required().range(0, max_image_side).doc("Rows above.");
  op.param("bot", &Params::bot).required().range(0, max_image_side).doc("Rows below.");
  op.param("left", &Params::left).required().range(0, max_image_side).doc("Columns to the left.");
  op.param("right", &Params::right).required().range(0, max_image_side).doc("Columns to the right.");
  op.param("type", &Params::type)
      .range(0, 4)
      .doc(
          "What they hold: 0 the values, 1 the pixel at the edge, 2 the image mirrored, 3 the image again, 4 mirrored "
          "without its edge.");
  op.param("value", &Params::value).doc("For all channels, where there are no values.");
  op.param("values", &Params::values).doc("Of the channels, in order; 0 for those beyond.");
  op.check(check);
  op.input("src", "(height, width, channels), any dtype.").infer_shape(infer).kernel(forward);
  op.no_gradient("part of a data pipeline; use pad in nets");
  //[full
  op.doc(
      "An image with a frame around it: (top + height + bot, left + width + right, channels). Values are rounded and "
      "kept in the dtype's range.");
  for (int64_t type = 0; type < 5; ++type)
    op.sample({{2, 3, 2}}, {{"top", 4}, {"bot", 1}, {"left", 1}, {"right", 7}, {"type", type}, {"value", 2.0}});
  op.sample({{1, 1, 1}}, {{"top", 1}, {"bot", 0}, {"left", 0}, {"right", 2}, {"type", 4}});
  op.sample({{0, 2, 3}}, {{"top", 1}, {"bot", 0}, {"left", 0}, {"right", 2}, {"values", std::vector<double>{1, 2}}});
  //]
}

}  // namespace mixnet::op::cv_copy_make_border
