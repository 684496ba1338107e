// _contrib_count_sketch on GPUs; see count_sketch.cc.
#include "op/contrib/count_sketch.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::count_sketch {
namespace {

// Every output looks for the columns that are hashed to it.
template <class T>
struct Collect {
  const T *x, *h, *s;
  T* y;
  int64_t in, out;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    T sum = 0;
    for (int64_t i = 0; i < in; ++i)
      if (column(h[i], out) == e % out) sum += s[i] * x[e / out * in + i];
    y[e] = sum;
  }
};
template <class T>
struct Spread {
  const T *dy, *h, *s;
  T* dx;
  int64_t in, out;
  MIXNET_ON_DEVICE void operator()(int64_t k) const { dx[k] = s[k % in] * dy[k / in * out + column(h[k % in], out)]; }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "count_sketch", [&](auto tag) {
    using T = typename decltype(tag)::type;
    OnGpu::each(r, r.out[0].size(), 1,
                Collect<T>{r.in[0].as<T>(), r.in[1].as<T>(), r.in[2].as<T>(), r.out[0].as<T>(), r.in[0].shape.back(),
                           p.out_dim});
  });
}
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "count_sketch", [&](auto tag) {
    using T = typename decltype(tag)::type;
    OnGpu::each(r, r.out[0].size(), 1,
                Spread<T>{r.in[0].as<T>(), r.in[2].as<T>(), r.in[3].as<T>(), r.out[0].as<T>(), r.in[1].shape.back(),
                          p.out_dim});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::wide<Params>(registry, "_contrib_count_sketch", forward);
  gpu::wide<Params>(registry, "_backward_contrib_count_sketch", backward);
}

}  // namespace mixnet::op::count_sketch
