// The kernels of Normalize (op/nn/normalize.h) on GPUs.
#pragma once
#include "op/core/gpu/normalize.h"
#include "op/core/gpu/register.h"
#include "op/nn/normalize.h"

namespace mixnet::op {

template <class P, NormRows (*rows)(const P&, const Shape&)>
struct NormalizeOnGpu {
  static gpu::Rows rows_of(const P& p, const TensorView& x) {
    const NormRows s = rows(p, x.shape);
    return {s.outer, s.length, s.inner, s.groups, x.dtype};
  }
  static void forward(const P& p, const RunContext& r) {
    gpu::normalize(*r.context.stream, rows_of(p, r.in[0]), p.eps, r.in[0].data, r.in[1].data, r.in[2].data,
                   r.out[0].data, r.out[1].data, r.out[2].data);
  }
  static void backward(const P& p, const RunContext& r) {
    gpu::normalize_backward(*r.context.stream, rows_of(p, r.in[0]), r.in[0].data, r.in[1].data, r.in[2].data,
                            r.in[3].data, r.in[4].data, r.out[0].data, r.out[1].data, r.out[2].data,
                            r.context.workspace);
  }
  class Backward : public FunctionKernel<P> {
   public:
    explicit Backward(const PrepareContext& c)
        : FunctionKernel<P>(c.params<P>(), backward),
          workspace_(gpu::normalize_backward_workspace(rows_of(c.params<P>(), c.inputs[0]))) {}
    size_t workspace() const override { return workspace_; }

   private:
    const size_t workspace_;
  };
  static std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) { return std::make_unique<Backward>(c); }
  static void add(Registry& registry, const std::string& name) {
    gpu::kernel<P>(registry, name, forward);
    gpu::prepared(registry, "_backward_" + name, prepare_backward);
  }
};

}  // namespace mixnet::op
