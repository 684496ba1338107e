#include "io/image_augment_params.h"

#include "codec/image.h"

namespace mixnet {
namespace {

// Several parameters share a sentence.
constexpr const char* scale_text =
    "both sides are multiplied by a number from min_random_scale to max_random_scale; unless random_resized_crop";
constexpr const char* area_text =
    "the share of the image's area that random_resized_crop takes is from min_random_area to max_random_area";
constexpr const char* crop_text =
    "a square of min_crop_size to max_crop_size pixels is cut out, and resized; unless random_resized_crop; -1: none";

ParamField field(ParamField f, std::string doc) {
  FieldBuilder(&f).doc(std::move(doc));
  return f;
}

ParamField field(ParamField f, double minimum, double maximum, std::string doc) {
  FieldBuilder(&f).range(minimum, maximum).doc(std::move(doc));
  return f;
}

using P = ImageAugmentParams;

std::vector<ParamField> places() {
  return {
      field(make_field("resize", &P::resize), "pixels of the shorter side, before everything else; -1: as it is"),
      field(make_field("rand_crop", &P::rand_crop), "crop anywhere instead of in the middle"),
      field(make_field("random_resized_crop", &P::random_resized_crop),
            "crop a random share of the area, of random aspect, and resize it to the data shape"),
      field(make_field("max_rotate_angle", &P::max_rotate_angle), 0, 360, "whole degrees, to either side"),
      field(make_field("rotate", &P::rotate), -1, 360, "degrees; above 0 in place of max_rotate_angle"),
      field(make_field("max_aspect_ratio", &P::max_aspect_ratio), 0, 1e6,
            "aspect from 1 - max_aspect_ratio to 1 + max_aspect_ratio, or from min_aspect_ratio to max_aspect_ratio"),
      field(make_field("min_aspect_ratio", &P::min_aspect_ratio), 1e-6, 1e6, "see max_aspect_ratio"),
      field(make_field("max_shear_ratio", &P::max_shear_ratio), 0, 100, "(x, y) to (x + m y, y), m to either side"),
      field(make_field("max_crop_size", &P::max_crop_size), -1, static_cast<double>(max_image_side), crop_text),
      field(make_field("min_crop_size", &P::min_crop_size), -1, static_cast<double>(max_image_side), crop_text),
      field(make_field("max_random_scale", &P::max_random_scale), 1e-6, 1e6, scale_text),
      field(make_field("min_random_scale", &P::min_random_scale), 1e-6, 1e6, scale_text),
      field(make_field("max_random_area", &P::max_random_area), 0, 1e6, area_text),
      field(make_field("min_random_area", &P::min_random_area), 0, 1e6, area_text),
      field(make_field("max_img_size", &P::max_img_size), 1, 1e30, "limit of both sides after scaling and turning"),
      field(make_field("min_img_size", &P::min_img_size), 0, 1e30, "limit of both sides after scaling and turning"),
      field(make_field("pad", &P::pad), 0, static_cast<double>(max_image_side),
            "pixels added on each side, before the crop"),
      field(make_field("fill_value", &P::fill_value), 0, 255, "of pixels that padding and turning bring in"),
      field(
          make_field("inter_method", &P::inter_method),
          "0 nearest, 1 bilinear, 2 bicubic, 3 area, 4 Lanczos, 9 area to smaller and bicubic to larger sizes, 10 any"),
      field(make_field("scaled_decode", &P::scaled_decode),
            "decode large JPEG files at a smaller size before any resize, not only before one by area (MXNet has no "
            "such option)"),
  };
}

std::vector<ParamField> colours() {
  return {
      field(make_field("brightness", &P::brightness), 0, 1000, "factor from 1 - brightness to 1 + brightness"),
      field(make_field("contrast", &P::contrast), 0, 1000,
            "distance from mean grey, times 1 - contrast to 1 + contrast"),
      field(make_field("saturation", &P::saturation), 0, 1000,
            "distance from each pixel's grey, times 1 - saturation to 1 + saturation"),
      field(make_field("pca_noise", &P::pca_noise), 0, 1000,
            "deviation of the noise along the principal colours of ImageNet"),
      field(make_field("random_h", &P::random_h), 0, 255, "hue in half degrees, to either side"),
      field(make_field("random_s", &P::random_s), 0, 255, "HLS saturation in 1/255, to either side"),
      field(make_field("random_l", &P::random_l), 0, 255, "HLS lightness in 1/255, to either side"),
  };
}

}  // namespace

std::vector<ParamField> image_augment_fields() {
  std::vector<ParamField> all = places();
  for (ParamField& f : colours()) all.push_back(std::move(f));
  return all;
}

void check_image_shape(const Shape& shape, const std::string& place) {
  MIXNET_CHECK(shape.ndim() == 3 && (shape[0] == 1 || shape[0] == 3 || shape[0] == 4), invalid, "[", place,
               "] data_shape: expected (1, 3 or 4 channels, height, width), got ", shape);
  for (const int64_t side : {shape[1], shape[2]}) {
    MIXNET_CHECK(side > 0 && side <= max_image_side, invalid, "[", place, "] data_shape: expected sides of 1 to ",
                 max_image_side, ", got ", shape);
  }
}

void check_interpolation(int64_t method, const std::string& place) {
  MIXNET_CHECK((method >= 0 && method <= 4) || method == 9 || method == 10, invalid, "[", place,
               "] inter_method: expected 0, 1, 2, 3, 4, 9 or 10, got ", method);
}

void check_image_augment(const P& p, const Shape& shape, const std::string& place) {
  check_image_shape(shape, place);
  check_interpolation(p.inter_method, place);
  const auto ordered = [&](const char* low_name, double low, const char* high_name, double high) {
    MIXNET_CHECK(low <= high, invalid, "[", place, "] ", low_name, ": expected at most ", high_name, ", got ", low,
                 " and ", high);
  };
  MIXNET_CHECK(p.resize == -1 || (p.resize > 0 && p.resize <= max_image_side), invalid, "[", place,
               "] resize: expected -1 or 1 to ", max_image_side, ", got ", p.resize);
  ordered("min_random_scale", p.min_random_scale, "max_random_scale", p.max_random_scale);
  ordered("min_random_area", p.min_random_area, "max_random_area", p.max_random_area);
  ordered("min_img_size", p.min_img_size, "max_img_size", p.max_img_size);
  if (p.min_aspect_ratio) ordered("min_aspect_ratio", *p.min_aspect_ratio, "max_aspect_ratio", p.max_aspect_ratio);
  else ordered("max_aspect_ratio", p.max_aspect_ratio, "1 without min_aspect_ratio", 1 - 1e-6);
  if (p.max_crop_size == -1 && p.min_crop_size == -1) return;
  MIXNET_CHECK(p.min_crop_size > 0 && p.min_crop_size <= p.max_crop_size, invalid, "[", place,
               "] min_crop_size, max_crop_size: expected both, in order, got ", p.min_crop_size, " and ",
               p.max_crop_size);
}

Interpolation drawn_interpolation(int64_t method, Draws* draws) {
  const int64_t any = draws->below(5);
  return static_cast<Interpolation>(method == 10 ? any : method);
}

}  // namespace mixnet
