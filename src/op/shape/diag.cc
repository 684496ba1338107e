// diag: a diagonal of a tensor, or the matrix that has a vector on its diagonal.
#include "op/core/builder.h"
#include "op/core/movement.h"

namespace mixnet::op::diag {
namespace {

struct Params {
  int64_t k = 0, axis1 = 0, axis2 = 1;
};

// Diagonal k of the two axes: how long it is, where it begins, and the distance of its elements.
struct Diagonal {
  int a, b;
  int64_t length, offset, step;
  Diagonal(const Params& p, const Shape& s)
      : a(normalize_axis(p.axis1, s.ndim(), "diag")), b(normalize_axis(p.axis2, s.ndim(), "diag")) {
    const auto strides = row_major_strides(s);
    const int64_t sa = strides[static_cast<size_t>(a)], sb = strides[static_cast<size_t>(b)];
    length = p.k >= 0 ? std::min(s[a], s[b] - p.k) : std::min(s[a] + p.k, s[b]);
    offset = p.k >= 0 ? p.k * sb : -p.k * sa;
    step = sa + sb;
  }
};

// Copies between the diagonal of `whole` and `line`.
void copy_diagonal(const Params& p, Stream* stream, const TensorView& whole, const TensorView& line, bool to_line) {
  if (line.size() == 0) return;
  const Diagonal d(p, whole.shape);
  const auto strides = row_major_strides(whole.shape), out = row_major_strides(line.shape);
  StridedLoop<2> loop;
  auto add = [&](int64_t extent, int64_t in_line, int64_t in_whole) {
    if (to_line) loop.add(extent, {in_line, in_whole});
    else loop.add(extent, {in_whole, in_line});
  };
  size_t kept = 0;
  for (int i = 0; i < whole.ndim(); ++i) {
    if (i != d.a && i != d.b) add(whole.shape[i], out[kept++], strides[static_cast<size_t>(i)]);
  }
  add(d.length, 1, d.step);
  const int64_t item = dtype_size(whole.dtype);
  char* start = whole.as<char>() + d.offset * item;
  if (to_line) copy_strided(stream, loop, line.data, start, item);
  else copy_strided(stream, loop, start, line.data, item);
}

// Zeros with a vector on diagonal k.
void make_matrix(int64_t k, Stream* stream, const TensorView& vector, const TensorView& matrix) {
  set_zero(stream, matrix);
  copy_diagonal({k, 0, 1}, stream, matrix, vector, false);
}

void forward(const Params& p, const RunContext& r) {
  if (r.in[0].ndim() == 1) make_matrix(p.k, r.context.stream, r.in[0], r.out[0]);
  else copy_diagonal(p, r.context.stream, r.in[0], r.out[0], true);
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  const Shape& in = c.in[0];
  c.expect_ndim(0, 1, Shape::max_ndim);
  if (!in.known()) return;
  if (in.ndim() == 1) {
    const int64_t n = in[0] + std::abs(p.k);
    return c.set_out(0, Shape{n, n});
  }
  const std::string place = c.place();
  const int a = normalize_axis(p.axis1, in.ndim(), place.c_str()),
            b = normalize_axis(p.axis2, in.ndim(), place.c_str());
  if (a == b) c.fail(Code::invalid, concat("axis2: expected another axis than axis1, got ", p.axis2));
  const int64_t length = Diagonal(p, in).length;
  if (length < 0) c.fail(Code::invalid, concat("k: expected a diagonal of ", in, ", got ", p.k));
  Shape out;
  for (int i = 0; i < in.ndim(); ++i) {
    if (i != a && i != b) out.push_back(in[i]);
  }
  out.push_back(length);
  c.set_out(0, out);
}

//[full
void backward(const Params& p, const RunContext& r) {
  if (r.out[0].ndim() == 1) return copy_diagonal({p.k, 0, 1}, r.context.stream, r.in[0], r.out[0], true);
  set_zero(r.context.stream, r.out[0]);
  copy_diagonal(p, r.context.stream, r.out[0], r.in[0], false);
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
void gradient(GradientContext& g) { g.set(0, g.make_backward("_backward_diag", {g.output_grad(0), g.input(0)})[0]); }
//]

void add_params(OpBuilder<Params>& op) {
  op.param("k", &Params::k)
      .range(-2147483648.0, 2147483647.0)
      .doc("Which diagonal: above 0 to the right of the main one, below 0 to the left.");
  op.param("axis1", &Params::axis1).doc("The axis of rows.");
  op.param("axis2", &Params::axis2).doc("The axis of columns.");
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "diag");
  add_params(op);
  op.input("data", "(n,) or at least two axes; any dtype.").infer_shape(infer);
  op.kernel(forward).gpu_kernel(forward);
  //[full
  op.doc(
      "Of a vector: the square matrix with it on diagonal k. Otherwise diagonal k of two axes, which are replaced by a "
      "last axis.");
  op.gradient(gradient);
  op.sample({{3}}, {{"k", 1}});
  op.sample({{3, 4}}, {{"k", -1}});
  op.sample({{2, 3, 4}}, {{"k", 1}, {"axis1", 0}, {"axis2", -1}});
  op.sample({{1}});
  op.sample({{0}});
  op.sample({{0, 3}});

  OpBuilder<Params> grad(registry, "_backward_diag");
  add_params(grad);
  grad.hidden().input("output_grad").input("data").shape_only({1}).infer_shape(infer_backward);
  grad.kernel(backward).gpu_kernel(backward);
  grad.no_gradient("linear; use diag for higher orders");
  //]
}

}  // namespace mixnet::op::diag
