// _image_flip_left_right and _image_flip_top_bottom: mirrored images, channels last; _image_random_flip_*: mirrored or not.
#include <cstring>

#include "op/core/builder.h"

namespace mixnet::op::image_flip {
namespace {

// Reverses `extent` blocks of bytes within each of the outer parts.
template <int FromEnd>
void forward(const NoParams&, const RunContext& r) {
  if (r.out[0].size() == 0) return;
  const Shape& s = r.in[0].shape;
  const int axis = s.ndim() - FromEnd;
  const int64_t outer = s.size(0, axis), extent = s[axis],
                block = s.size(axis + 1, s.ndim()) * dtype_size(r.in[0].dtype);
  parallel_for(outer * extent, std::max<int64_t>(1, 65536 / block), [&](int64_t first, int64_t last) {
    for (int64_t k = first; k < last; ++k) {
      const int64_t mirrored = k / extent * extent + extent - 1 - k % extent;
      std::memcpy(r.out[0].as<char>() + k * block, r.in[0].as<char>() + mirrored * block, static_cast<size_t>(block));
    }
  });
}
// Mirrored in one of two runs.
template <int FromEnd>
void maybe(const NoParams& p, const RunContext& r) {
  if (philox(r.context.random, 0).word[0] >> 31) return forward<FromEnd>(p, r);
  if (r.out[0].size() > 0) std::memcpy(r.out[0].data, r.in[0].data, static_cast<size_t>(r.out[0].bytes()));
}
void infer(InferShape& c) {
  c.expect_ndim(0, 3, 4);
  c.all_same();
}

//[full
void left_right_gradient(GradientContext& g) { g.set(0, g.make("_image_flip_left_right", {g.output_grad(0)})); }
void top_bottom_gradient(GradientContext& g) { g.set(0, g.make("_image_flip_top_bottom", {g.output_grad(0)})); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> columns(registry, "_image_flip_left_right"), rows(registry, "_image_flip_top_bottom");
  OpBuilder<> some_columns(registry, "_image_random_flip_left_right"),
      some_rows(registry, "_image_random_flip_top_bottom");
  columns.kernel(forward<2>);
  rows.kernel(forward<3>);
  some_columns.kernel(maybe<2>);
  some_rows.kernel(maybe<3>);
  for (OpBuilder<>* op : {&some_columns, &some_rows})
    op->random().no_gradient("varies data; nothing is trained through it");
  for (OpBuilder<>* op : {&columns, &rows, &some_columns, &some_rows}) {
    op->input("data", "(H, W, C) or (N, H, W, C), any dtype.").infer_shape(infer);
    //[full
    op->sample({{3, 4, 2}});
    op->sample({{2, 2, 3, 1}});
    op->sample({{1, 1, 1}});
    op->sample({{0, 2, 2, 3}});
    //]
  }
  //[full
  columns.doc("Images mirrored so that left is right.").gradient(left_right_gradient);
  rows.doc("Images mirrored so that top is bottom.").gradient(top_bottom_gradient);
  some_columns.doc("Images mirrored so that left is right, all or none, each as likely.");
  some_rows.doc("Images mirrored so that top is bottom, all or none, each as likely.");
  //]
}

}  // namespace mixnet::op::image_flip
