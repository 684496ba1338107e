// _contrib_index_array: the index of every element.
#include "op/core/builder.h"

namespace mixnet::op::index_array {
namespace {

struct Params {
  std::optional<Shape> axes;
  // The axes whose indices are given.
  std::vector<int> chosen(int ndim, const char* place) const {
    std::vector<int> list;
    for (int i = 0; !axes && i < ndim; ++i) list.push_back(i);
    if (axes)
      for (int64_t a : *axes) list.push_back(normalize_axis(a, ndim, place));
    return list;
  }
};

void forward(const Params& p, const RunContext& r) {
  const Shape& s = r.in[0].shape;
  const std::vector<int> axes = p.chosen(s.ndim(), "index_array");
  int64_t* y = r.out[0].as<int64_t>();
  const int64_t n = s.size(), width = static_cast<int64_t>(axes.size());
  for (int64_t k = 0; k < width; ++k) {
    const int axis = axes[static_cast<size_t>(k)];
    const int64_t inner = s.size(axis + 1, s.ndim());
    for (int64_t i = 0; i < n; ++i) y[i * width + k] = i / inner % s[axis];
  }
}
void infer(InferShape& c) {
  if (!c.in[0].ndim_known()) return;
  Shape out = c.in[0];
  out.push_back(static_cast<int64_t>(c.params<Params>().chosen(out.ndim(), c.place().c_str()).size()));
  c.set_out(0, out);
}
void infer_type(InferType& c) { c.set_out(0, DType::i64); }

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_index_array");
  op.param("axes", &Params::axes).doc("The axes whose indices are given, in this order; none means all.");
  op.input("data", "Gives the shape.")
      .shape_only({0})
      .infer_shape(infer)
      .infer_type(infer_type)
      .kernel(forward)
      .zero_gradient();
  //[full
  op.doc("The index of every element along each of the axes: data's shape with one more dimension, int64.");
  op.sample({{2, 3}});
  op.sample({{2, 3, 2}}, {{"axes", Shape{-1, 0}}});
  op.sample({{1}});
  op.sample({{0, 2}});
  //]
}

}  // namespace mixnet::op::index_array
