// _contrib_box_encode and _contrib_box_decode: boxes as offsets from anchors, for training and for reading a network's output.
#include "op/contrib/box_encode.h"

namespace mixnet::op::box_encode {
namespace {

std::unique_ptr<Kernel> prepare_encode(const PrepareContext& c) {
  return std::make_unique<WideKernel<NoParams>>(c, encode<OnHost>, 0);
}
void infer_encode(InferShape& c) {
  for (int i : {0, 1}) c.expect_ndim(i, 2, 2);
  for (int i : {2, 3}) c.expect_ndim(i, 3, 3);
  c.set_in(0, c.in[1]);
  c.set_in(1, c.in[0]);
  const Shape pairs = c.in[0].ndim_known() ? c.in[0] : Shape{-1, -1};
  c.set_in(2, Shape{-1, pairs[1], 4});
  c.set_in(3, Shape{pairs[0], -1, 4});
  const int64_t anchors = c.in[2][0];
  if (anchors > 1 && pairs[0] >= 0 && anchors != pairs[0])
    c.fail(Code::shape, concat("anchors: expected 1 or ", pairs[0], " times anchors, got ", c.in[2]));
  for (int i : {0, 1}) {
    c.set_in(i, Shape{c.in[3][0], c.in[2][1]});
    c.set_out(i, Shape{c.in[3][0], c.in[2][1], 4});
  }
  for (int i : {4, 5}) c.set_in(i, Shape{4});
}

std::unique_ptr<Kernel> prepare_decode(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, decode<OnHost>, 0);
}
void infer_decode(InferShape& c) {
  c.expect_ndim(0, 3, 3);
  c.expect_ndim(1, 3, 3);
  c.set_in(0, c.out[0]);
  c.set_in(0, Shape{-1, -1, 4});
  c.set_in(1, Shape{1, c.in[0][1], 4});
  c.set_in(0, Shape{-1, c.in[1][1], 4});
  c.set_out(0, c.in[0]);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> to(registry, "_contrib_box_encode");
  to.input("samples", "(B, N): above 0.5 where an anchor has a box.").input("matches", "(B, N): which, clipped.");
  to.input("anchors", "(B, N, 4) or (1, N, 4), corners.").input("refs", "(B, M, 4), corners: the boxes.");
  to.input("means", "(4,): taken off the offsets.").input("stds", "(4,): which they are divided by.");
  to.outputs({"output0", "output1"}).infer_shape(infer_encode).prepare(prepare_encode).zero_gradient();
  OpBuilder<Params> from(registry, "_contrib_box_decode");
  from.param("std0", &Params::std0).doc("Multiplies the offset of x.");
  from.param("std1", &Params::std1).doc("Multiplies the offset of y.");
  from.param("std2", &Params::std2).doc("Multiplies the logarithm of the width's factor.");
  from.param("std3", &Params::std3).doc("Multiplies the logarithm of the height's factor.");
  from.param("clip", &Params::clip).doc("Above 0: limits those logarithms.");
  from.param("format", &Params::format, box_formats()).doc("How anchors have boxes.");
  from.input("data", "(B, N, 4), float: offsets.").input("anchors", "(1, N, 4): boxes.");
  from.infer_shape(infer_decode).prepare(prepare_decode).zero_gradient();
  //[full
  to.doc(
      "Offsets of boxes from anchors, for training, (B, N, 4), and 1 where there is a box, (B, N, 4): the distance of "
      "centres in sizes of the anchor and the logarithms of the sizes' quotients, less means, over stds.");
  to.sample({{2, 3}, {2, 3}, {1, 3, 4}, {2, 2, 4}, {4}, {4}}).range(0.1, 1).integers({0, 1}, 2);
  to.sample({{2, 2}, {2, 2}, {2, 2, 4}, {2, 3, 4}, {4}, {4}}).range(0.1, 1).integers({0, 1}, 3);
  to.sample({{1, 1}, {1, 1}, {1, 1, 4}, {1, 2, 4}, {4}, {4}}).range(0.1, 1).integers({0, 1}, 2);
  to.sample({{1, 2}, {1, 2}, {1, 2, 4}, {1, 0, 4}, {4}, {4}}).range(0.1, 1).integers({0, 1}, 2);
  from.doc(
      "Boxes from their offsets to anchors, (B, N, 4), corners: what box_encode does, backwards. No gradient flows.");
  from.sample({{2, 3, 4}, {1, 3, 4}}, {{"std0", 0.1}, {"std2", 0.2}});
  from.sample({{1, 2, 4}, {1, 2, 4}}, {{"std1", 0.1}, {"std3", 0.2}, {"format", "corner"}, {"clip", 0.1}});
  from.sample({{1, 0, 4}, {1, 0, 4}});
  //]
}

}  // namespace mixnet::op::box_encode
