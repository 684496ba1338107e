// softmax, log_softmax, softmin and SoftmaxActivation on GPUs, one group of threads per line; see softmax.cc.
#include "op/nn/softmax.h"

#include <cmath>
#include <limits>

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/sums.h"

namespace mixnet::op::softmax {
namespace {

struct Line {
  int64_t n, inner;
  explicit Line(const Sizes& s) : n(s.n), inner(s.inner) {}
  MIXNET_ON_DEVICE int64_t at(int64_t line, int64_t i) const { return (line / inner * n + i) * inner + line % inner; }
};

// y may be x: elements are written by who reads them, after all sums.
template <class T, bool Log>
struct Forward {
  Line s;
  const T* x;
  T* y;
  accumulator_t<T> scale;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t line, const G& group) const {
    using A = accumulator_t<T>;
    A top = -std::numeric_limits<A>::infinity();
    for (int64_t i = group.rank(); i < s.n; i += group.size()) {
      const A value = static_cast<A>(x[s.at(line, i)]) * scale;
      top = top < value ? value : top;
    }
    top = group.reduce(top, gpu::Greatest());
    const A sum =
        gpu::sum_of<A>(group, s.n, [&](int64_t i) { return std::exp(static_cast<A>(x[s.at(line, i)]) * scale - top); });
    const A norm = Log ? std::log(sum) : 1 / sum;
    for (int64_t i = group.rank(); i < s.n; i += group.size()) {
      const int64_t at = s.at(line, i);
      const A shifted = static_cast<A>(x[at]) * scale - top;
      y[at] = static_cast<T>(Log ? shifted - norm : std::exp(shifted) * norm);
    }
  }
};

template <bool Log>
void compute(const RunContext& r, const Sizes& s, double scale) {
  dispatch_float(r.in[0].dtype, "softmax", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::for_each_row(
        *r.context.stream, s.outer * s.inner, s.n,
        Forward<T, Log>{Line(s), r.in[0].as<T>(), r.out[0].as<T>(), static_cast<accumulator_t<T>>(scale)});
  });
}
template <bool Log, int Sign>
void forward(const Params& p, const RunContext& r) {
  compute<Log>(r, Sizes(r.in[0].shape, p.axis), Sign / p.temperature.value_or(1));
}
void activation(const Params& p, const RunContext& r) { compute<false>(r, activation_sizes(p, r.in[0].shape), 1); }

// (dy, y) to dx, which may be dy. softmax: y (dy - sum dy y); log_softmax: dy - e^y sum dy.
template <class T, bool Log>
struct Backward {
  Line s;
  const T *dy, *y;
  T* dx;
  accumulator_t<T> scale;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t line, const G& group) const {
    using A = accumulator_t<T>;
    const A sum = gpu::sum_of<A>(group, s.n, [&](int64_t i) {
      const int64_t at = s.at(line, i);
      return Log ? static_cast<A>(dy[at]) : static_cast<A>(dy[at]) * static_cast<A>(y[at]);
    });
    for (int64_t i = group.rank(); i < s.n; i += group.size()) {
      const int64_t at = s.at(line, i);
      const A d = static_cast<A>(dy[at]), v = static_cast<A>(y[at]);
      dx[at] = static_cast<T>(scale * (Log ? d - std::exp(v) * sum : v * (d - sum)));
    }
  }
};

template <bool Log>
void differentiate(const RunContext& r, const Sizes& s, double scale) {
  dispatch_float(r.in[0].dtype, "softmax", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::for_each_row(*r.context.stream, s.outer * s.inner, s.n,
                      Backward<T, Log>{Line(s), r.in[0].as<T>(), r.in[1].as<T>(), r.out[0].as<T>(),
                                       static_cast<accumulator_t<T>>(scale)});
  });
}
template <bool Log, int Sign>
void backward(const Params& p, const RunContext& r) {
  differentiate<Log>(r, Sizes(r.in[0].shape, p.axis), Sign / p.temperature.value_or(1));
}
void activation_backward(const Params& p, const RunContext& r) {
  differentiate<false>(r, activation_sizes(p, r.in[0].shape), 1);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "softmax", forward<false, 1>);
  gpu::kernel<Params>(registry, "log_softmax", forward<true, 1>);
  gpu::kernel<Params>(registry, "softmin", forward<false, -1>);
  gpu::kernel<Params>(registry, "SoftmaxActivation", activation);
  gpu::kernel<Params>(registry, "_backward_softmax", backward<false, 1>);
  gpu::kernel<Params>(registry, "_backward_log_softmax", backward<true, 1>);
  gpu::kernel<Params>(registry, "_backward_softmin", backward<false, -1>);
  gpu::kernel<Params>(registry, "_backward_SoftmaxActivation", activation_backward);
}

}  // namespace mixnet::op::softmax
