// Images with boxes, augmented together: what is cut out, moved or mirrored takes its boxes with it.
//
// Labels of an image are the width of their header (2 or more), that of an object (5 or more), what else the header has, and objects: class, left, top, right,
// bottom as shares of the image, what else. The steps: the shorter side to `resize`; hue, saturation, lightness and contrast; the mirror; a larger canvas
// around the image; the crop; the data shape. Objects that a crop leaves outside are dropped from the labels; a crop must keep one.
#pragma once
#include "base/span.h"
#include "codec/image.h"
#include "codec/resize.h"
#include "io/draws.h"
#include "op/core/param.h"

namespace mixnet {

enum class CropEmit { center = 0, overlap = 1 };
enum class DetResize { fit = 0, force = 1, shrink = 2 };

// MXNet's names and defaults. Tuples have one number for each crop sampler.
struct DetAugmentParams {
  int64_t resize = -1;
  double rand_crop_prob = 0;
  std::vector<double> min_crop_scales{0}, max_crop_scales{1};
  std::vector<double> min_crop_aspect_ratios{1}, max_crop_aspect_ratios{1};
  std::vector<double> min_crop_overlaps{0}, max_crop_overlaps{1};
  std::vector<double> min_crop_sample_coverages{0}, max_crop_sample_coverages{1};
  std::vector<double> min_crop_object_coverages{0}, max_crop_object_coverages{1};
  int64_t num_crop_sampler = 1;
  CropEmit crop_emit_mode = CropEmit::center;
  double emit_overlap_thresh = 0.3;
  Places max_crop_trials{25};
  double rand_pad_prob = 0, max_pad_scale = 1;
  int64_t max_random_hue = 0, max_random_saturation = 0, max_random_illumination = 0;
  double random_hue_prob = 0, random_saturation_prob = 0, random_illumination_prob = 0;
  double max_random_contrast = 0, random_contrast_prob = 0;
  double rand_mirror_prob = 0;
  int64_t fill_value = 127, inter_method = 1;
  DetResize resize_mode = DetResize::force;
};

std::vector<ParamField> det_augment_fields();

class DetAugmenter {
 public:
  virtual ~DetAugmenter() = default;
  // height x width x channels of the data shape; `filled` is what the picture takes of it, from row 0 and column 0 on, the rest being 0. Draws the same
  // numbers whatever the file and the labels hold. Throws Code::io for files that cannot be decoded and for labels of another form. Any number of threads.
  virtual Image operator()(Span<const uint8_t> file, Draws* draws, std::vector<float>* labels,
                           Extents* filled) const = 0;
};

// `data_shape` is channels, height, width. Throws Code::invalid "[place] name: expected ..., got ...".
std::unique_ptr<DetAugmenter> make_det_augmenter(const DetAugmentParams& params, const Shape& data_shape,
                                                 const std::string& place = "det_augmenter");

}  // namespace mixnet
