#include "io/lazy_picture.h"

#include <algorithm>
#include <cmath>

namespace mixnet {
namespace {

constexpr int64_t eighths = 8;
// Smaller pictures are decoded at full size: there is nothing to save.
constexpr int64_t least_side = 64;
// Pixels to decode for one that is wanted, each way: with fewer, averages of whole pixels blur what the decoder has averaged already.
constexpr double oversampling = 1.5;
// Pixels on each side that the widest filter looks at, with one to spare.
constexpr int64_t reach = 5;

// The size, in eighths, at which the decoder gives enough pixels of the box.
int64_t decoding_size(const ImageInfo& info, const Box& box, const Extents& to) {
  if (info.format != ImageFormat::jpeg || info.orientation != 1) return eighths;
  const double share = std::max(static_cast<double>(to.height) / box.height, static_cast<double>(to.width) / box.width);
  for (const int64_t size : {1, 2, 4}) {
    if (static_cast<double>(size) >= oversampling * share * eighths) return size;
  }
  return eighths;
}

// The pixels around a box that its resize looks at, in multiples of 8 where the decoder is to make them smaller.
Region around(const Box& box, const Region& allowed, const Extents& to, int64_t size) {
  const double margin_y = reach * eighths / static_cast<double>(size) + box.height / static_cast<double>(to.height);
  const double margin_x = reach * eighths / static_cast<double>(size) + box.width / static_cast<double>(to.width);
  const int64_t step = size == eighths ? 1 : eighths;
  const auto low = [&](double at, int64_t limit) {
    return std::max(limit, static_cast<int64_t>(std::floor(at)) / step * step);
  };
  const auto high = [&](double at, int64_t limit) {
    return std::min(limit, (static_cast<int64_t>(std::ceil(at)) + step - 1) / step * step);
  };
  Region r;
  r.top = low(std::max(0.0, box.top - margin_y), allowed.top);
  r.left = low(std::max(0.0, box.left - margin_x), allowed.left);
  r.height = high(box.top + box.height + margin_y, allowed.top + allowed.height) - r.top;
  r.width = high(box.left + box.width + margin_x, allowed.left + allowed.width) - r.left;
  return r;
}

}  // namespace

LazyPicture::LazyPicture(Span<const uint8_t> file, int64_t channels, bool smaller)
    : file_(file),
      channels_(channels),
      smaller_(smaller),
      info_(image_info(file)),
      base_{info_.height, info_.width},
      extents_(base_) {}

void LazyPicture::settle() {
  if (!waits()) return;
  image_ = take({0, 0, extents_.height, extents_.width});
  base_ = extents_;
  resize_.reset();
  turn_.reset();
}

void LazyPicture::resize(const Extents& to, Interpolation interpolation) {
  settle();
  if (interpolation == Interpolation::automatic) {
    interpolation = automatic_for(static_cast<double>(base_.height), static_cast<double>(base_.width), to);
  }
  resize_ = Resize{to, interpolation};
  extents_ = to;
}

void LazyPicture::turn(const Affine& map, const Extents& part, Interpolation interpolation, const PixelValue& outside) {
  settle();
  if (!image_) image_ = take({0, 0, base_.height, base_.width});
  turn_ = Turn{map, interpolation, outside};
  extents_ = part;
}

void LazyPicture::pad(int64_t pixels, const PixelValue& value) {
  const Image whole = take({0, 0, extents_.height, extents_.width});
  image_ = add_border(whole, {pixels, pixels, pixels, pixels}, Border::constant, value);
  resize_.reset();
  turn_.reset();
  base_ = extents_ = {image_->height(), image_->width()};
}

Image LazyPicture::take(const Region& region) const {
  if (turn_) return warp(*image_, turn_->map, region, turn_->interpolation, turn_->outside);
  if (resize_) {
    const double y = static_cast<double>(base_.height) / static_cast<double>(extents_.height);
    const double x = static_cast<double>(base_.width) / static_cast<double>(extents_.width);
    const Box box{static_cast<double>(region.top) * y, static_cast<double>(region.left) * x,
                  static_cast<double>(region.height) * y, static_cast<double>(region.width) * x};
    return resized(box, {0, 0, base_.height, base_.width}, {{region.height, region.width}, resize_->interpolation});
  }
  if (!image_) return decode_image(file_, {channels_, true, region, 0});
  const ImageView part = piece(*image_, region);
  return mixnet::resize(part, part.height, part.width, Interpolation::nearest);
}

Image LazyPicture::take(const Region& region, const Extents& to, Interpolation interpolation) const {
  if (interpolation == Interpolation::automatic) {
    interpolation = automatic_for(static_cast<double>(region.height), static_cast<double>(region.width), to);
  }
  if (waits()) return mixnet::resize(take(region), to.height, to.width, interpolation);
  const Box box{static_cast<double>(region.top), static_cast<double>(region.left), static_cast<double>(region.height),
                static_cast<double>(region.width)};
  return resized(box, region, {to, interpolation});
}

// `allowed` is what the resize may look at.
Image LazyPicture::resized(const Box& box, const Region& allowed, const Resize& how) const {
  if (image_) {
    Box inside = box;
    inside.top -= static_cast<double>(allowed.top);
    inside.left -= static_cast<double>(allowed.left);
    return resize_box(piece(*image_, allowed), inside, how.to.height, how.to.width, how.interpolation);
  }
  int64_t size = smaller_ || how.interpolation == Interpolation::area ? decoding_size(info_, box, how.to) : eighths;
  Region part = around(box, {0, 0, base_.height, base_.width}, how.to, size);
  if (std::min(part.height, part.width) < least_side) size = eighths;
  if (size == eighths) part = around(box, allowed, how.to, size);
  const int64_t side = std::min(part.height, part.width);
  const Image pixels = decode_image(file_, {channels_, true, part, size == eighths ? 0 : side * size / eighths});
  if (pixels.width() == part.width) size = eighths;
  const double f = static_cast<double>(size) / eighths;
  const Box inside{(box.top - static_cast<double>(part.top)) * f, (box.left - static_cast<double>(part.left)) * f,
                   box.height * f, box.width * f};
  return resize_box(pixels, inside, how.to.height, how.to.width, how.interpolation);
}

}  // namespace mixnet
