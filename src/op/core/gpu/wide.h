// WideKernel for GPUs: a body that sees only float32 and float64 takes the 16-bit floats too.
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

template <class From, class To>
void convert_as(Stream& stream, const TensorView& from, const TensorView& to) {
  map(stream, from.size(), Converted<From, To>{from.as<From>(), to.as<To>()});
}

struct ConvertOnStream {
  static void convert(const RunContext& r, const TensorView& from, const TensorView& to) {
    Stream& stream = *r.context.stream;
    if (from.dtype == DType::f16) convert_as<f16, float>(stream, from, to);
    else if (from.dtype == DType::bf16) convert_as<bf16, float>(stream, from, to);
    else if (to.dtype == DType::f16) convert_as<float, f16>(stream, from, to);
    else convert_as<float, bf16>(stream, from, to);
  }
};

template <class P> using WideKernel = mixnet::WideKernel<P, ConvertOnStream>;

template <class P, KernelFn<P> Body>
void wide(Registry& registry, const std::string& name) {
  prepared(registry, name, [](const PrepareContext& c) -> std::unique_ptr<Kernel> {
    return std::make_unique<WideKernel<P>>(c, Body, 0);
  });
}

}  // namespace mixnet::gpu
