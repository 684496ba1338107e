// The kernels of Convolution on GPUs, and of Deconvolution, which is the same the other way round: its forward is the data gradient of a convolution from its
// output to its data.
#pragma once
#include <algorithm>

#include "op/core/gpu/convolution_tail.h"
#include "op/core/gpu/prepared_convolution.h"
#include "op/nn/convolve.h"

namespace mixnet::op {

inline gpu::PlanWishes wishes_of(const ConvParams& p) {
  gpu::PlanWishes w = gpu::plan_wishes();
  w.workspace = static_cast<size_t>(std::min<int64_t>(p.workspace, 1 << 20)) << 20;
  switch (p.cudnn_tune) {
    case CudnnTune::none: break;
    case CudnnTune::fastest: w.tuning = gpu::Tuning::fastest; break;
    case CudnnTune::limited_workspace: w.tuning = gpu::Tuning::limited; break;
    case CudnnTune::off: w.tuning = gpu::Tuning::off; break;
  }
  return w;
}

inline gpu::PreparedConvolution prepared(const ConvParams& p, DeviceId device, gpu::Direction direction,
                                         const gpu::Convolution& c, const gpu::Finish& finish) {
  if (p.cudnn_off) return {direction, c, finish};
  return {device.index, direction, c, finish, wishes_of(p)};
}

// The bias, and the tail where there is one, of a kind that is taken.
inline gpu::Finish finish_of(const PrepareContext& context) {
  gpu::Finish f;
  if (context.tail) f = gpu::finish_of(*context.tail).value();
  f.bias = !context.params<ConvParams>().no_bias;
  return f;
}

// (data, weight[, bias][, residual]) to output.
class ConvolveForward final : public Kernel {
 public:
  ConvolveForward(const PrepareContext& context, const gpu::Convolution& c, bool transposed)
      : transposed_(transposed),
        finish_(finish_of(context)),
        it_(prepared(context.params<ConvParams>(), context.device,
                     transposed ? gpu::Direction::data : gpu::Direction::forward, c, finish_)) {}
  size_t workspace() const override { return it_.workspace(); }
  void run(const RunContext& r) const override {
    void *from = r.in[0].data, *to = r.out[0].data;
    gpu::ConvolutionData data{transposed_ ? to : from, r.in[1].data, transposed_ ? from : to};
    if (finish_.bias) data.bias = r.in[2].data;
    if (finish_.residual) data.residual = r.in[finish_.bias ? 3 : 2].data;
    it_.run(*r.context.stream, data, r.context.workspace);
  }

 private:
  const bool transposed_;
  const gpu::Finish finish_;
  const gpu::PreparedConvolution it_;
};

// (dy, data, weight) to (gradients of data, weight[, bias]).
class ConvolveBackward final : public Kernel {
 public:
  ConvolveBackward(const PrepareContext& context, const gpu::Convolution& c, bool transposed)
      : p_(context.params<ConvParams>()),
        transposed_(transposed),
        data_(make(context, 0, transposed ? gpu::Direction::forward : gpu::Direction::data, c)),
        weight_(make(context, 1, gpu::Direction::weight, c)) {}
  size_t workspace() const override { return std::max(data_.workspace(), weight_.workspace()); }
  void run(const RunContext& r) const override {
    Stream& stream = *r.context.stream;
    void *dy = r.in[0].data, *x = r.in[1].data, *w = r.in[2].data, *dx = r.out[0].data, *dw = r.out[1].data;
    if (dx)
      data_.run(stream, transposed_ ? gpu::ConvolutionData{dy, w, dx} : gpu::ConvolutionData{dx, w, dy},
                r.context.workspace);
    if (dw)
      weight_.run(stream, transposed_ ? gpu::ConvolutionData{dy, dw, x} : gpu::ConvolutionData{x, dw, dy},
                  r.context.workspace);
    if (!p_.no_bias && r.out[2].data) sum_planes(p_, stream, r.in[0], r.out[2]);
  }

 private:
  static gpu::PreparedConvolution make(const PrepareContext& context, size_t output, gpu::Direction direction,
                                       const gpu::Convolution& c) {
    if (output < context.wanted.size() && !context.wanted[output]) return {direction, c};
    return prepared(context.params<ConvParams>(), context.device, direction, c, false);
  }

  const ConvParams p_;
  const bool transposed_;
  const gpu::PreparedConvolution data_, weight_;
};

}  // namespace mixnet::op
