// _contrib_quantized_rnn, for any place: data are brought back to float32, and RNN's own kernel does the rest.
#pragma once
#include "op/core/on_host.h"
#include "op/core/registry.h"
#include "op/rnn/rnn.h"

namespace mixnet::op::quantized_rnn {

using rnn::Mode;
using rnn::Params;

// The position of data_scale; data_shift follows it.
inline size_t scale_input(const Params& p) { return p.cell() ? 4 : 3; }

struct Widen {
  const uint8_t* q;
  const float *scale, *shift;
  float* x;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const float per_step = 1 / scale[0];
    x[i] = (static_cast<float>(q[i]) - shift[0]) * per_step;
  }
};

template <class Place>
class WidenedRnn : public Kernel {
 public:
  // prepare_rnn makes RNN's kernel for this place.
  template <class F>
  WidenedRnn(const PrepareContext& c, F prepare_rnn) : params_(c.params<Params>()), rnn_(&registry().at("RNN")) {
    std::vector<TensorView> in(c.inputs.begin(), c.inputs.begin() + static_cast<long>(scale_input(params_)));
    in[0].dtype = DType::f32;
    data_ = static_cast<size_t>((in[0].bytes() + 63) / 64 * 64);
    std::vector<TensorView> out(c.outputs.begin(), c.outputs.end());
    out.resize(static_cast<size_t>(rnn_->num_outputs(&params_)), TensorView());
    std::vector<char> wanted(out.size(), 0);
    std::fill_n(wanted.begin(), c.outputs.size(), 1);
    PrepareContext own = c;
    own.params_ = &params_;
    own.inputs = in;
    own.outputs = out;
    own.wanted = Span<const bool>(reinterpret_cast<const bool*>(wanted.data()), wanted.size());
    own.layouts = {};
    kernel_ = prepare_rnn(*rnn_, own);
  }
  size_t workspace() const override { return data_ + kernel_->workspace(); }
  void run(const RunContext& r) const override {
    const size_t scale = scale_input(params_);
    std::vector<TensorView> in(r.in.begin(), r.in.begin() + static_cast<long>(scale)), out(r.out.begin(), r.out.end());
    out.resize(static_cast<size_t>(rnn_->num_outputs(&params_)), TensorView());
    in[0].dtype = DType::f32;
    in[0].data = r.context.workspace;
    Place::each(r, in[0].size(), 16384,
                Widen{r.in[0].as<uint8_t>(), r.in[scale].as<float>(), r.in[scale + 1].as<float>(), in[0].as<float>()});
    KernelContext context = r.context;
    context.workspace = static_cast<char*>(r.context.workspace) + data_;
    context.training = false;
    kernel_->run({in, out, context});
  }

 private:
  const Params params_;
  const OpSchema* rnn_;
  std::unique_ptr<Kernel> kernel_;
  size_t data_ = 0;
};

}  // namespace mixnet::op::quantized_rnn
