// _histogram on GPUs.
#include "op/index/histogram.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/movement.h"

namespace mixnet::op::histogram {
namespace {

template <class T>
struct SetEdges {
  Uniform uniform;
  T* edges;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { edges[i] = uniform.edge<T>(i); }
};

MIXNET_ON_DEVICE inline void count(int64_t* counts, int64_t bin) {
  if (bin >= 0) gpu::add_at(counts + bin, int64_t{1});
}

template <class T>
struct CountUniform {
  Uniform uniform;
  const T *x, *edges;
  int64_t* counts;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { count(counts, uniform.bin(edges, x[i])); }
};
template <class T>
struct CountGiven {
  int64_t n;
  const T *x, *edges;
  int64_t* counts;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { count(counts, given_bin(edges, n, x[i])); }
};

void forward(const Params& p, const RunContext& r) {
  Stream& stream = *r.context.stream;
  set_zero(&stream, r.out[0]);
  int64_t* const counts = r.out[0].as<int64_t>();
  dispatch_all(r.in[0].dtype, "_histogram", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* x = r.in[0].as<T>();
    T* edges = r.out[1].as<T>();
    if (p.bin_cnt) {
      gpu::map(stream, r.out[1].size(), SetEdges<T>{Uniform(p), edges});
      gpu::map(stream, r.in[0].size(), CountUniform<T>{Uniform(p), x, edges, counts});
    } else {
      copy_bytes(&stream, edges, r.in[1].data, r.out[1].bytes());
      gpu::map(stream, r.in[0].size(), CountGiven<T>{r.out[0].size(), x, edges, counts});
    }
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "_histogram", forward); }

}  // namespace mixnet::op::histogram
