// Kernels of operators that are attention: by cuDNN, and by our own where that refuses. An operator says what the attention of its
// parameters and tensors is:
//
//   struct Way {
//     using Params = ...;
//     static Attention attention(const Params&, Span<const TensorView> in, Span<const TensorView> out);
//     static AttentionData data(const Params&, const Attention&, const RunContext&);  // sums may be null
//   };
#pragma once
#include <vector>

#include "op/core/gpu/cudnn_attention.h"
#include "op/core/gpu/wide.h"

namespace mixnet::gpu {

// By cuDNN. What lies at an odd address is copied, for which there is workspace.
template <class Way>
class CudnnAttention final : public Kernel {
 public:
  using Params = typename Way::Params;
  CudnnAttention(const PrepareContext& c, const Attention& a, std::shared_ptr<const AttentionPlan> plan)
      : params_(c.params<Params>()), attention_(a), plan_(std::move(plan)) {
    for (const auto* views : {&c.inputs, &c.outputs}) {
      for (const TensorView& v : *views) copies_ += room(v);
    }
  }
  size_t workspace() const override {
    return AttentionPlan::workspace_alignment + room(plan_->workspace()) + sums() + copies_;
  }

  void run(const RunContext& r) const override {
    constexpr uintptr_t to = AttentionPlan::workspace_alignment;
    char* const own = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(r.context.workspace) + to - 1) / to * to);
    char* at = own + room(plan_->workspace()) + sums();
    Stream& stream = *r.context.stream;
    std::vector<TensorView> in(r.in.begin(), r.in.end()), out(r.out.begin(), r.out.end());
    for (TensorView& v : in) {
      const void* const from = v.data;
      if (move(v, at) && v.bytes() > 0) stream.copy(v.data, from, static_cast<size_t>(v.bytes()));
    }
    for (TensorView& v : out) move(v, at);
    AttentionData data = Way::data(params_, attention_, {in, out, r.context});
    if (!data.sums) data.sums = own + room(plan_->workspace());
    plan_->run(stream, data, own);
    clear_hidden_queries(stream, attention_, data);
    for (size_t i = 0; i < out.size(); ++i) {
      if (out[i].data != r.out[i].data) stream.copy(r.out[i].data, out[i].data, static_cast<size_t>(out[i].bytes()));
    }
  }

 private:
  static size_t room(size_t bytes) { return (bytes + 63) / 64 * 64; }
  static size_t room(const TensorView& v) { return room(static_cast<size_t>(v.bytes())); }
  size_t sums() const { return room(static_cast<size_t>(attention_.matrices() * attention_.queries) * 4); }
  // Whether it lay at an odd address.
  static bool move(TensorView& v, char*& at) {
    char* const here = at;
    at += room(v);
    if (!v.data || reinterpret_cast<uintptr_t>(v.data) % AttentionPlan::alignment == 0) return false;
    v.data = here;
    return true;
  }

  const Params params_;
  const Attention attention_;
  const std::shared_ptr<const AttentionPlan> plan_;
  size_t copies_ = 0;
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
    return attend_bytes(a) + static_cast<size_t>(a.matrices() * a.queries) * 8;
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
