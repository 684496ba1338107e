#include "io/image_augmenter.h"

#include "io/colour_jitter.h"
#include "io/image_augment_params.h"
#include "io/image_crop.h"
#include "io/image_turn.h"

namespace mixnet {
namespace {

class Augmenter final : public ImageAugmenter {
 public:
  Augmenter(const ImageAugmentParams& params, const Shape& shape)
      : params_(params), channels_(shape[0]), to_{shape[1], shape[2]} {}

  Image operator()(Span<const uint8_t> file, Draws* draws) const override {
    const Interpolation interpolation = drawn_interpolation(params_.inter_method, draws);
    const ImageTurn turn = draw_turn(params_, draws);
    const CropDraws crop(draws);
    const ColourJitter colours(params_, draws);
    LazyPicture picture(file, channels_, params_.scaled_decode);
    place(turn, interpolation, &picture);
    Image image = crop_picture(params_, crop, to_, interpolation, &picture);
    colours(&image);
    return image;
  }

 private:
  void place(const ImageTurn& turn, Interpolation interpolation, LazyPicture* picture) const {
    const PixelValue outside = grey_pixel(static_cast<uint8_t>(params_.fill_value));
    if (params_.resize > 0) {
      const Extents from = picture->extents();
      picture->resize(resized_short(from.height, from.width, params_.resize), interpolation);
    }
    if (turns(params_)) {
      const Extents from = picture->extents();
      picture->turn(turn_map(params_, turn, from), turned_extents(params_, turn, from), interpolation, outside);
    }
    if (params_.pad > 0) picture->pad(params_.pad, outside);
  }

  const ImageAugmentParams params_;
  const int64_t channels_;
  const Extents to_;
};

}  // namespace

std::unique_ptr<ImageAugmenter> make_image_augmenter(const ImageAugmentParams& params, const Shape& data_shape,
                                                     const std::string& place) {
  check_image_augment(params, data_shape, place);
  return std::make_unique<Augmenter>(params, data_shape);
}

}  // namespace mixnet
