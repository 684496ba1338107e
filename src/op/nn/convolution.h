// Parameters and geometry of Convolution and Deconvolution, shared with their device siblings.
#pragma once
#include "op/nn/channels_last.h"
#include "op/nn/window.h"

namespace mixnet::op {

enum class CudnnTune { none, fastest, limited_workspace, off };

struct ConvParams {
  Shape kernel, stride, dilate, pad;
  Shape adj, target_shape;  // Deconvolution only
  int64_t num_filter = 0, num_group = 1, workspace = 1024;
  bool no_bias = false, cudnn_off = false;
  CudnnTune cudnn_tune = CudnnTune::none;
  ConvLayout layout = ConvLayout::none;

  Window window() const { return Window(kernel, stride, dilate, pad); }
};

inline void check_conv(const ConvParams& p) {
  p.window();
  MIXNET_CHECK(p.num_filter % p.num_group == 0, invalid, "num_filter: expected a multiple of num_group ", p.num_group,
               ", got ", p.num_filter);
  check_layout(p.layout, p.kernel.ndim(), false);
}

template <class P>
void add_conv_params(OpBuilder<P>& op, bool deconvolution) {
  op.param("kernel", &P::kernel).required().range(1).doc("Extent of the window: (w), (h, w) or (d, h, w).");
  op.param("stride", &P::stride).range(1).doc("Step of the window; 1 when empty.");
  op.param("dilate", &P::dilate).range(1).doc("Distance of the window's elements; 1 when empty.");
  op.param("pad", &P::pad).range(0).doc("Zeros added on both sides; 0 when empty.");
  if (deconvolution) {
    op.param("adj", &P::adj).range(0).doc("Added to the output's extents on one side.");
    op.param("target_shape", &P::target_shape).range(0).doc("The output's extents; then pad and adj follow from it.");
  }
  op.param("num_filter", &P::num_filter).required().range(1).doc("Number of output channels.");
  op.param("num_group", &P::num_group).range(1).doc("Channels are divided into so many independent groups.");
  op.param("workspace", &P::workspace).range(0).doc("MiB that an engine of cuDNN may need beside the tensors.");
  op.param("no_bias", &P::no_bias).doc("Leaves the bias out.");
  op.param("cudnn_tune", &P::cudnn_tune, {"None", "fastest", "limited_workspace", "off"})
      .doc("Whether the quickest engine of cuDNN is found by trial; None: as MIXNET_CUDNN_AUTOTUNE says.");
  op.param("cudnn_off", &P::cudnn_off).doc("On a GPU our own kernel, not cuDNN's.");
  op.param("layout", &P::layout, {"None", "NCDHW", "NCHW", "NCW", "NDHWC", "NHWC"})
      .doc("Order of the axes of data; channels first unless NHWC or NDHWC, with weights (out, kernel..., in) then.");
  op.check([](const P& p) { check_conv(p); });
}

// `big` is the side with the larger extents: the input of Convolution, the output of Deconvolution.
inline Image conv_image(const Window& w, const Shape& big, const Shape& small, int64_t channels) {
  Image m;
  m.channels = channels;
  // Spatial axes are aligned at the end, so that rows stay contiguous.
  for (int i = 0; i < w.dims; ++i) {
    m.in[3 - w.dims + i] = big[2 + i];
    m.out[3 - w.dims + i] = small[2 + i];
  }
  return m;
}
// The window with its axes aligned at the end of three.
inline Window aligned(const Window& w) {
  Window a = w;
  for (int i = 0; i < 3; ++i) {
    const int from = i - (3 - w.dims);
    a.kernel[i] = from >= 0 ? w.kernel[from] : 1;
    a.stride[i] = from >= 0 ? w.stride[from] : 1;
    a.dilate[i] = from >= 0 ? w.dilate[from] : 1;
    a.pad[i] = from >= 0 ? w.pad[from] : 0;
  }
  return a;
}

inline std::vector<std::string> conv_inputs(const ConvParams& p) {
  return p.no_bias ? std::vector<std::string>{"data", "weight"} : std::vector<std::string>{"data", "weight", "bias"};
}

}  // namespace mixnet::op
