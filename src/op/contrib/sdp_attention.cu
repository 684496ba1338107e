// _contrib_sdp_attention on GPUs; see sdp_attention.cc. Of 16-bit operands by cuDNN, where it can, else ours.
#include "op/contrib/sdp_attention.h"

#include "op/core/gpu/attention_kernel.h"

namespace mixnet::op::sdp_attention {
namespace {

gpu::Attention attention_of(const Params& p, const TensorView& q, const TensorView& v, const TensorView* mask) {
  const Sizes s(q.shape, v.shape);
  gpu::Attention a{};
  a.dtype = q.dtype;
  a.batch = q.shape[0];
  a.heads = s.heads;
  a.queries = s.queries;
  a.keys = s.keys;
  a.depth = s.depth;
  a.width = s.width;
  a.scale = scale_of<double>(p, s);
  a.causal = p.causal;
  a.q = gpu::dense(s.queries, s.depth);
  a.k = gpu::dense(s.keys, s.depth);
  a.v = gpu::dense(s.keys, s.width);
  a.y = gpu::dense(s.queries, s.width);
  if (mask) a.mask = mask->shape;
  if (mask) a.mask_dtype = mask->dtype;
  return a;
}

struct Forward {
  using Params = sdp_attention::Params;
  static gpu::Attention attention(const Params& p, Span<const TensorView> in, Span<const TensorView>) {
    return attention_of(p, in[0], in[2], p.use_mask ? &in[3] : nullptr);
  }
  static gpu::AttentionData data(const Params& p, const gpu::Attention&, const RunContext& r) {
    return {r.in[0].data,  r.in[1].data, r.in[2].data, p.use_mask ? r.in[3].data : nullptr,
            r.out[0].data, r.out[1].data};
  }
};

// (dy, query, key, value, output, sums[, mask]) to the gradients of query, key and value.
gpu::Attention backward_of(const Params& p, Span<const TensorView> in) {
  return attention_of(p, in[1], in[3], p.use_mask ? &in[6] : nullptr);
}
gpu::AttentionSlopes slopes_of(const Params& p, const RunContext& r) {
  return {r.in[0].data, r.in[1].data, r.in[2].data,  r.in[3].data,  p.use_mask ? r.in[6].data : nullptr,
          r.in[4].data, r.in[5].data, r.out[0].data, r.out[1].data, r.out[2].data};
}
void backward(const Params& p, const RunContext& r) {
  gpu::attend_backward(*r.context.stream, backward_of(p, r.in), slopes_of(p, r), r.context.workspace);
}
size_t backward_bytes(const PrepareContext& c) {
  return gpu::attend_backward_bytes(backward_of(c.params<Params>(), c.inputs));
}

class CudnnBackward final : public gpu::EvenKernel {
 public:
  CudnnBackward(const PrepareContext& c, const gpu::Attention& a,
                std::shared_ptr<const gpu::AttentionBackwardPlan> plan)
      : EvenKernel(c, room(plan->workspace()) + 2 * room(a.lines() * 4)),
        params_(c.params<Params>()),
        lines_(a.lines()),
        plan_(std::move(plan)) {}

 private:
  void run_even(const RunContext& r, char* own) const override {
    gpu::AttentionSlopes data = slopes_of(params_, r);
    char* const dots = own + room(plan_->workspace());
    if (params_.use_mask) {
      float* const lifted = reinterpret_cast<float*>(dots + room(lines_ * 4));
      gpu::lift_hidden_sums(*r.context.stream, static_cast<int64_t>(lines_), static_cast<const float*>(data.sums),
                            lifted);
      data.sums = lifted;
    }
    plan_->run(*r.context.stream, data, reinterpret_cast<float*>(dots), own);
  }

  const Params params_;
  const size_t lines_;
  const std::shared_ptr<const gpu::AttentionBackwardPlan> plan_;
};
std::unique_ptr<Kernel> backward_by_cudnn(const PrepareContext& c) {
  const gpu::Attention a = backward_of(c.params<Params>(), c.inputs);
  auto plan = gpu::cudnn_attention_backward(c.device.index, a);
  return plan ? std::make_unique<CudnnBackward>(c, a, std::move(plan)) : nullptr;
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::attention<Forward>(registry, "_contrib_sdp_attention");
  gpu::prepared(registry, "_backward_contrib_sdp_attention", backward_by_cudnn);
  gpu::wide<Params>(registry, "_backward_contrib_sdp_attention", backward, backward_bytes);
}

}  // namespace mixnet::op::sdp_attention
