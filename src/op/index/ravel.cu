// _ravel_multi_index and _unravel_index on GPUs.
#include "op/index/ravel.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::ravel {
namespace {

struct Axes {
  int count;
  int64_t extent[Shape::max_ndim];
  explicit Axes(const Shape& s) : count(s.ndim()) { std::copy(s.begin(), s.end(), extent); }
};

template <class T>
struct Ravel {
  Axes axes;
  Indices index;
  int64_t n;
  T* out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    out[i] = static_cast<T>(static_cast<accumulator_t<T>>(ravelled(axes.extent, axes.count, index, n, i)));
  }
};
template <class T>
struct Unravel {
  Axes axes;
  Indices index;
  int64_t n;
  T* out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { unravel_one(axes.extent, axes.count, index[i], n, i, out); }
};

template <template <class> class F>
void run(const Params& p, const RunContext& r, int64_t n) {
  dispatch_all(r.out[0].dtype, "ravel", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, n, F<T>{Axes(p.shape), Indices(r.in[0]), n, r.out[0].as<T>()});
  });
}
void ravel(const Params& p, const RunContext& r) { run<Ravel>(p, r, r.out[0].size()); }
void unravel(const Params& p, const RunContext& r) { run<Unravel>(p, r, r.in[0].size()); }

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "_ravel_multi_index", ravel);
  gpu::kernel<Params>(registry, "_unravel_index", unravel);
}

}  // namespace mixnet::op::ravel
