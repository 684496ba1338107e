// Convolutions on GPUs as matrix products whose operands are gathered from the images, in three directions: Convolution is `forward`, its
// gradients are `data` and `weight`; Deconvolution's are the same, in other places.
//
// The big side is called x (groups x channels planes of extents `in`), the small one y (groups x filters planes of extents `out`). A library's
// convolution is asked first where kernels are prepared: prepared_convolution.h.
#pragma once
#include <cmath>
#include <limits>

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

enum class Curve : int32_t { none = 0, relu = 1, sigmoid = 2, tanh = 3 };

// What becomes of sums before they are stored, in this order: a bias is added, then a tensor that lies as the result does, then comes a curve.
struct Finish {
  bool bias = false;  // of the filters; in direction `data` of the channels
  bool residual = false;
  Curve curve = Curve::none;
  double most = std::numeric_limits<double>::infinity();  // of relu: what is above becomes this

  Finish(bool with_bias = false) : bias(with_bias) {}
  bool any() const { return bias || residual || curve != Curve::none; }
  // What is left to do after `done`, which is this one's beginning or less.
  Finish without(const Finish& done) const {
    Finish rest = *this;
    rest.bias = bias && !done.bias;
    rest.residual = residual && !done.residual;
    if (done.curve != Curve::none) rest.curve = Curve::none;
    return rest;
  }
};

template <class A>
MIXNET_ON_DEVICE A curved(Curve curve, A most, A x) {
  switch (curve) {
    case Curve::relu: x = x > 0 || x != x ? x : A(0); return x > most ? most : x;
    case Curve::sigmoid: return 1 / (1 + std::exp(-x));
    case Curve::tanh: return std::tanh(x);
    default: return x;
  }
}

// The tensors of one; which of the first three is written, the direction says. No bias, no residual: null. The residual lies elsewhere than the result.
struct ConvolutionData {
  void *x = nullptr, *w = nullptr, *y = nullptr;
  const void *bias = nullptr, *residual = nullptr;
};

// y = x * w (+ bias of the filters).
void convolve(Stream& stream, const Convolution& c, const void* x, const void* w, const void* bias, void* y);
// x = y spread over its windows (+ bias of the channels).
void convolve_data(Stream& stream, const Convolution& c, const void* y, const void* w, const void* bias, void* x);
// w = what each tap has seen of x, times y.
void convolve_weight(Stream& stream, const Convolution& c, const void* y, const void* x, void* w);
// One of the three, finished; weights are not.
void convolve(Stream& stream, Direction direction, const Convolution& c, const Finish& finish,
              const ConvolutionData& data);

// Finishes what is in the result already.
void finish_result(Stream& stream, Direction direction, const Convolution& c, const Finish& finish,
                   const ConvolutionData& data);

}  // namespace mixnet::gpu
