// Pixels to the numbers of a batch: ((pixel - mean) * contrast + illumination) * scale / std, mirrored where asked for; channel by channel, in one pass.
//
// float32 and float16 get that. int8 gets pixel - mean, rounded, within -128 to 127, and uint8 the pixel, as MXNet's iterators give them; both are
// mirrored.
#pragma once
#include <array>
#include <memory>

#include "codec/image.h"
#include "io/draws.h"
#include "op/core/param.h"

namespace mixnet {

// MXNet's names and defaults. A standard deviation of 0 counts as 1.
struct NormaliseParams {
  bool mirror = false, rand_mirror = false;
  std::string mean_img;
  double mean_r = 0, mean_g = 0, mean_b = 0, mean_a = 0;
  double std_r = 1, std_g = 1, std_b = 1, std_a = 1;
  double scale = 1, max_random_contrast = 0, max_random_illumination = 0;
};

std::vector<ParamField> normalise_fields();

enum class PixelLayout { chw, hwc };

// Any number of threads; copies share the mean image.
class Normaliser {
 public:
  // `data_shape` is channels, height, width. Reads mean_img, the one array of a file of arrays or the one named `mean_img`. Throws Code::io for files
  // that cannot be read, Code::shape for other shapes, Code::type for dtypes that are not named above.
  Normaliser(const NormaliseParams& params, const Shape& data_shape, DType dtype,
             const std::string& place = "normalise", PixelLayout layout = PixelLayout::chw);

  // Draws the same numbers whatever the parameters say. The image has the data shape; `to` has room for its numbers.
  void operator()(const ImageView& image, Draws* draws, void* to) const;

 private:
  struct Drawn {
    bool mirrored;
    float contrast, illumination;
  };
  void load_mean(const std::string& place);
  template <class T>
  void write(const ImageView& image, const Drawn& drawn, T* to) const;
  template <class T>
  void write_row(const uint8_t* pixels, int64_t channel, int64_t y, const Drawn& drawn, float* numbers, T* to) const;

  NormaliseParams params_;
  int64_t channels_, height_, width_;
  DType dtype_;
  PixelLayout layout_;
  std::array<float, 4> mean_{}, factor_{};                // of each channel; factor: scale / std
  std::shared_ptr<const std::vector<float>> mean_image_;  // in place of mean_, channel by channel
};

}  // namespace mixnet
