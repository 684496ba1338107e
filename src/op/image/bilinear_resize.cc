// _contrib_BilinearResize2D: images of another size, interpolated between the four nearest pixels.
#include "op/image/bilinear_resize.h"

#include "op/core/wide.h"

namespace mixnet::op::bilinear_resize {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("height", &Params::height).range(1).doc("Height of the output, mode size without scale_height.");
  op.param("width", &Params::width).range(1).doc("Width of the output, mode size without scale_width.");
  op.param("scale_height", &Params::scale_height)
      .range(0, 10000)
      .doc("Height of the output over that of data, modes size and odd_scale.");
  op.param("scale_width", &Params::scale_width)
      .range(0, 10000)
      .doc("Width of the output over that of data, modes size and odd_scale.");
  op.param("mode", &Params::mode,
           {"like", "odd_scale", "size", "to_even_down", "to_even_up", "to_odd_down", "to_odd_up"})
      .doc(
          "What gives the size: the second input (like), the numbers above (size), the scales, which keep odd extents "
          "odd (odd_scale), or the nearest even or odd extent.");
  op.param("align_corners", &Params::align_corners)
      .doc("Corner pixels keep their values; else pixels are areas, and the image is stretched as a whole.");
}

int64_t new_extent(const Params& p, int64_t in, int64_t fixed, const std::optional<double>& scale) {
  auto scaled = [&scale](int64_t n) { return static_cast<int64_t>(static_cast<double>(n) * scale.value_or(1)); };
  switch (p.mode) {
    case Mode::odd_scale: return in % 2 == 0 ? scaled(in) : scaled(in - 1) + 1;
    case Mode::to_even_down: return in - in % 2;
    case Mode::to_even_up: return in + in % 2;
    case Mode::to_odd_down: return in - (1 - in % 2);
    case Mode::to_odd_up: return in + (1 - in % 2);
    case Mode::size: return scale ? scaled(in) : fixed;
    case Mode::like: break;
  }
  return in;
}

// f(plane, row tap, column tap, offset in the target's plane).
template <class F>
void for_pixels(const Params& p, const Shape& in, const Shape& out, F f) {
  std::vector<Tap> columns;
  for (int64_t j = 0; j < out[3]; ++j) columns.emplace_back(j, in[3], out[3], p.align_corners);
  parallel_for(in[0] * in[1], std::max<int64_t>(1, 4096 / std::max<int64_t>(1, out[2] * out[3])),
               [&](int64_t first, int64_t last) {
                 for (int64_t plane = first; plane < last; ++plane) {
                   for (int64_t i = 0; i < out[2]; ++i) {
                     const Tap row(i, in[2], out[2], p.align_corners);
                     for (int64_t j = 0; j < out[3]; ++j)
                       f(plane, row, columns[static_cast<size_t>(j)], i * out[3] + j);
                   }
                 }
               });
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "BilinearResize2D", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape &s = r.in[0].shape, &o = r.out[0].shape;
    for_pixels(p, s, o, [&](int64_t plane, const Tap& row, const Tap& column, int64_t at) {
      const T *top = r.in[0].as<T>() + (plane * s[2] + row.low) * s[3],
              *bottom = r.in[0].as<T>() + (plane * s[2] + row.high) * s[3];
      const T v = static_cast<T>(row.share), h = static_cast<T>(column.share);
      const T above = (1 - h) * top[column.low] + h * top[column.high],
              below = (1 - h) * bottom[column.low] + h * bottom[column.high];
      r.out[0].as<T>()[plane * o[2] * o[3] + at] = (1 - v) * above + v * below;
    });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, forward, 0); }

std::vector<std::string> input_names(const Params& p) {
  return p.mode == Mode::like ? std::vector<std::string>{"data", "like"} : std::vector<std::string>{"data"};
}
void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  for (int i = 0; i < c.num_inputs(); ++i) c.expect_ndim(i, 4, 4);
  const Shape& in = c.in[0];
  if (!in.ndim_known() || in[2] < 0 || in[3] < 0) return;
  if (p.mode == Mode::like && !c.in[1].ndim_known()) return;
  const bool like = p.mode == Mode::like;
  const Shape out{in[0], in[1], like ? c.in[1][2] : new_extent(p, in[2], p.height, p.scale_height),
                  like ? c.in[1][3] : new_extent(p, in[3], p.width, p.scale_width)};
  if (in[2] == 0 || in[3] == 0 || out[2] == 0 || out[3] == 0)
    c.fail(Code::shape, concat("expected images of at least one pixel, got ", in, " to become ", out));
  c.set_out(0, out);
}

//[full
// (dy, data for its shape).
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "BilinearResize2D", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape &s = r.out[0].shape, &o = r.in[0].shape;
    std::fill_n(r.out[0].as<T>(), r.out[0].size(), T(0));
    for_pixels(p, s, o, [&](int64_t plane, const Tap& row, const Tap& column, int64_t at) {
      T *top = r.out[0].as<T>() + (plane * s[2] + row.low) * s[3],
        *bottom = r.out[0].as<T>() + (plane * s[2] + row.high) * s[3];
      const T v = static_cast<T>(row.share), h = static_cast<T>(column.share),
              dy = r.in[0].as<T>()[plane * o[2] * o[3] + at];
      top[column.low] += (1 - v) * (1 - h) * dy;
      top[column.high] += (1 - v) * h * dy;
      bottom[column.low] += v * (1 - h) * dy;
      bottom[column.high] += v * h * dy;
    });
  });
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, 0);
}
void gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_contrib_BilinearResize2D", {g.output_grad(0), g.input(0)})[0]);
}
void add_samples(OpBuilder<Params>& op) {
  for (const char* mode : {"odd_scale", "to_even_down", "to_even_up", "to_odd_down", "to_odd_up"}) {
    op.sample({{1, 2, 3, 4}}, {{"mode", mode}, {"scale_height", 2.0}, {"scale_width", 1.5}});
  }
  op.sample({{1, 2, 3, 4}, {1, 2, 5, 2}}, {{"mode", "like"}});
  for (bool align : {false, true}) op.sample({{2, 1, 3, 4}}, {{"height", 5}, {"width", 3}, {"align_corners", align}});
  op.sample({{1, 1, 2, 3}}, {{"scale_height", 1.5}, {"scale_width", 2.0}});
  op.sample({{1, 1, 1, 1}}, {{"height", 2}, {"width", 2}});
  op.sample({{0, 1, 2, 2}});
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_BilinearResize2D");
  add_params(op);
  op.input("data", "(N, C, H, W), float.")
      .input("like", "mode like: gives height and width.")
      .input_names(input_names)
      .shape_only({1});
  op.infer_shape(infer).prepare(prepare);
  //[full
  op.doc("Images resized with bilinear interpolation, (N, C, height, width).").gradient(gradient);
  add_samples(op);
  OpBuilder<Params> grad(registry, "_backward_contrib_BilinearResize2D");
  add_params(grad);
  grad.hidden()
      .input("output_grad")
      .input("data")
      .shape_only({1})
      .infer_shape(infer_backward)
      .prepare(prepare_backward);
  grad.no_gradient("linear; use BilinearResize2D for higher orders");
  //]
}

}  // namespace mixnet::op::bilinear_resize
