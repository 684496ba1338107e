// A convolution on a GPU inside of which channels lie last. Values from and for neighbours that have them so pass as they are, weights of predictions are
// packed once; everything else is converted through workspace.
#pragma once
#include <vector>

#include "device/device.h"
#include "op/core/gpu/channels_last.h"
#include "op/nn/convolve_kernels.h"

namespace mixnet::op {

class ConvolveLast final : public Kernel {
 public:
  ConvolveLast(const PrepareContext& context, const gpu::Finish& finish, const gpu::PreparedConvolution& it)
      : finish_(finish), it_(it), device_(context.device), out_(context.outputs[0]) {
    for (const TensorView& v : context.inputs) in_.emplace_back(v);
  }

  size_t workspace() const override {
    size_t bytes = rounded(it_.workspace()) + out_.room();
    for (const Side& side : in_) bytes += side.room();
    return bytes;
  }
  LayoutPtr input_layout(int i) const override { return in_[static_cast<size_t>(i)].layout; }
  LayoutPtr output_layout(int) const override { return out_.layout; }
  void adopt_input(int i) override { in_[static_cast<size_t>(i)].adopted = true; }
  void adopt_output(int) override { out_.adopted = true; }
  void pack_input(int i, const void* plain, void* packed) const override {
    const Side& side = in_[static_cast<size_t>(i)];
    gpu::to_channels_last(*get_device(device_).stream(), side.shape, side.dtype, packed, plain);
  }

  void run(const RunContext& r) const override {
    Stream& stream = *r.context.stream;
    char* at = static_cast<char*>(r.context.workspace) + rounded(it_.workspace());
    const auto last = [&](size_t i) {
      const Side& side = in_[i];
      if (!side.converts()) return r.in[i].data;
      void* const to = at;
      at += side.room();
      gpu::to_channels_last(stream, side.shape, side.dtype, to, r.in[i].data);
      return to;
    };
    gpu::ConvolutionData data{last(0), last(1), out_.converts() ? nullptr : r.out[0].data};
    if (finish_.bias) data.bias = r.in[2].data;
    if (finish_.residual) data.residual = last(finish_.bias ? 3 : 2);
    if (out_.converts()) data.y = at;
    it_.run(stream, data, r.context.workspace);
    if (out_.converts()) gpu::to_channels_first(stream, out_.shape, out_.dtype, r.out[0].data, data.y);
  }

 private:
  static size_t rounded(size_t bytes) { return (bytes + 255) / 256 * 256; }

  struct Side {
    explicit Side(const TensorView& v) : shape(v.shape), dtype(v.dtype), layout(gpu::channels_last(v.shape, v.dtype)) {}
    bool converts() const { return layout && !adopted; }
    size_t room() const { return converts() ? rounded(static_cast<size_t>(layout->bytes())) : 0; }

    Shape shape;
    DType dtype;
    LayoutPtr layout;  // null: no other than row-major
    bool adopted = false;
  };

  const gpu::Finish finish_;
  const gpu::PreparedConvolution it_;
  const DeviceId device_;
  std::vector<Side> in_;
  Side out_;
};

}  // namespace mixnet::op
