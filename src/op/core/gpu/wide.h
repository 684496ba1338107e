// Lets a body for GPUs that computes in float or double take the 16-bit floats too (op/core/wide.h).
#pragma once
#include "op/core/gpu/convert.h"
#include "op/core/gpu/register.h"
#include "op/core/wide.h"

namespace mixnet::gpu {

struct Conversion {
  static void run(const KernelContext& c, const TensorView& from, const TensorView& to) {
    convert(*c.stream, from, to);
  }
};

// `scratch` says how many bytes of workspace the body gets.
template <class P>
void wide(Registry& registry, const std::string& name, KernelFn<P> body,
          size_t (*scratch)(const PrepareContext&) = nullptr) {
  registry.existing(name).gpu_kernels.push_back([=](const PrepareContext& c) -> std::unique_ptr<Kernel> {
    return std::make_unique<WideKernel<P, Conversion>>(c, body, scratch ? scratch(c) : 0);
  });
}

}  // namespace mixnet::gpu
