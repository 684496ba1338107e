#include "op/core/gpu/channels_last.h"

#include <string>

#include "base/environment.h"
#include "op/core/movement.h"

namespace mixnet::gpu {
namespace {

int64_t pixels(const Shape& s) { return s.size(2, s.ndim()); }

class ChannelsLast final : public Layout {
 public:
  ChannelsLast(const Shape& shape, DType dtype) : shape_(shape), item_(dtype_size(dtype)) {}
  int64_t bytes() const override { return shape_.size() * item_; }
  bool same(const Layout& other) const override {
    const auto* o = dynamic_cast<const ChannelsLast*>(&other);
    return o && o->shape_ == shape_ && o->item_ == item_;
  }
  bool gapless() const override { return true; }
  LayoutPtr with_extent(int axis, int64_t extent) const override {
    auto changed = std::make_shared<ChannelsLast>(*this);
    changed->shape_[axis] = extent;
    return changed;
  }
  int64_t step(int axis) const override {
    if (axis == 1) return item_;
    return shape_[1] * (axis == 0 ? pixels(shape_) : shape_.size(axis + 1, shape_.ndim())) * item_;
  }
  int64_t piece(int axis, int64_t begin) const override {
    const int64_t before = axis == 0 ? 1 : axis == 1 ? shape_[0] * pixels(shape_) : shape_[0] * shape_.size(2, axis);
    return before == 1 ? begin * step(axis) : -1;
  }

 private:
  Shape shape_;
  int64_t item_;
};

// Planes and pixels change places; `rows` and `columns` are those of `from`.
void turn(Stream& stream, int64_t images, int64_t rows, int64_t columns, DType dtype, void* to, const void* from) {
  StridedLoop<2> loop;
  loop.add(images, {rows * columns, rows * columns});
  loop.add(columns, {rows, 1});
  loop.add(rows, {1, columns});
  copy_strided(&stream, loop, to, from, dtype_size(dtype));
  ++channel_conversions();
}

}  // namespace

LayoutPtr channels_last(const Shape& shape, DType dtype) {
  if (shape.ndim() < 3 || shape[1] <= 1 || pixels(shape) <= 1 || shape[0] == 0) return nullptr;
  return std::make_shared<ChannelsLast>(shape, dtype);
}

bool comes_last(const PrepareContext& c, size_t input) {
  if (input >= c.layouts.size() || !c.layouts[input]) return false;
  return same_layout(c.layouts[input], channels_last(c.inputs[input].shape, c.inputs[input].dtype));
}

void to_channels_last(Stream& stream, const Shape& shape, DType dtype, void* to, const void* from) {
  turn(stream, shape[0], shape[1], pixels(shape), dtype, to, from);
}

void to_channels_first(Stream& stream, const Shape& shape, DType dtype, void* to, const void* from) {
  turn(stream, shape[0], pixels(shape), shape[1], dtype, to, from);
}

std::atomic<int64_t>& channel_conversions() {
  static std::atomic<int64_t> count{0};
  return count;
}

LayoutWish layout_wish() {
  const std::string text = environment_string("GPU_LAYOUT", "");
  MIXNET_CHECK(text.empty() || text == "NCHW" || text == "NHWC", invalid,
               "[environment] MIXNET_GPU_LAYOUT: expected NCHW or NHWC, got '", text, "'");
  return text.empty() ? LayoutWish::as_fits : text == "NCHW" ? LayoutWish::first : LayoutWish::last;
}

}  // namespace mixnet::gpu
