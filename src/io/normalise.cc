#include "io/normalise.h"

#include <algorithm>
#include <cmath>

#include "base/half_rows.h"
#include "ndarray/serialize.h"

namespace mixnet {
namespace {

using P = NormaliseParams;

ParamField described(ParamField f, std::string doc) {
  FieldBuilder(&f).doc(std::move(doc));
  return f;
}

ParamField above_zero(ParamField f, std::string doc) {
  FieldBuilder(&f).range(0).doc(std::move(doc));
  return f;
}

// A row of pixels channel by channel.
void split(const uint8_t* __restrict from, int64_t width, int64_t channels, uint8_t* __restrict a,
           uint8_t* __restrict b, uint8_t* __restrict c, uint8_t* __restrict d) {
  switch (channels) {
    case 1: std::copy_n(from, width, a); return;
    case 3:
      for (int64_t x = 0; x < width; ++x) a[x] = from[3 * x], b[x] = from[3 * x + 1], c[x] = from[3 * x + 2];
      return;
    default:
      for (int64_t x = 0; x < width; ++x) {
        a[x] = from[4 * x], b[x] = from[4 * x + 1], c[x] = from[4 * x + 2], d[x] = from[4 * x + 3];
      }
  }
}

// Forward and to other memory, because that is quick.
const uint8_t* reversed(const uint8_t* __restrict from, int64_t n, uint8_t* __restrict to) {
  for (int64_t x = 0; x < n; ++x) to[x] = from[n - 1 - x];
  return to;
}

template <class To, class Change>
void each(const uint8_t* __restrict from, int64_t n, To* __restrict to, Change change) {
  for (int64_t x = 0; x < n; ++x) to[x] = change(static_cast<float>(from[x]), x);
}

// A mean for each column, in the order of what is written.
auto column_mean(const float* row, int64_t width, bool mirrored) {
  const int64_t first = mirrored ? width - 1 : 0, step = mirrored ? -1 : 1;
  return [=](int64_t x) { return row[first + step * x]; };
}

}  // namespace

std::vector<ParamField> normalise_fields() {
  const std::string mean = "subtracted from the channel; not used with mean_img", deviation = "divides the channel";
  return {
      described(make_field("mirror", &P::mirror), "every image left to right"),
      described(make_field("rand_mirror", &P::rand_mirror), "half of the images left to right"),
      described(make_field("mean_img", &P::mean_img),
                "file with an array of the data shape, subtracted from images; iterators make one that is not there, "
                "the mean of all images as they are augmented, before they begin"),
      described(make_field("mean_r", &P::mean_r), mean),
      described(make_field("mean_g", &P::mean_g), mean),
      described(make_field("mean_b", &P::mean_b), mean),
      described(make_field("mean_a", &P::mean_a), mean),
      above_zero(make_field("std_r", &P::std_r), deviation),
      above_zero(make_field("std_g", &P::std_g), deviation),
      above_zero(make_field("std_b", &P::std_b), deviation),
      above_zero(make_field("std_a", &P::std_a), deviation),
      described(make_field("scale", &P::scale), "multiplies what is left when means are subtracted"),
      above_zero(make_field("max_random_contrast", &P::max_random_contrast),
                 "multiplies it by 1 - max_random_contrast to 1 + max_random_contrast"),
      above_zero(make_field("max_random_illumination", &P::max_random_illumination),
                 "adds a number up to it, to either side, before scale"),
  };
}

Normaliser::Normaliser(const P& p, const Shape& shape, DType dtype, const std::string& place, PixelLayout layout)
    : params_(p),
      channels_(shape[0]),
      height_(shape[1]),
      width_(shape[2]),
      dtype_(dtype),
      layout_(layout),
      mean_{static_cast<float>(p.mean_r), static_cast<float>(p.mean_g), static_cast<float>(p.mean_b),
            static_cast<float>(p.mean_a)} {
  MIXNET_CHECK(dtype == DType::f32 || dtype == DType::f16 || dtype == DType::i8 || dtype == DType::u8, type, "[", place,
               "] dtype: expected float32, float16, int8 or uint8, got ", dtype_name(dtype));
  const double deviations[] = {p.std_r, p.std_g, p.std_b, p.std_a};
  for (size_t c = 0; c < 4; ++c) {
    factor_[c] = static_cast<float>(p.scale / (deviations[c] > 0 ? deviations[c] : 1));
  }
  if (!p.mean_img.empty()) load_mean(place);
}

void Normaliser::load_mean(const std::string& place) {
  const NamedArrays found = load_arrays(params_.mean_img);
  const auto named = std::find(found.names.begin(), found.names.end(), "mean_img");
  const size_t at = named == found.names.end() ? 0 : static_cast<size_t>(named - found.names.begin());
  const int64_t dims[] = {channels_, height_, width_};
  const Shape wanted(dims, 3);
  MIXNET_CHECK(found.arrays.size() > at && (found.arrays.size() == 1 || named != found.names.end()), io, "[", place,
               "] mean_img: expected one array or one named mean_img in ", params_.mean_img, ", got ",
               found.arrays.size());
  const NDArray& array = found.arrays[at];
  MIXNET_CHECK(array.shape() == wanted && array.dtype() == DType::f32, shape, "[", place,
               "] mean_img: expected float32 ", wanted, ", got ", dtype_name(array.dtype()), " ", array.shape());
  auto values = std::make_shared<std::vector<float>>(static_cast<size_t>(wanted.size()));
  array.copy_to_host(values->data(), array.bytes());
  mean_image_ = std::move(values);
}

template <class T>
void Normaliser::write_row(const uint8_t* pixels, int64_t channel, int64_t y, const Drawn& drawn, float* numbers,
                           T* to) const {
  const auto c = static_cast<size_t>(channel);
  const float mean = mean_[c], factor = drawn.contrast * factor_[c], offset = drawn.illumination * factor_[c];
  const float* row = mean_image_ ? mean_image_->data() + (channel * height_ + y) * width_ : nullptr;
  if constexpr (std::is_same_v<T, uint8_t>) {
    std::copy_n(pixels, width_, to);
  } else if constexpr (std::is_same_v<T, int8_t>) {
    const auto bounded = [](float v) { return static_cast<int8_t>(std::rint(std::clamp(v, -128.0f, 127.0f))); };
    const auto of_column = column_mean(row, width_, drawn.mirrored);
    if (row) each(pixels, width_, to, [&](float v, int64_t x) { return bounded(v - of_column(x)); });
    else each(pixels, width_, to, [&](float v, int64_t) { return bounded(v - mean); });
  } else {
    float* floats = numbers;
    if constexpr (std::is_same_v<T, float>) floats = to;
    const auto of_column = column_mean(row, width_, drawn.mirrored);
    if (row) each(pixels, width_, floats, [=](float v, int64_t x) { return (v - of_column(x)) * factor + offset; });
    else each(pixels, width_, floats, [=](float v, int64_t) { return (v - mean) * factor + offset; });
    if constexpr (std::is_same_v<T, f16>) narrow(floats, to, width_);
  }
}

template <class T>
void Normaliser::write(const ImageView& image, const Drawn& drawn, T* to) const {
  const auto n = static_cast<size_t>(width_);
  std::vector<uint8_t> bytes(n * 5);
  std::vector<float> numbers(n);
  std::vector<T> line(layout_ == PixelLayout::hwc ? n : 0);
  uint8_t* const planes[] = {bytes.data(), bytes.data() + n, bytes.data() + 2 * n, bytes.data() + 3 * n};
  for (int64_t y = 0; y < height_; ++y) {
    split(image.row(y), width_, channels_, planes[0], planes[1], planes[2], planes[3]);
    for (int64_t c = 0; c < channels_; ++c) {
      T* row = layout_ == PixelLayout::hwc ? line.data() : to + (c * height_ + y) * width_;
      const uint8_t* const pixels = drawn.mirrored ? reversed(planes[c], width_, bytes.data() + 4 * n) : planes[c];
      write_row(pixels, c, y, drawn, numbers.data(), row);
      if (layout_ == PixelLayout::chw) continue;
      T* out = to + y * width_ * channels_ + c;
      for (int64_t x = 0; x < width_; ++x) out[x * channels_] = row[x];
    }
  }
}

void Normaliser::operator()(const ImageView& image, Draws* draws, void* to) const {
  MIXNET_CHECK(image.channels == channels_ && image.height == height_ && image.width == width_, shape,
               "[normalise] image: expected ", channels_, " channels of ", height_, " by ", width_, ", got ",
               image.channels, " of ", image.height, " by ", image.width);
  Drawn drawn;
  const bool chosen = draws->chance(0.5);
  drawn.mirrored = params_.mirror || (params_.rand_mirror && chosen);
  const double contrast = params_.max_random_contrast, illumination = params_.max_random_illumination;
  drawn.contrast = static_cast<float>(1 + draws->uniform(-contrast, contrast));
  drawn.illumination = static_cast<float>(draws->uniform(-illumination, illumination));
  switch (dtype_) {
    case DType::f32: return write(image, drawn, static_cast<float*>(to));
    case DType::f16: return write(image, drawn, static_cast<f16*>(to));
    case DType::i8: return write(image, drawn, static_cast<int8_t*>(to));
    default: return write(image, drawn, static_cast<uint8_t*>(to));
  }
}

}  // namespace mixnet
