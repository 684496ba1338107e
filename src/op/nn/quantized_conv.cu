// Convolutions of 8-bit numbers on GPUs; see quantized_conv.cc.
#include "op/nn/quantized_conv.h"

#include "op/core/gpu/convolve_parts.h"
#include "op/core/gpu/int8.h"
#include "op/nn/convolve.h"

namespace mixnet::op::quantized_conv {
namespace {

template <class Store>
void convolve(const ConvParams& p, const RunContext& r, Store store) {
  const gpu::Convolution c = convolution_of(p, p.window(), first_of(p, r.in[0].shape), first_of(p, r.out[0].shape),
                                            first_of(p, r.in[1].shape), r.in[0].dtype);
  quantized::dispatch_bytes(r.in[0].dtype, [&](auto tag) {
    gpu::convolve_with<int32_t>(*r.context.stream, c, r.in[0].as<typename decltype(tag)::type>(), r.in[1].as<int8_t>(),
                                store);
  });
}

void sums(const ConvParams& p, const RunContext& r) {
  const Int8Steps steps = Int8Layer(p.no_bias).steps(r);
  convolve(p, r, gpu::Int8Sums{steps, r.out[0].as<int32_t>()});
  gpu::set_int8_ranges(r, steps);
}
void joined(const JoinedParams& p, const RunContext& r) { convolve(p, r, gpu::Int8Store(p, r)); }

template <class P, gpu::KernelFn<P> fn>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  const P& p = c.params<P>();
  check_int8_depth(first_of(p, c.inputs[1].shape)[1] * p.window().volume());
  return std::make_unique<FunctionKernel<P>>(p, fn);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::prepared(registry, "_contrib_quantized_conv", prepare<ConvParams, sums>);
  gpu::prepared(registry, "_int8_convolution", prepare<JoinedParams, joined>);
}

}  // namespace mixnet::op::quantized_conv
