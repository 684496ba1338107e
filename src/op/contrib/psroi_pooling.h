// The parameters of _contrib_PSROIPooling and _contrib_DeformablePSROIPooling, and where the cells of a region read.
#pragma once
#include <cmath>

#include "op/core/on_host.h"

namespace mixnet::op::psroi_pooling {

struct Params {
  double spatial_scale = 1, trans_std = 0;
  int64_t output_dim = 1, pooled_size = 1, group_size = 0, part_size = 0, sample_per_part = 1;
  bool no_trans = false;
  MIXNET_ON_DEVICE int64_t groups() const { return group_size > 0 ? group_size : pooled_size; }
  MIXNET_ON_DEVICE int64_t parts() const { return part_size > 0 ? part_size : pooled_size; }
  MIXNET_ON_DEVICE int64_t cells() const { return pooled_size * pooled_size; }
  // Cells of a region in all channels.
  MIXNET_ON_DEVICE int64_t region() const { return output_dim * cells(); }
};

// The channel of data that cell (i, j) of output channel c reads.
MIXNET_ON_DEVICE inline int64_t channel_of(const Params& p, int64_t c, int64_t i, int64_t j) {
  const int64_t groups = p.groups(), row = i * groups / p.pooled_size, column = j * groups / p.pooled_size;
  return (c * groups + std::min(row, groups - 1)) * groups + std::min(column, groups - 1);
}
// Extent of a region along one axis, in pixels of data; half a pixel is taken off in the deformable form.
template <class T>
struct Extent {
  T start, length;
  MIXNET_ON_DEVICE Extent(const Params& p, T from, T to, T off) {
    const T scale = static_cast<T>(p.spatial_scale);
    start = std::round(from) * scale - off;
    length = std::max((std::round(to) + 1) * scale - off - start, T(0.1));
  }
};
// Below 0 where there is no such image.
template <class T>
MIXNET_ON_DEVICE int64_t image_of(const T* region, int64_t images) {
  return region[0] >= 0 && region[0] < static_cast<T>(images) ? static_cast<int64_t>(region[0]) : -1;
}

// What a cell reads: rows [h0, h1) and columns [w0, w1) of a plane.
struct Window {
  int64_t plane, h0, h1, w0, w1;
  MIXNET_ON_DEVICE int64_t area() const { return h0 < h1 && w0 < w1 ? (h1 - h0) * (w1 - w0) : 0; }
  // f(index in data) for all of it.
  template <class F> MIXNET_ON_DEVICE void each(const FourExtents& data, F f) const {
    for (int64_t h = h0; h < h1; ++h)
      for (int64_t w = w0; w < w1; ++w) f((plane * data[2] + h) * data[3] + w);
  }
};

template <class T>
class Region {
 public:
  MIXNET_ON_DEVICE Region(const Params& p, const T* roi, const FourExtents& data)
      : p_(p), data_(data), image_(image_of(roi, data[0])), x_(p, roi[1], roi[3], 0), y_(p, roi[2], roi[4], 0) {}
  MIXNET_ON_DEVICE int64_t image() const { return image_; }
  // Of cell e in [0, p.region()); the region has an image.
  MIXNET_ON_DEVICE Window cell(int64_t e) const {
    const int64_t n = p_.pooled_size, c = e / p_.cells(), i = e / n % n, j = e % n;
    const T h = y_.length / static_cast<T>(n), w = x_.length / static_cast<T>(n), ti = static_cast<T>(i),
            tj = static_cast<T>(j);
    return {image_ * data_[1] + channel_of(p_, c, i, j), limit(std::floor(ti * h + y_.start), data_[2]),
            limit(std::ceil((ti + 1) * h + y_.start), data_[2]), limit(std::floor(tj * w + x_.start), data_[3]),
            limit(std::ceil((tj + 1) * w + x_.start), data_[3])};
  }

 private:
  MIXNET_ON_DEVICE static int64_t limit(T v, int64_t extent) {
    return static_cast<int64_t>(std::max(T(0), std::min(v, static_cast<T>(extent))));
  }
  const Params& p_;
  const FourExtents& data_;
  const int64_t image_;
  const Extent<T> x_, y_;
};

// One bilinear sample of the deformable form: the four pixels with weights, and the weights' slopes.
template <class T>
struct Sample {
  int64_t at[4];
  T weight[4], along_y[4], along_x[4];
  MIXNET_ON_DEVICE Sample(T y, T x, int64_t width) {
    const T top = std::floor(y), left = std::floor(x), v = y - top, h = x - left;
    const int64_t y0 = static_cast<int64_t>(top), y1 = static_cast<int64_t>(std::ceil(y)),
                  x0 = static_cast<int64_t>(left), x1 = static_cast<int64_t>(std::ceil(x));
    for (int q = 0; q < 4; ++q) {
      at[q] = (q / 2 ? y1 : y0) * width + (q % 2 ? x1 : x0);
      weight[q] = (q / 2 ? v : 1 - v) * (q % 2 ? h : 1 - h);
      along_y[q] = (q / 2 ? T(1) : T(-1)) * (q % 2 ? h : 1 - h);
      along_x[q] = (q / 2 ? v : 1 - v) * (q % 2 ? T(1) : T(-1));
    }
  }
};

// A cell of the deformable form: the plane, where its samples are, and where it stands in `trans`; -1 without.
template <class T>
struct Cell {
  int64_t plane, trans_x, trans_y;
  T start_y, start_x, step_y, step_x, height, width;  // of the region: the movement's units

  // g(sample) for the samples that lie in the image; returns their number.
  template <class G> MIXNET_ON_DEVICE int64_t each(const Params& p, const FourExtents& data, G g) const {
    int64_t count = 0;
    const T bottom = static_cast<T>(data[2]), right = static_cast<T>(data[3]);
    for (int64_t s = 0; s < p.sample_per_part * p.sample_per_part; ++s) {
      T y = start_y + static_cast<T>(s / p.sample_per_part) * step_y;
      T x = start_x + static_cast<T>(s % p.sample_per_part) * step_x;
      if (!(x >= T(-0.5) && x <= right - T(0.5) && y >= T(-0.5) && y <= bottom - T(0.5))) continue;
      y = std::min(std::max(y, T(0)), bottom - 1);
      x = std::min(std::max(x, T(0)), right - 1);
      g(Sample<T>(y, x, data[3]));
      ++count;
    }
    return count;
  }
  // The average of the plane's samples.
  MIXNET_ON_DEVICE T average(const Params& p, const FourExtents& data, const T* of_plane) const {
    T sum = 0;
    const int64_t count = each(p, data, [&](const Sample<T>& q) {
      for (int k = 0; k < 4; ++k) sum += q.weight[k] * of_plane[q.at[k]];
    });
    return count ? sum / static_cast<T>(count) : T(0);
  }
  // The gradient `dy` of the average as every sample has it.
  MIXNET_ON_DEVICE T share(const Params& p, const FourExtents& data, T dy) const {
    const int64_t count = each(p, data, [](const Sample<T>&) {});
    return count ? dy / static_cast<T>(count) : T(0);
  }
};

// The regions of the deformable form; `trans` may be nullptr.
template <class T>
struct Moved {
  Params p;
  const T *rois, *trans;
  int64_t classes;
  FourExtents data;
  Moved(const Params& params, const TensorView& of_rois, const TensorView* of_trans, const Shape& of_data)
      : p(params),
        rois(of_rois.as<T>()),
        trans(of_trans ? of_trans->template as<T>() : nullptr),
        classes(of_trans ? of_trans->shape[1] / 2 : 1),
        data(of_data) {}

  MIXNET_ON_DEVICE int64_t image(int64_t region) const { return image_of(rois + region * 5, data[0]); }
  // Output channels of a class.
  MIXNET_ON_DEVICE int64_t of_class() const {
    const int64_t each = p.output_dim / (classes > 0 ? classes : 1);
    return each > 0 ? each : 1;
  }
  // Cell e in [0, p.region()) of a region that has an image.
  MIXNET_ON_DEVICE Cell<T> cell(int64_t region, int64_t e) const {
    const T* roi = rois + region * 5;
    const int64_t n = p.pooled_size, parts = p.parts(), c = e / p.cells(), i = e / n % n, j = e % n;
    const Extent<T> x(p, roi[1], roi[3], T(0.5)), y(p, roi[2], roi[4], T(0.5));
    const T h = y.length / static_cast<T>(n), w = x.length / static_cast<T>(n),
            samples = static_cast<T>(p.sample_per_part);
    Cell<T> cell{image(region) * data[1] + channel_of(p, c, i, j),
                 -1,
                 -1,
                 static_cast<T>(i) * h + y.start,
                 static_cast<T>(j) * w + x.start,
                 h / samples,
                 w / samples,
                 y.length,
                 x.length};
    if (trans) {
      const int64_t part = i * parts / n * parts + j * parts / n;
      cell.trans_x = (region * classes + c / of_class()) * 2 * parts * parts + part;
      cell.trans_y = cell.trans_x + parts * parts;
      cell.start_x += trans[cell.trans_x] * static_cast<T>(p.trans_std) * x.length;
      cell.start_y += trans[cell.trans_y] * static_cast<T>(p.trans_std) * y.length;
    }
    return cell;
  }
};

}  // namespace mixnet::op::psroi_pooling
