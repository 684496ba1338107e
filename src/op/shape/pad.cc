// Pad: a border around the spatial axes of (N, C, H, W) or (N, C, D, H, W), constant, repeating the edge or mirrored.
#include "op/shape/pad.h"

#include <cstring>

#include "op/core/builder.h"

namespace mixnet::op::pad {
namespace {

// A volume with the source of every coordinate looked up.
struct Geometry {
  Volume volume;
  int64_t planes, in[3], out[3];
  std::vector<int64_t> from[3];

  Geometry(const Params& p, const Shape& s) : volume(p, s), planes(volume.planes) {
    for (int k = 0; k < 3; ++k) {
      in[k] = volume.axis[k].n;
      out[k] = volume.axis[k].padded();
      for (int64_t i = 0; i < out[k]; ++i) from[k].push_back(volume.axis[k].source(i));
    }
  }
  int64_t line(int64_t d, int64_t h) const {
    const int64_t a = from[0][static_cast<size_t>(d)], b = from[1][static_cast<size_t>(h)];
    return a < 0 || b < 0 ? outside : (a * in[1] + b) * in[2];
  }
};

class Forward : public Kernel {
 public:
  explicit Forward(const PrepareContext& c)
      : g_(c.params<Params>(), c.inputs[0].shape), value_(c.params<Params>().constant_value) {
    const auto& pads = c.params<Params>().pad_width;
    before_ = pads[pads.ndim() - 2];
  }
  void run(const RunContext& r) const override {
    dispatch_all(r.in[0].dtype, "Pad", [&](auto tag) { rows(r, tag); });
  }

 private:
  template <class T>
  void rows(const RunContext& r, TypeTag<T>) const {
    const T* x = r.in[0].as<T>();
    T* y = r.out[0].as<T>();
    const T value = static_cast<T>(static_cast<accumulator_t<T>>(value_));
    const int64_t lines = g_.out[0] * g_.out[1], width = g_.out[2], n = g_.in[2];
    parallel_for(g_.planes * lines, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, width)),
                 [&](int64_t a, int64_t b) {
                   for (int64_t i = a; i < b; ++i) {
                     const int64_t line = g_.line(i % lines / g_.out[1], i % g_.out[1]);
                     T* to = y + i * width;
                     if (line == outside) {
                       std::fill_n(to, width, value);
                       continue;
                     }
                     const T* row = x + i / lines * g_.in[0] * g_.in[1] * n + line;
                     for (int64_t k = 0; k < before_; ++k) to[k] = border(row, k, value);
                     std::copy_n(row, n, to + before_);
                     for (int64_t k = before_ + n; k < width; ++k) to[k] = border(row, k, value);
                   }
                 });
  }
  template <class T>
  T border(const T* row, int64_t k, T value) const {
    const int64_t from = g_.from[2][static_cast<size_t>(k)];
    return from == outside ? value : row[from];
  }

  const Geometry g_;
  const double value_;
  int64_t before_;
};

void check(const Params& p) {
  MIXNET_CHECK(p.pad_width.ndim() == 8 || p.pad_width.ndim() == 10, invalid,
               "pad_width: expected 8 or 10 numbers, a pair for each of 4 or 5 axes, got ", p.pad_width);
  for (int i = 0; i < 4; ++i) {
    MIXNET_CHECK(p.pad_width[i] == 0, invalid, "pad_width: expected 0 for the first two axes, got ", p.pad_width);
  }
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  const int ndim = p.pad_width.ndim() / 2;
  c.expect_ndim(0, ndim, ndim);
  if (!c.in[0].ndim_known()) return;
  Shape out = c.in[0];
  for (int i = 0; i < ndim; ++i) {
    const int64_t n = out[i], widest = std::max(p.pad_width[2 * i], p.pad_width[2 * i + 1]);
    if (n < 0) continue;
    const bool fits = widest == 0 || p.mode == Mode::constant || (p.mode == Mode::edge ? n > 0 : widest < n);
    if (!fits) c.fail(Code::shape, concat("pad_width: expected less than ", n, " on axis ", i, ", got ", p.pad_width));
    out[i] = n + p.pad_width[2 * i] + p.pad_width[2 * i + 1];
  }
  c.set_out(0, out);
}

//[full
// The gradient of an element is the sum over its copies, which are a product of the copies along each axis.
class Backward : public Kernel {
 public:
  explicit Backward(const PrepareContext& c) : g_(c.params<Params>(), c.outputs[0].shape) {
    for (int k = 0; k < 3; ++k) {
      copies_[k].resize(static_cast<size_t>(g_.in[k]));
      for (int64_t i = 0; i < g_.in[k]; ++i) {
        const Axis::Copies copies = g_.volume.axis[k].copies(i);
        for (int part = 0; part < 3; ++part) {
          for (int64_t at = copies.begin[part]; at < copies.end[part]; ++at)
            copies_[k][static_cast<size_t>(i)].push_back(at);
        }
      }
    }
  }
  void run(const RunContext& r) const override {
    dispatch_float(r.in[0].dtype, "Pad", [&](auto tag) { lines(r, tag); });
  }

 private:
  template <class T>
  void lines(const RunContext& r, TypeTag<T>) const {
    using A = accumulator_t<T>;
    const int64_t rows = g_.in[0] * g_.in[1], n = g_.in[2], plane = g_.out[0] * g_.out[1] * g_.out[2];
    parallel_for(g_.planes * rows, std::max<int64_t>(1, 4096 / std::max<int64_t>(1, n)), [&](int64_t a, int64_t b) {
      for (int64_t i = a; i < b; ++i) {
        const T* dy = r.in[0].as<T>() + i / rows * plane;
        const size_t d = static_cast<size_t>(i % rows / g_.in[1]), h = static_cast<size_t>(i % g_.in[1]);
        for (int64_t w = 0; w < n; ++w) {
          A sum = 0;
          for (int64_t z : copies_[0][d]) {
            for (int64_t y : copies_[1][h]) {
              const T* row = dy + (z * g_.out[1] + y) * g_.out[2];
              for (int64_t x : copies_[2][static_cast<size_t>(w)]) sum += static_cast<A>(row[x]);
            }
          }
          r.out[0].as<T>()[i * n + w] = static_cast<T>(sum);
        }
      }
    });
  }

  const Geometry g_;
  std::vector<std::vector<int64_t>> copies_[3];
};
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
void gradient(GradientContext& g) { g.set(0, g.make_backward("_backward_Pad", {g.output_grad(0), g.input(0)})[0]); }
//]

template <class K>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<K>(c);
}

void add_params(OpBuilder<Params>& op) {
  op.param("mode", &Params::mode, {"constant", "edge", "reflect"})
      .required()
      .doc("What the border holds: one number, the nearest element, or the image mirrored at its edge.");
  op.param("pad_width", &Params::pad_width)
      .required()
      .range(0)
      .doc(
          "Width before and after for every axis, (0, 0, 0, 0, top, bottom, left, right); the first two axes get "
          "none.");
  op.param("constant_value", &Params::constant_value).doc("The number of mode constant.");
  op.check(check);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "Pad");
  op.alias("pad");
  add_params(op);
  op.input("data", "(N, C, H, W) or (N, C, D, H, W), any dtype.").infer_shape(infer).prepare(prepare<Forward>);
  //[full
  op.doc("Adds a border to the spatial axes of images or volumes.").gradient(gradient);
  for (const char* mode : {"constant", "edge", "reflect"}) {
    op.sample({{1, 2, 3, 4}}, {{"mode", mode}, {"pad_width", Shape{0, 0, 0, 0, 1, 2, 3, 0}}, {"constant_value", 2.5}});
    op.sample({{1, 1, 2, 3, 2}}, {{"mode", mode}, {"pad_width", Shape{0, 0, 0, 0, 1, 0, 1, 2, 0, 1}}});
  }
  for (const char* mode : {"edge", "reflect"}) {
    op.sample({{1, 1, 4, 6}}, {{"mode", mode}, {"pad_width", Shape{0, 0, 0, 0, 3, 2, 5, 4}}});
  }
  op.sample({{1, 1, 1, 1}}, {{"mode", "edge"}, {"pad_width", Shape{0, 0, 0, 0, 1, 1, 2, 0}}});
  op.sample({{0, 1, 2, 2}}, {{"mode", "reflect"}, {"pad_width", Shape{0, 0, 0, 0, 1, 1, 0, 1}}});
  op.sample({{1, 1, 0, 2}}, {{"mode", "constant"}, {"pad_width", Shape{0, 0, 0, 0, 1, 1, 0, 1}}});

  OpBuilder<Params> grad(registry, "_backward_Pad");
  add_params(grad);
  grad.hidden().input("output_grad").input("data").shape_only({1}).infer_shape(infer_backward);
  grad.prepare(prepare<Backward>).no_gradient("linear; use Pad for higher orders");
  //]
}

}  // namespace mixnet::op::pad
