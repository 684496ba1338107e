// Kernels of operators that are attention: by cuDNN, and by our own where that refuses. An operator says what the attention of its
// parameters and tensors is:
//
//   struct Way {
//     using Params = ...;
//     static Attention attention(const Params&, Span<const TensorView> in, Span<const TensorView> out);
//     static AttentionData data(const Params&, const Attention&, const RunContext&);  // sums may be null
//   };
#pragma once
#include "op/core/gpu/cudnn_attention.h"
#include "op/core/gpu/even_kernel.h"
#include "op/core/gpu/wide.h"

namespace mixnet::gpu {

template <class Way>
class CudnnAttention final : public EvenKernel {
 public:
  using Params = typename Way::Params;
  CudnnAttention(const PrepareContext& c, const Attention& a, std::shared_ptr<const AttentionPlan> plan)
      : EvenKernel(c, room(plan->workspace()) + a.lines() * 4),
        params_(c.params<Params>()),
        attention_(a),
        plan_(std::move(plan)) {}

 private:
  void run_even(const RunContext& r, char* own) const override {
    AttentionData data = Way::data(params_, attention_, r);
    if (!data.sums) data.sums = own + room(plan_->workspace());
    plan_->run(*r.context.stream, data, own);
    clear_hidden_queries(*r.context.stream, attention_, data);
  }

  const Params params_;
  const Attention attention_;
  const std::shared_ptr<const AttentionPlan> plan_;
};

template <class Way>
struct OwnAttention {
  using Params = typename Way::Params;
  // Of the dtype that it computes in.
  static void run(const Params& p, const RunContext& r) {
    const Attention a = Way::attention(p, r.in, r.out);
    AttentionData data = Way::data(p, a, r);
    char* const own = static_cast<char*>(r.context.workspace);
    if (!data.sums) data.sums = own + attend_bytes(a);
    attend(*r.context.stream, a, data, own);
  }
  static size_t bytes(const PrepareContext& c) {
    const Attention a = Way::attention(c.params<Params>(), c.inputs, c.outputs);
    return attend_bytes(a) + a.lines() * 8;
  }
};

template <class Way>
void attention(Registry& registry, const std::string& name) {
  prepared(registry, name, [](const PrepareContext& c) -> std::unique_ptr<Kernel> {
    const Attention a = Way::attention(c.params<typename Way::Params>(), c.inputs, c.outputs);
    auto plan = cudnn_attention(c.device.index, a);
    return plan ? std::make_unique<CudnnAttention<Way>>(c, a, std::move(plan)) : nullptr;
  });
  wide<typename Way::Params>(registry, name, OwnAttention<Way>::run, OwnAttention<Way>::bytes);
}

}  // namespace mixnet::gpu
