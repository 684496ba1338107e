// Full layers on 8-bit numbers on GPUs; see quantized_fully_connected.cc.
#include "op/nn/quantized_fully_connected.h"

#include "op/core/gpu/int8.h"
#include "op/core/gpu/product.h"

namespace mixnet::op::quantized_fully_connected {
namespace {

template <class Q>
struct Data {
  const Q* x;
  int64_t depth;
  MIXNET_ON_DEVICE int32_t operator()(int64_t, int64_t i, int64_t t) const { return x[i * depth + t]; }
};
struct Weight {
  const int8_t* w;
  int64_t depth;
  MIXNET_ON_DEVICE int32_t operator()(int64_t, int64_t t, int64_t j) const { return w[j * depth + t]; }
};
template <class Store>
struct ToRows {
  Store store;
  int64_t hidden;
  MIXNET_ON_DEVICE void operator()(int64_t, int64_t i, int64_t j, int32_t sum) const { store(j, i * hidden + j, sum); }
};

template <class Store>
void multiply(const Params& p, const RunContext& r, Store store) {
  const Matrix x(r.in[0].shape, p);
  quantized::dispatch_bytes(r.in[0].dtype, [&](auto tag) {
    using Q = typename decltype(tag)::type;
    gpu::product<int32_t>(*r.context.stream, {1, x.rows, p.num_hidden, x.depth, true, true},
                          Data<Q>{r.in[0].as<Q>(), x.depth}, Weight{r.in[1].as<int8_t>(), x.depth},
                          ToRows<Store>{store, p.num_hidden});
  });
}

void sums(const Params& p, const RunContext& r) {
  const Int8Steps steps = Int8Layer(p.no_bias).steps(r);
  multiply(p, r, gpu::Int8Sums{steps, r.out[0].as<int32_t>()});
  gpu::set_int8_ranges(r, steps);
}
void joined(const JoinedParams& p, const RunContext& r) { multiply(p, r, gpu::Int8Store(p, r)); }

template <class P, gpu::KernelFn<P> fn>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  check_int8_depth(Matrix(c.inputs[0].shape, c.params<P>()).depth);
  return std::make_unique<FunctionKernel<P>>(c.params<P>(), fn);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::prepared(registry, "_contrib_quantized_fully_connected", prepare<Params, sums>);
  gpu::prepared(registry, "_int8_fully_connected", prepare<JoinedParams, joined>);
}

}  // namespace mixnet::op::quantized_fully_connected
