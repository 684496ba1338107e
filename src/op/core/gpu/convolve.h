// Convolutions on GPUs as matrix products whose operands are gathered from the images, in three directions: Convolution is `forward`, its
// gradients are `data` and `weight`; Deconvolution's are the same, in other places.
//
// The big side is called x (groups x channels planes of extents `in`), the small one y (groups x filters planes of extents `out`). A library's
// convolution is asked first where kernels are prepared: prepared_convolution.h.
#pragma once
#include "base/dtype.h"
#include "base/on_device.h"
#include "device/stream.h"

namespace mixnet::gpu {

enum class Direction { forward, data, weight };

struct Convolution {
  // In elements: from image to image (of weights: from filter to filter), from channel to channel, and along the spatial axes.
  struct Steps {
    int64_t image, channel, at[3];
  };
  int64_t images, groups, filters, channels;  // of a group
  int64_t in[3], out[3], kernel[3], stride[3], dilate[3], pad[3];
  Steps x, y, weight;
  DType dtype;

  MIXNET_ON_DEVICE int64_t volume() const { return kernel[0] * kernel[1] * kernel[2]; }
  MIXNET_ON_DEVICE int64_t pixels() const { return in[0] * in[1] * in[2]; }
  MIXNET_ON_DEVICE int64_t positions() const { return out[0] * out[1] * out[2]; }

  // Where the pixel under a tap of the window at `position` is in its plane of x; false: in the padding.
  MIXNET_ON_DEVICE bool pixel(int64_t position, int64_t tap, int64_t* at) const {
    *at = 0;
    for (int d = 2; d >= 0; --d) {
      const int64_t i = position % out[d] * stride[d] - pad[d] + tap % kernel[d] * dilate[d];
      position /= out[d];
      tap /= kernel[d];
      if (i < 0 || i >= in[d]) return false;
      *at += i * x.at[d];
    }
    return true;
  }
  // Where in its plane of y the window is that has this tap above the pixel; false: there is none.
  MIXNET_ON_DEVICE bool window(int64_t pixel, int64_t tap, int64_t* at) const {
    *at = 0;
    for (int d = 2; d >= 0; --d) {
      const int64_t shifted = pixel % in[d] + pad[d] - tap % kernel[d] * dilate[d], o = shifted / stride[d];
      pixel /= in[d];
      tap /= kernel[d];
      if (shifted < 0 || shifted != o * stride[d] || o >= out[d]) return false;
      *at += o * y.at[d];
    }
    return true;
  }
  MIXNET_ON_DEVICE int64_t pixel_at(int64_t i) const { return place(i, in, x); }
  MIXNET_ON_DEVICE int64_t position_at(int64_t i) const { return place(i, out, y); }
  MIXNET_ON_DEVICE int64_t weight_at(int64_t filter, int64_t channel, int64_t tap) const {
    return filter * weight.image + channel * weight.channel + place(tap, kernel, weight);
  }

 private:
  static MIXNET_ON_DEVICE int64_t place(int64_t i, const int64_t (&extent)[3], const Steps& steps) {
    int64_t at = 0;
    for (int d = 2; d >= 0; --d) {
      at += i % extent[d] * steps.at[d];
      i /= extent[d];
    }
    return at;
  }
};

// The tensors of one; which of the first three is written, the direction says. No bias: null.
struct ConvolutionData {
  void *x = nullptr, *w = nullptr, *y = nullptr;
  const void* bias = nullptr;
};

// y = x * w (+ bias of the filters).
void convolve(Stream& stream, const Convolution& c, const void* x, const void* w, const void* bias, void* y);
// x = y spread over its windows (+ bias of the channels).
void convolve_data(Stream& stream, const Convolution& c, const void* y, const void* w, const void* bias, void* x);
// w = what each tap has seen of x, times y.
void convolve_weight(Stream& stream, const Convolution& c, const void* y, const void* x, void* w);
// One of the three.
void convolve(Stream& stream, Direction direction, const Convolution& c, const ConvolutionData& data);

// y += bias of the filters; in direction `data`, x += bias of the channels.
void add_bias(Stream& stream, Direction direction, const Convolution& c, const ConvolutionData& data);

}  // namespace mixnet::gpu
