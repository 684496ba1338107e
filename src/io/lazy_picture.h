// A picture on its way through geometric steps, of which only the pixels that are wanted in the end are decoded and computed.
//
// One step waits at a time; the next one makes the one before it happen, for all of the picture. One thread.
#pragma once
#include <optional>

#include "base/span.h"
#include "codec/decode.h"
#include "codec/warp.h"

namespace mixnet {

class LazyPicture {
 public:
  // Reads the header. Throws Code::io. The bytes must stay. Where a resize averages over areas, JPEG files may be decoded at 1/2, 1/4 or 1/8 of their size,
  // still as large as wanted; `smaller`: before any resize.
  LazyPicture(Span<const uint8_t> file, int64_t channels, bool smaller = false);

  // Of the picture after all steps so far.
  const Extents& extents() const { return extents_; }

  void resize(const Extents& to, Interpolation interpolation);
  // The part from row 0 and column 0 on of what the map makes of the picture.
  void turn(const Affine& map, const Extents& part, Interpolation interpolation, const PixelValue& outside);
  void pad(int64_t pixels, const PixelValue& value);

  Image take(const Region& region) const;
  // The same, resized; the region's edge is not mixed with what lies outside.
  Image take(const Region& region, const Extents& to, Interpolation interpolation) const;

 private:
  struct Resize {
    Extents to;
    Interpolation interpolation;
  };
  struct Turn {
    Affine map;
    Interpolation interpolation;
    PixelValue outside;
  };
  void settle();
  bool waits() const { return resize_ || turn_; }
  Image resized(const Box& box, const Region& allowed, const Resize& how) const;

  Span<const uint8_t> file_;
  int64_t channels_;
  bool smaller_;
  ImageInfo info_;
  std::optional<Image> image_;  // in place of the file
  Extents base_, extents_;      // before and after what waits
  std::optional<Resize> resize_;
  std::optional<Turn> turn_;
};

}  // namespace mixnet
