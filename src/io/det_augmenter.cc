#include "io/det_augmenter.h"

#include <algorithm>
#include <cstring>

#include "codec/colour.h"
#include "io/det_augment_params.h"
#include "io/det_crop.h"
#include "io/image_augment_params.h"
#include "io/lazy_picture.h"

namespace mixnet {
namespace {

using P = DetAugmentParams;

// What is drawn before anything is known of the image.
struct Drawn {
  Interpolation interpolation;
  int hue, saturation, lightness;
  double contrast;
  bool mirrored, cropped;
  double canvas, canvas_y, canvas_x;  // 1: none; where on it
  uint64_t crop_seed;

  Drawn(const P& p, Draws* draws) : interpolation(drawn_interpolation(p.inter_method, draws)) {
    const auto step = [&](int64_t most, double share) {
      const auto value = static_cast<int>(draws->below(2 * most + 1) - most);
      return draws->chance(share) ? value : 0;
    };
    hue = step(p.max_random_hue, p.random_hue_prob);
    saturation = step(p.max_random_saturation, p.random_saturation_prob);
    lightness = step(p.max_random_illumination, p.random_illumination_prob);
    contrast = 1 + draws->uniform(-p.max_random_contrast, p.max_random_contrast);
    if (!draws->chance(p.random_contrast_prob)) contrast = 1;
    mirrored = draws->chance(p.rand_mirror_prob);
    canvas = draws->uniform(1, p.max_pad_scale);
    if (!draws->chance(p.rand_pad_prob)) canvas = 1;
    canvas_y = draws->uniform();
    canvas_x = draws->uniform();
    cropped = draws->chance(p.rand_crop_prob);
    // Crops are drawn until one fits: from numbers of their own.
    crop_seed = draws->word();
  }
};

// The canvas seen from the picture: its first row and column are above and left of the picture's.
Region canvas_of(const Drawn& drawn, const Extents& from) {
  const auto side = [&](int64_t extent) { return static_cast<int64_t>(static_cast<double>(extent) * drawn.canvas); };
  const Extents size{std::max(from.height, side(from.height)), std::max(from.width, side(from.width))};
  const auto before = [](double u, int64_t room) { return static_cast<int64_t>(u * static_cast<double>(room + 1)); };
  return {-before(drawn.canvas_y, size.height - from.height), -before(drawn.canvas_x, size.width - from.width),
          size.height, size.width};
}

DetBox box_of(const Region& r, const Extents& all) {
  const auto height = static_cast<double>(all.height), width = static_cast<double>(all.width);
  return {static_cast<double>(r.left) / width, static_cast<double>(r.top) / height,
          static_cast<double>(r.left + r.width) / width, static_cast<double>(r.top + r.height) / height};
}

void mirror(Image* image) {
  const int64_t channels = image->channels();
  for (int64_t y = 0; y < image->height(); ++y) {
    uint8_t* row = image->row(y);
    for (int64_t a = 0, b = image->width() - 1; a < b; ++a, --b) {
      std::swap_ranges(row + a * channels, row + (a + 1) * channels, row + b * channels);
    }
  }
}

class Augmenter final : public DetAugmenter {
 public:
  Augmenter(const P& params, const Shape& shape) : params_(params), channels_(shape[0]), shape_{shape[1], shape[2]} {}

  Image operator()(Span<const uint8_t> file, Draws* draws, std::vector<float>* labels, Extents* filled) const override {
    const Drawn drawn(params_, draws);
    DetObjects objects(*labels);
    LazyPicture picture(file, channels_);
    if (params_.resize > 0) {
      const Extents from = picture.extents();
      picture.resize(resized_short(from.height, from.width, params_.resize), drawn.interpolation);
    }
    const Extents all = picture.extents();
    if (drawn.mirrored) objects.mirror();
    Region part = wanted(drawn, all, &objects);
    // The picture itself is mirrored last, when little is left of it.
    if (drawn.mirrored) part.left = all.width - part.left - part.width;
    *filled = final_extents(part);
    Image image = taken(picture, part, *filled, drawn);
    if (drawn.mirrored) mirror(&image);
    *labels = objects.labels();
    return with_border(std::move(image));
  }

 private:
  // The part of the picture, or around it, that is to be seen.
  Region wanted(const Drawn& drawn, const Extents& all, DetObjects* objects) const {
    Region part = canvas_of(drawn, all);
    objects->look_from(box_of(part, all));
    if (!drawn.cropped) return part;
    Draws draws(drawn.crop_seed, 0, 0);
    const Extents canvas{part.height, part.width};
    const auto crop = draw_det_crop(params_, objects->boxes(), canvas, &draws);
    if (!crop) return part;
    objects->look_from(box_of(*crop, canvas), &params_);
    return {part.top + crop->top, part.left + crop->left, crop->height, crop->width};
  }

  Extents final_extents(const Region& part) const {
    if (params_.resize_mode == DetResize::force) return shape_;
    if (params_.resize_mode == DetResize::shrink && part.height <= shape_.height && part.width <= shape_.width) {
      return {part.height, part.width};
    }
    if (part.height * shape_.width > part.width * shape_.height) {
      return {shape_.height, std::max<int64_t>(1, part.width * shape_.height / part.height)};
    }
    return {std::max<int64_t>(1, part.height * shape_.width / part.width), shape_.width};
  }

  // Colours are changed before the canvas comes in, and where possible after the picture has become smaller.
  Image taken(const LazyPicture& picture, const Region& part, const Extents& to, const Drawn& drawn) const {
    const Extents all = picture.extents();
    const int64_t top = std::max<int64_t>(0, part.top), left = std::max<int64_t>(0, part.left);
    const int64_t bottom = std::min(all.height, part.top + part.height),
                  right = std::min(all.width, part.left + part.width);
    const Region seen{top, left, bottom - top, right - left};
    if (seen.height == part.height && seen.width == part.width) {
      Image image = picture.take(seen, to, drawn.interpolation);
      change(drawn, &image);
      return image;
    }
    const PixelValue value = grey_pixel(static_cast<uint8_t>(params_.fill_value));
    if (seen.height <= 0 || seen.width <= 0) {
      Image empty(to.height, to.width, channels_);
      std::memset(empty.data(), value[0], static_cast<size_t>(empty.bytes()));
      return empty;
    }
    Image image = picture.take(seen);
    change(drawn, &image);
    const BorderWidths around{top - part.top, part.top + part.height - bottom, left - part.left,
                              part.left + part.width - right};
    return resize(add_border(image, around, Border::constant, value), to.height, to.width, drawn.interpolation);
  }

  static void change(const Drawn& drawn, Image* image) {
    if (drawn.hue != 0 || drawn.saturation != 0 || drawn.lightness != 0) {
      shift_hls(image, drawn.hue, drawn.lightness, drawn.saturation);
    }
    if (drawn.contrast != 1) scale_colours(image, drawn.contrast);
  }

  Image with_border(Image image) const {
    if (image.height() == shape_.height && image.width() == shape_.width) return image;
    return add_border(image, {0, shape_.height - image.height(), 0, shape_.width - image.width()}, Border::constant);
  }

  const P params_;
  const int64_t channels_;
  const Extents shape_;
};

}  // namespace

std::unique_ptr<DetAugmenter> make_det_augmenter(const P& params, const Shape& data_shape, const std::string& place) {
  check_det_augment(params, data_shape, place);
  return std::make_unique<Augmenter>(params, data_shape);
}

}  // namespace mixnet
