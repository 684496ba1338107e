// How the .cu sibling of an operator's file adds its kernels:
//
//   void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "relu", forward); }
#pragma once
#include "op/core/registry.h"

namespace mixnet::gpu {

template <class P>
using KernelFn = void (*)(const P&, const RunContext&);

// A kernel that needs no preparation: fn puts it on r.context.stream and returns.
template <class P>
void kernel(Registry& registry, const std::string& name, KernelFn<P> fn) {
  registry.existing(name).gpu_kernels.push_back([fn](const PrepareContext& c) -> std::unique_ptr<Kernel> {
    return std::make_unique<FunctionKernel<P>>(c.params<P>(), fn);
  });
}

// One that looks at shapes first; nullptr: not these.
inline void prepared(Registry& registry, const std::string& name, PrepareFn fn) {
  registry.existing(name).gpu_kernels.push_back(fn);
}

}  // namespace mixnet::gpu
