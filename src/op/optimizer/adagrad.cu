// AdaGrad steps on GPUs; see adagrad.cc.
#include "op/optimizer/adagrad.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/merges.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::adagrad {
namespace {

template <class T>
struct Step {
  Params p;
  const T *w, *g;
  T *history, *out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = accumulator_t<T>;
    const A d = scaled(p, static_cast<A>(g[i]));
    history[i] = static_cast<T>(static_cast<A>(history[i]) + d * d);
    out[i] = static_cast<T>(stepped(p, static_cast<A>(w[i]), d, static_cast<A>(history[i])));
  }
};

template <class T>
struct RowStep {
  Params p;
  const T *w, *g;
  T *history, *out;
  int64_t width;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t row, G group) const {
    using A = accumulator_t<T>;
    const int64_t first = row * width + group.rank(), end = (row + 1) * width;
    A sum = 0;
    for (int64_t i = first; i < end; i += group.size()) {
      const A d = scaled(p, static_cast<A>(g[i]));
      sum += d * d;
    }
    sum = group.reduce(sum, gpu::Plus());
    const T h = static_cast<T>(static_cast<A>(history[row]) + sum / static_cast<A>(width));
    group.wait();  // all have read the old one
    if (group.rank() == 0) history[row] = h;
    for (int64_t i = first; i < end; i += group.size())
      out[i] = static_cast<T>(stepped(p, static_cast<A>(w[i]), scaled(p, static_cast<A>(g[i])), static_cast<A>(h)));
  }
};

void step(const Params& p, const RunContext& r) {
  if (r.in[0].size() == 0) return;  // of any dtype, as on the CPU
  dispatch_float(r.in[0].dtype, "adagrad", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.in[0].size(),
             Step<T>{p, r.in[0].as<T>(), r.in[1].as<T>(), r.in[2].as<T>(), r.out[0].as<T>()});
  });
}
void row_step(const Params& p, const RunContext& r) {
  if (r.in[0].size() == 0) return;
  dispatch_float(r.in[0].dtype, "adagrad", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t rows = r.in[0].shape[0], width = r.in[0].size() / rows;
    gpu::for_each_row(*r.context.stream, rows, width,
                      RowStep<T>{p, r.in[0].as<T>(), r.in[1].as<T>(), r.in[2].as<T>(), r.out[0].as<T>(), width});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "_sparse_adagrad_update", step);
  gpu::kernel<Params>(registry, "_contrib_group_adagrad_update", row_step);
}

}  // namespace mixnet::op::adagrad
