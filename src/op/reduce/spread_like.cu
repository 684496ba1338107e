// _spread_like on GPUs; see spread_like.cc.
#include "op/reduce/spread_like.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/strided.h"

namespace mixnet::op::spread_like {
namespace {

template <class T, bool Mean>
struct Copy {
  const T* x;
  T* y;
  gpu::Strided<2> places;
  int64_t count;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    int64_t at[2];
    places.at(i, at);
    if constexpr (Mean) {
      using A = accumulator_t<T>;
      const A scale = A(1) / static_cast<A>(count > 1 ? count : 1);
      y[i] = static_cast<T>(static_cast<A>(x[at[1]]) * scale);
    } else {
      y[i] = x[at[1]];
    }
  }
};

template <class T, bool Mean>
void launch(const RunContext& r, const Spread& spread) {
  gpu::map(*r.context.stream, r.out[0].size(),
           Copy<T, Mean>{r.in[0].as<T>(), r.out[0].as<T>(), gpu::Strided<2>(spread.loop), spread.count});
}

void forward(const Params& p, const RunContext& r) {
  const TensorView& out = r.out[0];
  const Spread spread(out.shape, reduced_axes(p, out.ndim(), "_spread_like"));
  if (p.mean) {
    return dispatch_float(out.dtype, "_spread_like",
                          [&](auto tag) { launch<typename decltype(tag)::type, true>(r, spread); });
  }
  switch (dtype_size(out.dtype)) {
    case 1: return launch<uint8_t, false>(r, spread);
    case 2: return launch<uint16_t, false>(r, spread);
    case 4: return launch<uint32_t, false>(r, spread);
    default: launch<uint64_t, false>(r, spread);
  }
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "_spread_like", forward); }

}  // namespace mixnet::op::spread_like
