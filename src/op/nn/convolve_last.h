// A convolution on a GPU, and its gradients, inside of which channels lie last. Values from and for neighbours that have them so pass as they are, weights of
// predictions are packed once; everything else is converted through workspace.
#pragma once
#include <optional>
#include <vector>

#include "device/device.h"
#include "op/core/gpu/columns.h"
#include "op/nn/convolve_kernels.h"
#include "op/nn/last_side.h"

namespace mixnet::op {

class ConvolveLast final : public Kernel {
 public:
  // `alone`: taken instead where the plan keeps nothing with channels last that this one reads or gives.
  ConvolveLast(const PrepareContext& context, const gpu::Finish& finish, const gpu::PreparedConvolution& it,
               std::unique_ptr<Kernel> alone)
      : finish_(finish), it_(it), alone_(std::move(alone)), device_(context.device), out_(context.outputs[0]) {
    for (const TensorView& v : context.inputs) in_.emplace_back(v);
  }

  size_t workspace() const override {
    if (by_itself()) return alone_->workspace();
    size_t bytes = LastSide::rounded(it_.workspace()) + out_.room();
    for (const LastSide& side : in_) bytes += side.room();
    return bytes;
  }
  LayoutPtr input_layout(int i) const override { return in_[static_cast<size_t>(i)].layout; }
  LayoutPtr output_layout(int) const override { return out_.layout; }
  void adopt_input(int i) override {
    in_[static_cast<size_t>(i)].adopted = true;
    adopted_ = true;
  }
  void adopt_output(int) override { out_.adopted = adopted_ = true; }
  void pack_input(int i, const void* plain, void* packed) const override {
    const LastSide& side = in_[static_cast<size_t>(i)];
    gpu::to_channels_last(*get_device(device_).stream(), side.shape, side.dtype, packed, plain);
  }

  void run(const RunContext& r) const override {
    if (by_itself()) return alone_->run(r);
    Stream& stream = *r.context.stream;
    char* at = static_cast<char*>(r.context.workspace) + LastSide::rounded(it_.workspace());
    const auto last = [&](size_t i) { return in_[i].last(stream, r.in[i].data, at); };
    gpu::ConvolutionData data{last(0), last(1), nullptr};
    if (finish_.bias) data.bias = r.in[2].data;
    if (finish_.residual) data.residual = last(finish_.bias ? 3 : 2);
    data.y = out_.place(r.out[0].data, at);
    it_.run(stream, data, r.context.workspace);
    out_.give(stream, r.out[0].data, data.y);
  }

 private:
  bool by_itself() const { return alone_ && !adopted_; }

  const gpu::Finish finish_;
  const gpu::PreparedConvolution it_;
  const std::unique_ptr<Kernel> alone_;
  const DeviceId device_;
  std::vector<LastSide> in_;
  LastSide out_;
  bool adopted_ = false;
};

template <class T>
struct BiasSum {
  using Own = char;  // nothing
  using Value = accumulator_t<T>;
  const T* dy;
  T* db;
  MIXNET_ON_DEVICE char own(int64_t) const { return 0; }
  template <int V> MIXNET_ON_DEVICE void add(int64_t at, const char (&)[V], Value (&sums)[V]) const {
    const auto values = gpu::load<V>(dy + at);
    for (int i = 0; i < V; ++i) sums[i] += static_cast<Value>(values.at[i]);
  }
  MIXNET_ON_DEVICE void finish(int64_t column, Value sum) const { db[column] = static_cast<T>(sum); }
};

// (dy, data, weight) to (gradients of data, weight[, bias]). Without a convolution for it a gradient is not computed.
class ConvolveBackwardLast final : public Kernel {
 public:
  ConvolveBackwardLast(const PrepareContext& context, std::optional<gpu::PreparedConvolution> data,
                       std::optional<gpu::PreparedConvolution> weight)
      : data_(std::move(data)), weight_(std::move(weight)), bias_sums_(rows_of(context.inputs[0].shape)) {
    for (size_t i = 0; i < 3; ++i) in_[i] = LastSide(context.inputs[i]);
    for (size_t i = 0; i < 2; ++i) out_[i] = LastSide(context.outputs[i]);
    sums_bias_ = !context.params<ConvParams>().no_bias && context.wanted[2];
  }

  size_t workspace() const override {
    size_t bytes = own_bytes();
    for (const LastSide& side : in_) bytes += side.room();
    for (const LastSide& side : out_) bytes += side.room();
    return bytes;
  }
  LayoutPtr input_layout(int i) const override { return in_[i].layout; }
  LayoutPtr output_layout(int i) const override { return i < 2 ? out_[i].layout : nullptr; }
  void adopt_input(int i) override { in_[i].adopted = true; }
  void adopt_output(int i) override { out_[i].adopted = true; }

  void run(const RunContext& r) const override {
    Stream& stream = *r.context.stream;
    void* const workspace = r.context.workspace;
    char* at = static_cast<char*>(workspace) + own_bytes();
    void* const dy = in_[0].last(stream, r.in[0].data, at);
    if (data_) {
      void *const w = in_[2].last(stream, r.in[2].data, at), *const dx = out_[0].place(r.out[0].data, at);
      data_->run(stream, {dx, w, dy}, workspace);
      out_[0].give(stream, r.out[0].data, dx);
    }
    if (weight_) {
      void *const x = in_[1].last(stream, r.in[1].data, at), *const dw = out_[1].place(r.out[1].data, at);
      weight_->run(stream, {x, dw, dy}, workspace);
      out_[1].give(stream, r.out[1].data, dw);
    }
    if (!sums_bias_) return;
    dispatch_float(r.in[0].dtype, "Convolution", [&](auto tag) {
      using T = typename decltype(tag)::type;
      bias_sums_.run<T>(stream, BiasSum<T>{static_cast<const T*>(dy), r.out[2].as<T>()}, {dy}, workspace);
    });
  }

 private:
  static gpu::Table rows_of(const Shape& dy) { return {dy[0] * dy.size(2, dy.ndim()), dy[1]}; }
  size_t own_bytes() const {
    return LastSide::rounded(std::max(
        {data_ ? data_->workspace() : 0, weight_ ? weight_->workspace() : 0, sums_bias_ ? bias_sums_.workspace() : 0}));
  }

  const std::optional<gpu::PreparedConvolution> data_, weight_;
  const gpu::ColumnSums bias_sums_;
  bool sums_bias_ = false;
  LastSide in_[3], out_[2];
};

}  // namespace mixnet::op
