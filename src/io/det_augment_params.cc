// The parameters of augmentation with boxes.
#include <cmath>

#include "io/det_augment_params.h"
#include "io/det_augmenter.h"
#include "io/image_augment_params.h"

namespace mixnet {
namespace {

using P = DetAugmentParams;

ParamField field(ParamField f, std::string doc) {
  FieldBuilder(&f).doc(std::move(doc));
  return f;
}

ParamField field(ParamField f, double minimum, double maximum, std::string doc) {
  FieldBuilder(&f).range(minimum, maximum).doc(std::move(doc));
  return f;
}

struct Tuple {
  const char* name;
  std::vector<double> P::* member;
  double maximum;
  const char* doc;
};

// Those with a number for each crop sampler; a lower limit stands before its upper one.
const std::vector<Tuple>& tuples() {
  static const std::vector<Tuple> all = {
      {"min_crop_scales", &P::min_crop_scales, 1, "least root of a crop's share of the area"},
      {"max_crop_scales", &P::max_crop_scales, 1, "greatest"},
      {"min_crop_aspect_ratios", &P::min_crop_aspect_ratios, 1e6, "least width of a crop over its height"},
      {"max_crop_aspect_ratios", &P::max_crop_aspect_ratios, 1e6, "greatest"},
      {"min_crop_overlaps", &P::min_crop_overlaps, 1,
       "what crop and object have in common, as a share of both together; the least that some object must have"},
      {"max_crop_overlaps", &P::max_crop_overlaps, 1, "the most that it may have"},
      {"min_crop_sample_coverages", &P::min_crop_sample_coverages, 1, "the same as a share of the crop"},
      {"max_crop_sample_coverages", &P::max_crop_sample_coverages, 1, "the same as a share of the crop"},
      {"min_crop_object_coverages", &P::min_crop_object_coverages, 1, "the same as a share of the object"},
      {"max_crop_object_coverages", &P::max_crop_object_coverages, 1, "the same as a share of the object"},
  };
  return all;
}

}  // namespace

std::vector<ParamField> det_augment_fields() {
  const auto share = [](const char* name, double P::* member, const char* doc) {
    return field(make_field(name, member), 0, 1, doc);
  };
  std::vector<ParamField> all = {
      field(make_field("resize", &P::resize), "pixels of the shorter side, before everything else; -1: as it is"),
      share("rand_crop_prob", &P::rand_crop_prob, "share of the images that are cropped"),
  };
  for (const Tuple& t : tuples()) all.push_back(field(make_field(t.name, t.member), 0, t.maximum, t.doc));
  const std::vector<ParamField> rest = {
      field(make_field("num_crop_sampler", &P::num_crop_sampler), 1, 1000,
            "how many kinds of crops the tuples describe"),
      field(make_field("crop_emit_mode", &P::crop_emit_mode, {"center", "overlap"}),
            "objects stay when their centre is in the crop, or when more than emit_overlap_thresh of them is"),
      share("emit_overlap_thresh", &P::emit_overlap_thresh, "see crop_emit_mode"),
      field(make_field("max_crop_trials", &P::max_crop_trials), 0, 1e5, "crops drawn before an image is left whole"),
      share("rand_pad_prob", &P::rand_pad_prob, "share of the images that are put on a larger canvas"),
      field(make_field("max_pad_scale", &P::max_pad_scale), 1, 1000, "most that the canvas's sides are longer"),
      field(make_field("max_random_hue", &P::max_random_hue), 0, 255, "half degrees, to either side"),
      share("random_hue_prob", &P::random_hue_prob, "share of the images with another hue"),
      field(make_field("max_random_saturation", &P::max_random_saturation), 0, 255, "in 1/255, to either side"),
      share("random_saturation_prob", &P::random_saturation_prob, "share of the images with another saturation"),
      field(make_field("max_random_illumination", &P::max_random_illumination), 0, 255, "in 1/255, to either side"),
      share("random_illumination_prob", &P::random_illumination_prob, "share of the images with another lightness"),
      field(make_field("max_random_contrast", &P::max_random_contrast), 0, 1000,
            "values are multiplied by 1 less or more so much"),
      share("random_contrast_prob", &P::random_contrast_prob, "share of the images that are multiplied"),
      share("rand_mirror_prob", &P::rand_mirror_prob, "share of the images that are mirrored left to right"),
      field(make_field("fill_value", &P::fill_value), 0, 255, "of the canvas"),
      field(
          make_field("inter_method", &P::inter_method),
          "0 nearest, 1 bilinear, 2 bicubic, 3 area, 4 Lanczos, 9 area to smaller and bicubic to larger sizes, 10 any"),
      field(make_field("resize_mode", &P::resize_mode, {"fit", "force", "shrink"}),
            "force: the data shape, whatever the aspect; fit: as large as fits in it; shrink: the same, but never "
            "larger than it was"),
  };
  all.insert(all.end(), rest.begin(), rest.end());
  return all;
}

void check_det_augment(const P& p, const Shape& shape, const std::string& place) {
  check_image_shape(shape, place);
  check_interpolation(p.inter_method, place);
  MIXNET_CHECK(p.resize == -1 || (p.resize > 0 && p.resize <= max_image_side), invalid, "[", place,
               "] resize: expected -1 or 1 to ", max_image_side, ", got ", p.resize);
  const auto count = static_cast<size_t>(p.num_crop_sampler);
  MIXNET_CHECK(p.max_crop_trials.size() == count, invalid, "[", place, "] max_crop_trials: expected ", count,
               " numbers (num_crop_sampler), got ", p.max_crop_trials.size());
  const std::vector<Tuple>& all = tuples();
  for (size_t t = 0; t < all.size(); ++t) {
    const std::vector<double>& values = p.*all[t].member;
    MIXNET_CHECK(values.size() == count, invalid, "[", place, "] ", all[t].name, ": expected ", count,
                 " numbers (num_crop_sampler), got ", values.size());
    if (t % 2 == 0) continue;
    for (size_t i = 0; i < count; ++i) {
      const double low = (p.*all[t - 1].member)[i];
      MIXNET_CHECK(low <= values[i], invalid, "[", place, "] ", all[t - 1].name, ": expected at most ", all[t].name,
                   ", got ", low, " and ", values[i]);
    }
  }
}

}  // namespace mixnet
