// Kernels for GPUs that are a function, as gpu::kernel has them, and need workspace.
#pragma once
#include "op/core/gpu/register.h"

namespace mixnet::gpu {

template <class P>
class ScratchKernel : public FunctionKernel<P> {
 public:
  ScratchKernel(const P& params, KernelFn<P> fn, size_t bytes) : FunctionKernel<P>(params, fn), bytes_(bytes) {}
  size_t workspace() const override { return bytes_; }

 private:
  size_t bytes_;
};

// `scratch` says how many bytes.
template <class P>
void kernel(Registry& registry, const std::string& name, KernelFn<P> fn, size_t (*scratch)(const PrepareContext&)) {
  registry.existing(name).gpu_kernels.push_back([=](const PrepareContext& c) -> std::unique_ptr<Kernel> {
    return std::make_unique<ScratchKernel<P>>(c.params<P>(), fn, scratch(c));
  });
}

}  // namespace mixnet::gpu
