// Functions of one number on GPUs; see unary.cc.
#include "op/elemwise/unary.h"

#include "op/core/gpu/lanes.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::unary {
namespace {

template <class F, class T>
struct Forward {
  MIXNET_ON_DEVICE compute_t<T> operator()(T x) const {
    return F::template of<compute_t<T>>(static_cast<compute_t<T>>(x));
  }
};

template <class F, class T>
void put(const RunContext& r) {
  gpu::map_values(*r.context.stream, r.out[0].size(), Forward<F, T>(), r.out[0].as<T>(), r.in[0].as<T>());
}
template <class F>
void forward(const NoParams&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "unary", [&](auto tag) { put<F, typename decltype(tag)::type>(r); });
}
// Integers stay what they are.
template <class F>
void forward_any(const NoParams&, const RunContext& r) {
  dispatch_all(r.in[0].dtype, "unary", [&](auto tag) { put<F, typename decltype(tag)::type>(r); });
}
// An integer is its own rounding.
template <class F>
void round(const NoParams& p, const RunContext& r) {
  if (dtype_is_float(r.in[0].dtype)) return forward<F>(p, r);
  if (r.out[0].data != r.in[0].data)
    r.context.stream->copy(r.out[0].data, r.in[0].data, static_cast<size_t>(r.in[0].bytes()));
}

}  // namespace

void register_gpu(Registry& registry) {
  using namespace functions;
  gpu::kernel<NoParams>(registry, "negative", forward_any<Negative>);
  gpu::kernel<NoParams>(registry, "abs", forward_any<Abs>);
  gpu::kernel<NoParams>(registry, "sign", forward_any<Sign>);
  gpu::kernel<NoParams>(registry, "square", forward_any<Square>);
  gpu::kernel<NoParams>(registry, "logical_not", forward_any<LogicalNot>);
  gpu::kernel<NoParams>(registry, "round", round<Round>);
  gpu::kernel<NoParams>(registry, "rint", round<Rint>);
  gpu::kernel<NoParams>(registry, "ceil", round<Ceil>);
  gpu::kernel<NoParams>(registry, "floor", round<Floor>);
  gpu::kernel<NoParams>(registry, "trunc", round<Trunc>);
  gpu::kernel<NoParams>(registry, "fix", round<Trunc>);
  gpu::kernel<NoParams>(registry, "degrees", forward<Degrees>);
  gpu::kernel<NoParams>(registry, "radians", forward<Radians>);
  for_each_smooth([&](const char* name, auto f) { gpu::kernel<NoParams>(registry, name, forward<decltype(f)>); });
}

}  // namespace mixnet::op::unary
