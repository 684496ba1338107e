// UpSampling on GPUs; see upsampling.cc. Its bilinear form is a transposed convolution with a group for every channel.
#include "op/nn/upsampling.h"

#include "op/core/gpu/convolve.h"
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/nn/convolve.h"

namespace mixnet::op::upsampling {
namespace {

gpu::Convolution window_of(const Params& p, const TensorView& small, const TensorView& big, const TensorView& weight) {
  ConvParams conv;
  const int64_t k = window_size(p), pad = window_pad(p);
  conv.kernel = {k, k};
  conv.stride = {p.scale, p.scale};
  conv.pad = {pad, pad};
  conv.num_filter = conv.num_group = small.shape[1];
  return convolution_of(conv, conv.window(), big.shape, small.shape, weight.shape, small.dtype);
}

template <class T>
struct Part {
  const T* x;
  int64_t channels, rows, columns, factor;
};
constexpr int most_parts = 8;

// The planes [first, first + planes) of every image of the output: the sum of some parts, and of what is there where `add` says so.
template <class T>
struct Nearest {
  Part<T> parts[most_parts];
  int count;
  bool add;
  int64_t first, planes, channels, rows, columns;
  T* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t c = i % columns, r = i / columns % rows, plane = i / (columns * rows) % planes,
                  image = i / (columns * rows * planes);
    T& to = y[((image * channels + first + plane) * rows + r) * columns + c];
    accumulator_t<T> sum = add ? static_cast<accumulator_t<T>>(to) : 0;
    for (int k = 0; k < count; ++k) {
      const Part<T>& p = parts[k];
      const int64_t row = (image * p.channels + plane) * p.rows + r / p.factor;
      sum += static_cast<accumulator_t<T>>(p.x[row * p.columns + c / p.factor]);
    }
    to = static_cast<T>(sum);
  }
};

template <class T>
Part<T> part_of(const TensorView& x, const Shape& out) {
  return {x.as<T>(), x.shape[1], x.shape[2], x.shape[3], out[2] / x.shape[2]};
}

// A sum goes by some inputs at a time.
template <class T>
void nearest(const Params& p, const RunContext& r) {
  const Shape& out = r.out[0].shape;
  int64_t first = 0;
  const size_t step = p.join == Join::sum ? most_parts : 1;
  for (size_t k = 0; k < r.in.size(); k += step) {
    const int64_t planes = r.in[k].shape[1];
    Nearest<T> f{{}, 0, p.join == Join::sum && k > 0, first, planes, out[1], out[2], out[3], r.out[0].as<T>()};
    for (size_t i = k; i < std::min(k + step, r.in.size()); ++i) f.parts[f.count++] = part_of<T>(r.in[i], out);
    gpu::map(*r.context.stream, out[0] * planes * out[2] * out[3], f);
    if (p.join == Join::concat) first += planes;
  }
}

void forward(const Params& p, const RunContext& r) {
  if (r.out[0].size() == 0) return;
  if (p.kind == Kind::bilinear) {
    convolve_data(*r.context.stream, window_of(p, r.in[0], r.out[0], r.in[1]), r.in[0].data, r.in[1].data, nullptr,
                  r.out[0].data);
    return;
  }
  dispatch_float(r.in[0].dtype, "UpSampling", [&](auto tag) { nearest<typename decltype(tag)::type>(p, r); });
}

// The gradient of one input: sums over squares of the output's planes from `first` on.
template <class T>
struct Squares {
  const T* dy;
  T* dx;
  int64_t first, planes, rows, columns, factor, channels;  // of the input; of the output: channels
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t c = i % columns, r = i / columns % rows, plane = i / (columns * rows) % planes,
                  image = i / (columns * rows * planes);
    accumulator_t<T> sum = 0;
    for (int64_t a = 0; a < factor; ++a) {
      const int64_t row = ((image * channels + first + plane) * rows + r) * factor + a;
      for (int64_t b = 0; b < factor; ++b) sum += static_cast<accumulator_t<T>>(dy[(row * columns + c) * factor + b]);
    }
    dx[i] = static_cast<T>(sum);
  }
};

// (dy, inputs) to input gradients.
void backward(const Params& p, const RunContext& r) {
  Stream& stream = *r.context.stream;
  const TensorView& dy = r.in[0];
  if (p.kind == Kind::bilinear) {
    const gpu::Convolution c = window_of(p, r.in[1], dy, r.in[2]);
    convolve(stream, c, dy.data, r.in[2].data, nullptr, r.out[0].data);
    convolve_weight(stream, c, r.in[1].data, dy.data, r.out[1].data);
    return;
  }
  dispatch_float(dy.dtype, "UpSampling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    int64_t first = 0;
    for (const TensorView& dx : r.out) {
      const Shape& s = dx.shape;
      const int64_t factor = s[2] > 0 ? dy.shape[2] / s[2] : 1;
      gpu::map(stream, dx.size(), Squares<T>{dy.as<T>(), dx.as<T>(), first, s[1], s[2], s[3], factor, dy.shape[1]});
      if (p.join == Join::concat) first += s[1];
    }
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "UpSampling", forward);
  gpu::kernel<Params>(registry, "_backward_UpSampling", backward);
}

}  // namespace mixnet::op::upsampling
