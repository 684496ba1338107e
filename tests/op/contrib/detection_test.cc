// Detection operators on small inputs; the numbers are MXNet 1.9.1's. Boxes, indices and counts that make no sense are safe.
#include <doctest/doctest.h>

#include <cmath>

#include "../run_op.h"

namespace mixnet::test {
namespace {

Tensor sines(const Shape& shape) {
  Tensor t(shape, DType::f32);
  for (int64_t i = 0; i < t.size(); ++i) t.set(i, std::sin(static_cast<double>(i)));
  return t;
}
void check_values(const Tensor& got, const std::vector<double>& want) {
  REQUIRE(got.size() == static_cast<int64_t>(want.size()));
  for (size_t i = 0; i < want.size(); ++i)
    CHECK(std::fabs(got.get(static_cast<int64_t>(i)) - want[i]) < 2e-5 * (1 + std::fabs(want[i])));
}
const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
const Tensor anchors = tensor({1, 4, 4}, {.1, .1, .4, .4, .2, .2, .6, .5, 0, 0, 1, 1, .5, .5, .9, .9});

}  // namespace

TEST_CASE("box_nms: what stays comes first, by score") {
  const Tensor rows =
      tensor({4, 6}, {0, .5, .1, .1, .2, .2, 1, .4, .1, .1, .2, .2, 0, .3, .1, .1, .14, .14, 2, .6, .5, .5, .7, .8});
  const Attributes force{{"overlap_thresh", 0.1}, {"id_index", 0}, {"force_suppress", true}};
  check_values(run_op("_contrib_box_nms", {rows}, force)[0],
               {2, .6, .5, .5, .7, .8, 0, .5, .1, .1, .2, .2, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1});
  const Tensor some = run_op("_contrib_box_nms", {rows}, {{"overlap_thresh", 0.1}, {"id_index", 0}, {"topk", 2}})[0];
  CHECK(some.get(6) == 0);
  CHECK(some.get(12) == -1);
  CHECK_THROWS_WITH_AS(run_op("_contrib_box_nms", {rows}, {{"coord_start", 3}}),
                       "[_contrib_box_nms tested] coord_start: expected a place in rows of 6, got 3", Error);
}

TEST_CASE("bipartite_matching: the best pair first") {
  const std::vector<Tensor> y =
      run_op("_contrib_bipartite_matching", {tensor({3, 2}, {.5, .6, .1, .2, .3, .4})}, {{"threshold", 0.15}});
  check_values(y[0], {1, -1, 0});
  check_values(y[1], {2, 0});
}

TEST_CASE("MultiBoxTarget: anchors take boxes, the least sure background counts") {
  const Tensor labels = tensor({1, 3, 5}, {1, .1, .1, .35, .42, 0, .5, .5, .9, .95, -1, -1, -1, -1, -1});
  const auto y =
      run_op("_contrib_MultiBoxTarget", {anchors, labels, sines({1, 3, 4})}, {{"negative_mining_ratio", 0.5}});
  check_values(y[0], {-.833333, .333333, -.911608, .322692, 0, 0, 0, 0, 0, 0, 0, 0, 0, .625001, 0, .588915});
  check_values(y[1], {1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1});
  check_values(y[2], {2, 0, -1, 1});
}

TEST_CASE("MultiBoxDetection: suppressed boxes lose their class") {
  const Tensor p =
      run_op("softmax", {run_op("_mul_scalar", {sines({1, 3, 4})}, {{"scalar", 2.0}})[0]}, {{"axis", 1}})[0];
  check_values(run_op("_contrib_MultiBoxDetection", {p, sines({1, 16}), anchors},
                      {{"nms_threshold", 0.1}, {"force_suppress", true}})[0],
               {1,  .855669, .0700832, .12095,  .429917, .429538, 0,  .717998,  .434715, .489028, .922359, .944585,
                -1, .29201,  .180598,  .150169, .558858, .492295, -1, .0808656, .150483, .131846, 1,       .950578});
}

TEST_CASE("Proposal: too few regions are repeated") {
  Tensor scores = sines({1, 6, 2, 2}), offsets = sines({1, 12, 2, 2});
  for (int64_t i = 0; i < scores.size(); ++i) scores.set(i, (scores.get(i) + 1) / 2);
  for (int64_t i = 0; i < offsets.size(); ++i) offsets.set(i, offsets.get(i) * .1);
  const Attributes a{{"scales", std::vector<double>{2}},
                     {"ratios", std::vector<double>{.5, 1, 2}},
                     {"rpn_post_nms_top_n", 3},
                     {"output_score", true},
                     {"threshold", 0.3},
                     {"rpn_min_size", 4}};
  const auto y = run_op("_contrib_Proposal", {scores, offsets, tensor({1, 3}, {32, 32, 1})}, a);
  check_values(y[0], {0, 0, 10.0798, 31, 31, 0, 3.90309, 0, 31, 17.2135, 0, 0, 10.0798, 31, 31});
  check_values(y[1], {.995304, .710083, .995304});
}

TEST_CASE("pooling of position-sensitive and of turned regions") {
  const Tensor rois = tensor({2, 5}, {0, 0, 0, 2.2, 1.7, 0, 1, .5, 3, 2}), x = sines({1, 4, 3, 4});
  const Attributes grid{{"spatial_scale", 1.0}, {"output_dim", 1}, {"pooled_size", 2}};
  check_values(run_op("_contrib_PSROIPooling", {x, rois}, grid)[0],
               {-.218564, -.0754026, .289653, .169387, -.61917, -.300555, .764497, .512681});
  Attributes moved = grid;
  moved.insert(moved.end(), {{"group_size", 2}, {"part_size", 1}, {"trans_std", 0.3}, {"sample_per_part", 2}});
  check_values(run_op("_contrib_DeformablePSROIPooling", {x, rois, tensor({2, 2, 1, 1}, {.5, -.3, .5, -.3})}, moved)[0],
               {.294515, .799704, .0491826, -.228746, -.04515, .264086, .14549, -.175263});
  const Tensor turned = tensor({2, 6}, {0, 1.5, 1, 2, 2, 30, 0, 2, 1, 3, 1, -45});
  check_values(run_op("_contrib_RROIAlign", {sines({1, 1, 3, 4}), turned},
                      {{"pooled_size", Shape{1, 2}}, {"spatial_scale", 1.0}})[0],
               {-.394305, .123212, .205675, -.412647});
}

TEST_CASE("deformable convolution: taps between pixels") {
  const Attributes a{{"kernel", Shape{2, 2}}, {"num_filter", 1}};
  const Tensor x = sines({1, 2, 3, 3}), offset = sines({1, 8, 2, 2}), w = sines({1, 2, 2, 2}), b = tensor({1}, {.5});
  check_values(run_op("_contrib_DeformableConvolution", {x, offset, w, b}, a)[0], {-.167428, 2.25653, 1.0194, 1.18862});
  check_values(run_op("_contrib_ModulatedDeformableConvolution", {x, offset, sines({1, 4, 2, 2}), w, b}, a)[0],
               {.478871, 1.062, .228219, 1.04965});
}

TEST_CASE("boxes, indices and regions that are huge or no numbers are safe") {
  const Tensor rows =
      tensor({4, 6}, {0, nan, 0, 0, 1, 1, nan, 1, nan, 0, 1, 1, 0, inf, -inf, 0, inf, 1, 1e30, 2, 1, 1, 0, 0});
  const Tensor y = run_op("_contrib_box_nms", {rows}, {{"id_index", 0}})[0];
  CHECK(y.get(1) == inf);
  run_op("_contrib_box_iou", {tensor({2, 4}, {nan, 0, 1, 1, -inf, -inf, inf, inf}), tensor({1, 4}, {0, 0, 1, 1})});
  const Tensor wild = tensor({1, 2}, {1e30, nan}), one = tensor({1, 2}, {1, 1}), box = tensor({1, 1, 4}, {0, 0, 1, 1});
  run_op("_contrib_box_encode", {one, wild, tensor({1, 2, 4}, {0, 0, 1, 1, 0, 0, 0, 0}), box, tensor({4}, {0, 0, 0, 0}),
                                 tensor({4}, {1, 1, 1, 1})});
  const Tensor labels = tensor({1, 2, 5}, {nan, nan, 0, inf, 1, 1e30, 0, 0, nan, nan});
  run_op("_contrib_MultiBoxTarget", {anchors, labels, tensor({1, 1, 4}, {nan, inf, -inf, 0})},
         {{"negative_mining_ratio", 1e300}});
  run_op("_contrib_MultiBoxTarget", {anchors, labels, tensor({1, 1, 4}, {nan, inf, -inf, 0})},
         {{"negative_mining_ratio", nan}});
  run_op("_contrib_MultiBoxDetection",
         {tensor({1, 2, 4}, {0, 0, 0, 0, nan, inf, 1, 1}), tensor({1, 16}, std::vector<double>(16, nan)), anchors});
  const Tensor rois =
      tensor({4, 5}, {0, -1e30, -1e30, 1e30, 1e30, nan, 0, 0, 1, 1, 0, nan, nan, nan, nan, -5, 0, 0, 1, 1});
  const Attributes grid{{"spatial_scale", 1.0}, {"output_dim", 1}, {"pooled_size", 2}};
  run_op("_contrib_PSROIPooling", {sines({1, 4, 3, 4}), rois}, grid);
  Attributes moved = grid;
  moved.insert(moved.end(), {{"group_size", 2}, {"part_size", 1}, {"trans_std", 0.3}});
  run_op("_contrib_DeformablePSROIPooling",
         {sines({1, 4, 3, 4}), rois, tensor({4, 2, 1, 1}, {inf, nan, 1e30, 0, 0, 0, 0, 0})}, moved);
  run_op("_contrib_RROIAlign",
         {sines({1, 1, 3, 4}), tensor({2, 6}, {0, 1e30, nan, 1e30, inf, 30, 1e30, 0, 0, 0, 0, 0})},
         {{"pooled_size", Shape{1, 2}}, {"spatial_scale", 1.0}});
  const Tensor offset = tensor({1, 2, 1, 2}, {inf, nan, -1e30, 1e30}), w = tensor({1, 1, 1, 1}, {1});
  check_values(run_op("_contrib_DeformableConvolution", {sines({1, 1, 1, 2}), offset, w},
                      {{"kernel", Shape{1, 1}}, {"num_filter", 1}, {"no_bias", true}})[0],
               {0, 0});
  run_op("_contrib_Proposal",
         {tensor({1, 2, 1, 2}, {0, 0, nan, inf}), tensor({1, 4, 1, 2}, {nan, inf, 1e30, 0, 0, 0, 900, nan}),
          tensor({1, 3}, {nan, -inf, inf})},
         {{"scales", std::vector<double>{2}}, {"ratios", std::vector<double>{1}}, {"rpn_post_nms_top_n", 3}});
}

TEST_CASE("detection: parameters that make no sense are named") {
  CHECK_THROWS_AS(run_op("_contrib_MultiBoxPrior", {sines({1, 1, 2, 2})}, {{"sizes", std::vector<double>{}}}), Error);
  CHECK_THROWS_AS(run_op("_contrib_MultiBoxPrior", {sines({1, 1, 2, 2})}, {{"steps", std::vector<double>{-1, .3}}}),
                  Error);
  CHECK_THROWS_AS(run_op("_contrib_MultiBoxTarget", {anchors, sines({1, 2, 4}), sines({1, 1, 4})}), Error);
  CHECK_THROWS_AS(
      run_op("_contrib_DeformableConvolution", {sines({1, 1, 1, 2}), sines({1, 2, 1, 2}), sines({1, 1, 1, 1})},
             {{"kernel", Shape{1}}, {"num_filter", 1}, {"no_bias", true}}),
      Error);
  CHECK_THROWS_AS(run_op("_contrib_count_sketch", {sines({1, 2}), sines({2}), sines({2})}, {{"out_dim", -3}}), Error);
  CHECK_THROWS_AS(run_op("_sample_unique_zipfian", {}, {{"range_max", 3}, {"shape", Shape{4}}}), Error);
}

}  // namespace mixnet::test
