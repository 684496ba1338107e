// Lets a body for GPUs that computes in float or double take the 16-bit floats too (op/core/wide.h).
#pragma once
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/wide.h"

namespace mixnet::gpu {

template <class From, class To>
struct Converted {
  const From* x;
  To* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { y[i] = static_cast<To>(static_cast<float>(x[i])); }
};

struct Conversion {
  static void run(const KernelContext& c, const TensorView& from, const TensorView& to) {
    if (from.dtype == DType::f16) put<f16, float>(c, from, to);
    else if (from.dtype == DType::bf16) put<bf16, float>(c, from, to);
    else if (to.dtype == DType::f16) put<float, f16>(c, from, to);
    else put<float, bf16>(c, from, to);
  }

 private:
  template <class From, class To>
  static void put(const KernelContext& c, const TensorView& from, const TensorView& to) {
    map(*c.stream, from.size(), Converted<From, To>{from.as<From>(), to.as<To>()});
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
