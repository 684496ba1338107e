// shape_array and size_array: the extents of a tensor, or their product, as an int64 tensor.
#include "op/core/builder.h"

namespace mixnet::op::shape_array {
namespace {

void shape(const NoParams&, const RunContext& r) {
  std::copy_n(r.in[0].shape.data(), r.in[0].ndim(), r.out[0].as<int64_t>());
}
void size(const NoParams&, const RunContext& r) { *r.out[0].as<int64_t>() = r.in[0].size(); }

void infer_shape(InferShape& c) {
  if (c.in[0].ndim_known()) c.set_out(0, Shape{c.in[0].ndim()});
}
void infer_size(InferShape& c) { c.set_out(0, Shape{1}); }
void infer_type(InferType& c) { c.set_out(0, DType::i64); }

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> extents(registry, "shape_array");
  extents.input("data", "Any shape and dtype.").shape_only({0}).infer_shape(infer_shape).infer_type(infer_type);
  extents.kernel(shape).zero_gradient();
  OpBuilder<> count(registry, "size_array");
  count.input("data", "Any shape and dtype.").shape_only({0}).infer_shape(infer_size).infer_type(infer_type);
  count.kernel(size).zero_gradient();
  //[full
  extents.doc("The shape of data as an int64 tensor of shape (ndim,).");
  count.doc("The number of elements of data as an int64 tensor of shape (1,).");
  for (OpBuilder<>* op : {&extents, &count}) {
    op->sample({{2, 3, 4}});
    op->sample({{1}});
    op->sample({{0, 2}});
  }
  //]
}

}  // namespace mixnet::op::shape_array
