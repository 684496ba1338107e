// _interleaved_attention on GPUs; see interleaved_attention.cc. The projections are read where they lie.
#include "op/contrib/interleaved_attention.h"

#include "op/core/gpu/attention_kernel.h"

namespace mixnet::op::interleaved_attention {
namespace {

gpu::Rows rows_of(const Part<char>& p) { return {p.parts * p.d, p.pitch()}; }

struct Forward {
  using Params = interleaved_attention::Params;
  static gpu::Attention attention(const Params& p, Span<const TensorView> in, Span<const TensorView> out) {
    const Operands<char> o(p, in);
    gpu::Attention a{};
    a.dtype = in[0].dtype;
    a.batch = o.q.batch;
    a.heads = p.heads;
    a.queries = o.q.length;
    a.keys = o.k.length;
    a.depth = a.width = o.q.d;
    a.scale = scale_of(p, o.q.d);
    a.q = rows_of(o.q);
    a.k = rows_of(o.k);
    a.v = rows_of(o.v);
    a.y = rows_of(Part<char>(out[0], p.heads, 1, 0));
    if (!p.use_mask) return a;
    a.mask = in[p.projections()].shape;
    a.mask_dtype = in[p.projections()].dtype;
    return a;
  }
  static gpu::AttentionData data(const Params& p, const gpu::Attention& a, const RunContext& r) {
    const Operands<char> o(p, r.in);
    const auto first = [&](const Part<char>& part) {
      return part.data ? part.data + part.index * part.d * dtype_size(a.dtype) : nullptr;
    };
    return {first(o.q),    first(o.k), first(o.v), p.use_mask ? r.in[p.projections()].data : nullptr,
            r.out[0].data, nullptr};
  }
};

}  // namespace

void register_gpu(Registry& registry) { gpu::attention<Forward>(registry, "_interleaved_attention"); }

}  // namespace mixnet::op::interleaved_attention
