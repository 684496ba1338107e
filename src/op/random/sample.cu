// Random numbers on GPUs: those that a CPU draws, but for the last digits of logarithms and the like.
#include "op/random/sample.h"

#include "op/core/gpu/any.h"
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::sample {
namespace {

// Parameters for all, or `each` draws for every element of `first` and `second`.
template <Kind K>
struct Draw {
  PhiloxKey key;
  double a, b;
  gpu::Any first, second;
  int64_t each;
  gpu::Any out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    Draws draws(key, i);
    out.set(i, draw(K, draws, first ? first.get(i / each) : a, second ? second.get(i / each) : b));
  }
};

template <Kind K>
void plain(const Params& p, const RunContext& r) {
  gpu::map(*r.context.stream, r.out[0].size(), Draw<K>{r.context.random, p.a, p.b, {}, {}, 1, gpu::Any(r.out[0])});
}
template <Kind K>
void each(const Params& p, const RunContext& r) {
  const gpu::Any second = r.in.size() > 1 ? gpu::Any(r.in[1]) : gpu::Any();
  gpu::map(*r.context.stream, r.out[0].size(),
           Draw<K>{r.context.random, 1, 1, gpu::Any(r.in[0]), second, p.shape.ndim() ? p.shape.size() : 1,
                   gpu::Any(r.out[0])});
}

template <Kind K>
void add(Registry& registry, const std::string& name) {
  gpu::kernel<Params>(registry, "_random_" + name, plain<K>);
  if (K == Kind::randint) return;
  gpu::kernel<Params>(registry, "_random_" + name + "_like", plain<K>);
  gpu::kernel<Params>(registry, "_sample_" + name, each<K>);
}

}  // namespace

void register_gpu(Registry& registry) {
  add<Kind::uniform>(registry, "uniform");
  add<Kind::normal>(registry, "normal");
  add<Kind::gamma>(registry, "gamma");
  add<Kind::exponential>(registry, "exponential");
  add<Kind::poisson>(registry, "poisson");
  add<Kind::negative_binomial>(registry, "negative_binomial");
  add<Kind::generalized_negative_binomial>(registry, "generalized_negative_binomial");
  add<Kind::randint>(registry, "randint");
}

}  // namespace mixnet::op::sample
