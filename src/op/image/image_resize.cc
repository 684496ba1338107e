// _image_resize: images of another size, channels last; what a data pipeline needs, with four kinds of interpolation.
#include "op/image/image_resize.h"

#include "op/core/builder.h"

namespace mixnet::op::image_resize {
namespace {

void check(const Params& p) {
  MIXNET_CHECK(p.size.ndim() == 1 || p.size.ndim() == 2, invalid, "size: expected (width, height) or one number, got ",
               p.size);
}

// Height and width of the output.
std::pair<int64_t, int64_t> extents(const Params& p, int64_t height, int64_t width) {
  if (p.size.ndim() == 2) return {p.size[1], p.size[0]};
  const int64_t n = p.size[0];
  if (!p.keep_ratio || height == 0 || width == 0) return {n, n};
  auto longer = [n](int64_t from, int64_t shorter) {
    return std::max<int64_t>(
        1, static_cast<int64_t>(static_cast<double>(from) * static_cast<double>(n) / static_cast<double>(shorter)));
  };
  if (height > width) return {longer(height, width), n};
  return {n, longer(width, height)};
}

template <class T>
void resize(const Params& p, const RunContext& r) {
  const Target<T> target(p, r);
  const int64_t width = target.columns * target.channels;
  parallel_for(r.out[0].size() / width, 4, [&](int64_t first, int64_t last) {
    for (int64_t k = first; k < last; ++k) {
      for (int64_t e = 0; e < width; ++e) r.out[0].as<T>()[k * width + e] = target.value(k, e);
    }
  });
}
void forward(const Params& p, const RunContext& r) {
  if (r.out[0].size() == 0) return;
  if (r.in[0].dtype == DType::u8) return resize<uint8_t>(p, r);
  dispatch_float(r.in[0].dtype, "image_resize", [&](auto tag) { resize<typename decltype(tag)::type>(p, r); });
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  c.expect_ndim(0, 3, 4);
  const Shape& s = c.in[0];
  if (!s.ndim_known()) return;
  const int at = s.ndim() - 3;
  Shape out = s;
  out[at] = out[at + 1] = -1;
  if (s[at] >= 0 && s[at + 1] >= 0) {
    std::tie(out[at], out[at + 1]) = extents(p, s[at], s[at + 1]);
    if (s[at] * s[at + 1] == 0) c.fail(Code::shape, concat("data: expected at least one pixel, got ", s));
  }
  c.set_out(0, out);
}
void infer_type(InferType& c) {
  c.all_same();
  if (c.in[0] != DType::u8) c.expect_float(0);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_image_resize");
  op.param("size", &Params::size)
      .range(1, 1 << 24)
      .doc("(width, height), or one number for both or for the shorter side.");
  op.param("keep_ratio", &Params::keep_ratio).doc("One number is for the shorter side; the other follows.");
  op.param("interp", &Params::interp).range(0, 3).doc("0 nearest, 1 bilinear, 2 bicubic, 3 the average of areas.");
  op.check(check);
  op.input("data", "(H, W, C) or (N, H, W, C), uint8 or float.")
      .infer_shape(infer)
      .infer_type(infer_type)
      .kernel(forward);
  op.no_gradient("part of a data pipeline; use BilinearResize2D in nets");
  //[full
  op.doc("Images of another size: pixels are areas, and what lies beyond the borders is as the border is.");
  for (int64_t interp = 0; interp < 4; ++interp) {
    op.sample({{3, 2, 3}}, {{"size", Shape{3, 2}}, {"interp", interp}});
    op.sample({{1, 5, 4, 1}}, {{"size", Shape{2}}, {"interp", interp}, {"keep_ratio", interp > 1}});
  }
  op.sample({{1, 1, 1}}, {{"size", Shape{2}}});
  op.sample({{0, 2, 2, 3}}, {{"size", Shape{2}}});
  //]
}

}  // namespace mixnet::op::image_resize
