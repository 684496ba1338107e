// depth_to_space and space_to_depth: blocks of channels become blocks of pixels, and back.
#include "op/core/builder.h"
#include "op/core/movement.h"

namespace mixnet::op::depth_space {
namespace {

struct Params {
  int64_t block_size = 1;
};

// Copies between deep (N, b, b, C, H, W) and wide (N, C, H, b, W, b), in the direction of the shapes given.
void copy(Stream* stream, const Shape& deep, int64_t b, const TensorView& out, const TensorView& in, bool to_wide) {
  const int64_t c = deep[1] / (b * b), h = deep[2], w = deep[3], area = h * w;
  const int64_t extents[6] = {deep[0], c, h, b, w, b};
  const int64_t deep_strides[6] = {deep[1] * area, area, w, b * c * area, 1, c * area};
  const int64_t wide_strides[6] = {deep[1] * area, b * b * area, b * b * w, b * w, b, 1};
  StridedLoop<2> loop;
  for (int i = 0; i < 6; ++i) {
    if (to_wide) loop.add(extents[i], {wide_strides[i], deep_strides[i]});
    else loop.add(extents[i], {deep_strides[i], wide_strides[i]});
  }
  copy_strided(stream, loop, out.data, in.data, dtype_size(in.dtype));
}
void to_space(const Params& p, const RunContext& r) {
  copy(r.context.stream, r.in[0].shape, p.block_size, r.out[0], r.in[0], true);
}
void to_depth(const Params& p, const RunContext& r) {
  copy(r.context.stream, r.out[0].shape, p.block_size, r.out[0], r.in[0], false);
}

void divide(const InferShape& c, int64_t& extent, int64_t by) {
  if (extent < 0) return;
  if (extent % by != 0)
    c.fail(Code::shape, concat("data: expected an extent divisible by ", by, ", got ", extent, " in ", c.in[0]));
  extent /= by;
}
void multiply(int64_t& extent, int64_t by) {
  if (extent >= 0) extent *= by;
}
void infer_space(InferShape& c) {
  c.expect_ndim(0, 4, 4);
  if (!c.in[0].ndim_known()) return;
  const int64_t b = c.params<Params>().block_size;
  Shape out = c.in[0];
  divide(c, out[1], b * b);
  for (int i = 2; i < 4; ++i) multiply(out[i], b);
  c.set_out(0, out);
}
void infer_depth(InferShape& c) {
  c.expect_ndim(0, 4, 4);
  if (!c.in[0].ndim_known()) return;
  const int64_t b = c.params<Params>().block_size;
  Shape out = c.in[0];
  multiply(out[1], b * b);
  for (int i = 2; i < 4; ++i) divide(c, out[i], b);
  c.set_out(0, out);
}

//[full
void space_gradient(GradientContext& g) {
  g.set(0, g.make("space_to_depth", {g.output_grad(0)}, {{"block_size", g.params<Params>().block_size}}));
}
void depth_gradient(GradientContext& g) {
  g.set(0, g.make("depth_to_space", {g.output_grad(0)}, {{"block_size", g.params<Params>().block_size}}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> space(registry, "depth_to_space");
  space.param("block_size", &Params::block_size).required().range(1, 65536).doc("b: side of a block of pixels.");
  space.input("data", "(N, C b b, H, W), any dtype.").infer_shape(infer_space);
  space.kernel(to_space).gpu_kernel(to_space);
  OpBuilder<Params> depth(registry, "space_to_depth");
  depth.param("block_size", &Params::block_size).required().range(1, 65536).doc("b: side of a block of pixels.");
  depth.input("data", "(N, C, H b, W b), any dtype.").infer_shape(infer_depth);
  depth.kernel(to_depth).gpu_kernel(to_depth);
  //[full
  space.doc(
      "Moves channels into pixels: (N, b b C, H, W) becomes (N, C, H b, W b), where channel (i b + j) C + c gives the "
      "pixels (h b + i, w b + j) of channel c.");
  space.gradient(space_gradient);
  space.sample({{2, 8, 2, 3}}, {{"block_size", 2}});
  space.sample({{1, 1, 1, 1}}, {{"block_size", 1}});
  space.sample({{0, 4, 2, 3}}, {{"block_size", 2}});
  depth.doc("Moves pixels into channels: the inverse of depth_to_space.").gradient(depth_gradient);
  depth.sample({{2, 2, 4, 6}}, {{"block_size", 2}});
  depth.sample({{1, 1, 1, 1}}, {{"block_size", 1}});
  depth.sample({{0, 1, 2, 4}}, {{"block_size", 2}});
  //]
}

}  // namespace mixnet::op::depth_space
