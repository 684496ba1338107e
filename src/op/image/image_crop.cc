// _image_crop: a rectangle cut out of images with channels last.
#include "op/image/image_crop.h"

#include <cstring>

#include "op/core/builder.h"

namespace mixnet::op::image_crop {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("x", &Params::x).required().range(0, 1 << 30).doc("The first column.");
  op.param("y", &Params::y).required().range(0, 1 << 30).doc("The first row.");
  op.param("width", &Params::width).required().range(1, 1 << 30).doc("Number of columns.");
  op.param("height", &Params::height).required().range(1, 1 << 30).doc("Number of rows.");
}

// f(offset in the whole image, offset in the rectangle, length) for every row of every rectangle, in bytes.
template <class F>
void each_row(const Params& p, const TensorView& whole, F f) {
  const Shape& s = whole.shape;
  const int n = s.ndim();
  const int64_t pixel = s[n - 1] * dtype_size(whole.dtype), rows = s[n - 3], columns = s[n - 2],
                images = n == 4 ? s[0] : 1;
  for (int64_t i = 0; i < images * p.height; ++i) {
    const int64_t row = i / p.height * rows + p.y + i % p.height;
    f((row * columns + p.x) * pixel, i * p.width * pixel, static_cast<size_t>(p.width * pixel));
  }
}
void forward(const Params& p, const RunContext& r) {
  if (r.out[0].size() == 0) return;
  each_row(p, r.in[0], [&](int64_t from, int64_t to, size_t n) {
    std::memcpy(r.out[0].as<char>() + to, r.in[0].as<char>() + from, n);
  });
}
void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  c.expect_ndim(0, 3, 4);
  if (!c.in[0].known()) return;
  Shape out = c.in[0];
  const int n = out.ndim();
  if (p.y + p.height > out[n - 3] || p.x + p.width > out[n - 2])
    c.fail(Code::shape,
           concat("data: expected at least ", p.y + p.height, " rows and ", p.x + p.width, " columns, got ", out));
  out[n - 3] = p.height;
  out[n - 2] = p.width;
  c.set_out(0, out);
}

//[full
// (dy, data for its shape): dy in the rectangle, zero around it.
void backward(const Params& p, const RunContext& r) {
  if (r.out[0].size() == 0) return;
  std::memset(r.out[0].data, 0, static_cast<size_t>(r.out[0].bytes()));
  each_row(p, r.out[0], [&](int64_t to, int64_t from, size_t n) {
    std::memcpy(r.out[0].as<char>() + to, r.in[0].as<char>() + from, n);
  });
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
void gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_image_crop", {g.output_grad(0), g.input(0)})[0]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_image_crop");
  add_params(op);
  op.input("data", "(H, W, C) or (N, H, W, C), any dtype.").infer_shape(infer).kernel(forward);
  //[full
  op.doc(
        "The rectangle of width columns and height rows whose upper left pixel is (x, y): (height, width, C), or one "
        "for each image.")
      .gradient(gradient);
  op.sample({{3, 4, 2}}, {{"x", 1}, {"y", 0}, {"width", 2}, {"height", 3}});
  op.sample({{2, 3, 4, 1}}, {{"x", 2}, {"y", 1}, {"width", 2}, {"height", 1}});
  op.sample({{1, 1, 1}}, {{"x", 0}, {"y", 0}, {"width", 1}, {"height", 1}});
  op.sample({{0, 2, 2, 3}}, {{"x", 0}, {"y", 0}, {"width", 1}, {"height", 1}});
  OpBuilder<Params> grad(registry, "_backward_image_crop");
  add_params(grad);
  grad.hidden()
      .input("output_grad")
      .input("data")
      .shape_only({1})
      .infer_shape(infer_backward)
      .kernel(backward)
      .no_gradient("linear; use image_crop for higher orders");
  //]
}

}  // namespace mixnet::op::image_crop
