// One encoded image to the pixels of one example: decoding, resizing, turning, cropping and colours, as drawn.
//
// Steps are MXNet's, in its order: the shorter side to `resize`; rotation, shear, scale and aspect in one affine map; `pad`; the crop, and its resize to the
// data shape; brightness, contrast and saturation in any order; hue, lightness and saturation; noise along the principal colours.
//
// Only what the crop shows is decoded, and its pixels are those that decoding everything and cutting afterwards gives: exactly without resizing, within
// one of 255 with it. Where a resize averages over areas (inter_method 3, and 9 to smaller sizes) JPEG files are decoded at 1/2, 1/4 or 1/8 of their
// size when that is still 1.5 times as large as wanted: close to the same (more than 35 dB), and several times as fast. `scaled_decode` allows it with the other
// filters too, which look at few of a large picture's pixels: then the result is smoother than theirs.
#pragma once
#include "base/span.h"
#include "codec/image.h"
#include "io/draws.h"
#include "op/core/param.h"

namespace mixnet {

// MXNet's names and defaults.
struct ImageAugmentParams {
  int64_t resize = -1;
  bool rand_crop = false, random_resized_crop = false;
  int64_t max_rotate_angle = 0, rotate = -1;
  double max_aspect_ratio = 0, max_shear_ratio = 0;
  std::optional<double> min_aspect_ratio;
  int64_t max_crop_size = -1, min_crop_size = -1;
  double max_random_scale = 1, min_random_scale = 1;
  double max_random_area = 1, min_random_area = 1;
  double max_img_size = 1e10, min_img_size = 0;
  double brightness = 0, contrast = 0, saturation = 0, pca_noise = 0;
  int64_t random_h = 0, random_s = 0, random_l = 0;
  int64_t fill_value = 255, inter_method = 1, pad = 0;
  bool scaled_decode = false;
};

std::vector<ParamField> image_augment_fields();

class ImageAugmenter {
 public:
  virtual ~ImageAugmenter() = default;
  // height x width x channels of the data shape. Draws the same numbers whatever the file holds and the parameters say. Throws Code::io for files that
  // cannot be decoded, Code::invalid for images smaller than max_crop_size. Any number of threads.
  virtual Image operator()(Span<const uint8_t> file, Draws* draws) const = 0;
};

// `data_shape` is channels, height, width; 1, 3 or 4 channels. Throws Code::invalid "[place] name: expected ..., got ...".
std::unique_ptr<ImageAugmenter> make_image_augmenter(const ImageAugmentParams& params, const Shape& data_shape,
                                                     const std::string& place = "image_augmenter");

}  // namespace mixnet
