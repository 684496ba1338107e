// L2Normalization on GPUs, one group of threads per norm; see l2_normalization.cc.
#include "op/nn/l2_normalization.h"

#include <cmath>

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/sums.h"

namespace mixnet::op::l2_normalization {
namespace {

template <class T>
struct Forward {
  Sizes s;
  const T* x;
  T *y, *norms;
  accumulator_t<T> eps;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t row, const G& group) const {
    using A = accumulator_t<T>;
    const int64_t start = s.start(row);
    const A sum = gpu::sum_of<A>(group, s.length, [&](int64_t k) {
      const A v = static_cast<A>(x[start + k * s.inner]);
      return v * v;
    });
    const A norm = std::sqrt(eps + sum);
    for (int64_t k = group.rank(); k < s.length; k += group.size())
      y[start + k * s.inner] = static_cast<T>(static_cast<A>(x[start + k * s.inner]) / norm);
    if (group.rank() == 0) norms[row] = static_cast<T>(norm);
  }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "L2Normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(p, r.in[0].shape);
    gpu::for_each_row(
        *r.context.stream, s.outer * s.inner, s.length,
        Forward<T>{s, r.in[0].as<T>(), r.out[0].as<T>(), r.out[1].as<T>(), static_cast<accumulator_t<T>>(p.eps)});
  });
}

// (dy, y, norm): dx = (dy - y sum(dy y)) / norm.
template <class T>
struct Backward {
  Sizes s;
  const T *dy, *y, *norms;
  T* dx;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t row, const G& group) const {
    using A = accumulator_t<T>;
    const int64_t start = s.start(row);
    const A norm = static_cast<A>(norms[row]),
            sum = gpu::sum_of<A>(group, s.length, [&](int64_t k) {
              return static_cast<A>(dy[start + k * s.inner]) * static_cast<A>(y[start + k * s.inner]);
            });
    for (int64_t k = group.rank(); k < s.length; k += group.size()) {
      const int64_t at = start + k * s.inner;
      dx[at] = static_cast<T>((static_cast<A>(dy[at]) - static_cast<A>(y[at]) * sum) / norm);
    }
  }
};

void backward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "L2Normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(p, r.in[0].shape);
    gpu::for_each_row(*r.context.stream, s.outer * s.inner, s.length,
                      Backward<T>{s, r.in[0].as<T>(), r.in[1].as<T>(), r.in[2].as<T>(), r.out[0].as<T>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "L2Normalization", forward);
  gpu::kernel<Params>(registry, "_backward_L2Normalization", backward);
}

}  // namespace mixnet::op::l2_normalization
