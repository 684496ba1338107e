// RNN by cuDNN, where it can: without dropout, and with a reserve that is long enough for what it keeps. Forward and backward decide by
// the same facts, since each has its own way of filling the reserve.
#pragma once
#include "op/core/gpu/cudnn_rnn.h"
#include "op/rnn/rnn.h"

namespace mixnet::op::rnn {

inline gpu::Rnn problem_of(const Params& p, const Sizes& s, DType dtype) {
  const auto cell = [&] {
    switch (p.mode) {
      case Mode::gru: return gpu::Cell::gru;
      case Mode::lstm: return gpu::Cell::lstm;
      case Mode::rnn_relu: return gpu::Cell::relu;
      default: return gpu::Cell::tanh;
    }
  }();
  return {cell, s.layers, s.directions, s.steps, s.batch, s.input, s.hidden, dtype};
}

inline std::shared_ptr<const gpu::RnnPlan> plan_of(const Params& p, const Sizes& s, DType dtype, int device) {
  return gpu::cudnn_rnn(device, problem_of(p, s, dtype), [&](int64_t lane, int64_t which, bool bias) {
    const int64_t layer = lane / s.directions, d = lane % s.directions, gates = p.gates(), gate = which % gates;
    const bool state = which >= gates;
    if (bias) return s.bias(layer, d) + (state ? s.lines : 0) + gate * s.hidden;
    return (state ? s.state_weight(layer, d) : s.weight(layer, d)) +
           gate * s.hidden * (state ? s.hidden : s.layer_input(layer));
  });
}

// The dtype is not known yet: enough for 32 and for 16 bits.
inline int64_t cudnn_reserve(const Params& p, const Sizes& s, int gpu) {
  int64_t elements = 0;
  for (DType dtype : {DType::f32, DType::f16}) {
    if (s.dropout) return 0;
    if (const auto plan = plan_of(p, s, dtype, gpu)) {
      const int64_t item = dtype_size(dtype);
      elements = std::max(elements, (static_cast<int64_t>(plan->reserve()) + item - 1) / item);
    }
  }
  return elements;
}

inline bool holds(const TensorView& reserve, const gpu::RnnPlan& plan) {
  return static_cast<size_t>(reserve.size() * dtype_size(reserve.dtype)) >= plan.reserve();
}

class CudnnForward : public Kernel {
 public:
  CudnnForward(const Params& p, bool keeps, std::shared_ptr<const gpu::RnnPlan> plan)
      : params_(p), keeps_(keeps), plan_(std::move(plan)) {}
  size_t workspace() const override { return plan_->forward_workspace(); }

  void run(const RunContext& r) const override {
    const bool states = params_.state_outputs, cell = params_.cell();
    plan_->forward(*r.context.stream,
                   {r.in[0].data, r.in[1].data, r.in[2].data, cell ? r.in[3].data : nullptr, r.out[0].data,
                    states ? r.out[1].data : nullptr, states && cell ? r.out[2].data : nullptr,
                    keeps_ ? r.out[params_.reserve_output()].data : nullptr},
                   r.context.workspace);
  }

 private:
  const Params params_;
  const bool keeps_;
  const std::shared_ptr<const gpu::RnnPlan> plan_;
};

class CudnnBackward : public Kernel {
 public:
  // `unwanted`: bytes of the data's gradient, if nobody wants it; cuDNN computes it all the same.
  CudnnBackward(const Params& p, size_t unwanted, std::shared_ptr<const gpu::RnnPlan> plan)
      : params_(p), unwanted_(unwanted), plan_(std::move(plan)) {}
  size_t workspace() const override { return room() + plan_->backward_workspace(); }

  void run(const RunContext& r) const override {
    const bool states = params_.state_outputs, cell = params_.cell();
    const size_t first = params_.reserve_output();  // the forward inputs follow the gradients
    char* const workspace = static_cast<char*>(r.context.workspace);
    plan_->backward(
        *r.context.stream,
        {r.in[first].data, r.in[first + 1].data, r.in[first + 2].data, cell ? r.in[first + 3].data : nullptr,
         r.in[r.in.size() - 2].data, r.in[r.in.size() - 1].data, r.in[0].data, states ? r.in[1].data : nullptr,
         states && cell ? r.in[2].data : nullptr, unwanted_ ? workspace : r.out[0].data, r.out[1].data, r.out[2].data,
         cell ? r.out[3].data : nullptr},
        workspace + room());
  }

 private:
  size_t room() const { return (unwanted_ + 255) / 256 * 256; }

  const Params params_;
  const size_t unwanted_;
  const std::shared_ptr<const gpu::RnnPlan> plan_;
};

inline std::unique_ptr<Kernel> prepare_cudnn_forward(const PrepareContext& c) {
  const Params& p = c.params<Params>();
  const Sizes s(p, c.inputs[0].shape);
  const size_t at = p.reserve_output();
  const bool keeps = at >= c.wanted.size() || c.wanted[at];
  if (s.dropout && (keeps || c.training)) return nullptr;
  auto plan = plan_of(p, s, c.inputs[0].dtype, c.device.index);
  if (!plan || (keeps && !holds(c.outputs[at], *plan))) return nullptr;
  return std::make_unique<CudnnForward>(p, keeps, std::move(plan));
}

inline std::unique_ptr<Kernel> prepare_cudnn_backward(const PrepareContext& c) {
  const Params& p = c.params<Params>();
  const TensorView& x = c.inputs[p.reserve_output()];
  const Sizes s(p, x.shape);
  if (s.dropout) return nullptr;
  auto plan = plan_of(p, s, x.dtype, c.device.index);
  if (!plan || !holds(c.inputs[c.inputs.size() - 1], *plan)) return nullptr;
  const size_t bytes = c.wanted.empty() || c.wanted[0] ? 0 : static_cast<size_t>(x.size() * dtype_size(x.dtype));
  return std::make_unique<CudnnBackward>(p, bytes, std::move(plan));
}

}  // namespace mixnet::op::rnn
