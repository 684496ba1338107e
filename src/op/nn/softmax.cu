// softmax, log_softmax, softmin and SoftmaxActivation on GPUs, one group of threads per line; see softmax.cc.
#include "op/nn/softmax.h"

#include <cmath>
#include <limits>

#include "op/core/gpu/merges.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/rows.h"

namespace mixnet::op::softmax {
namespace {

// Lines of n elements that are `inner` apart; pieces: they can be read 16 bytes at a time.
struct Line {
  int64_t n, inner;
  bool pieces;
  MIXNET_ON_DEVICE int64_t start(int64_t line) const { return line / inner * n * inner + line % inner; }
};

// y may be x: elements are written by who reads them, after all sums.
template <class T, bool Log>
struct Forward {
  using A = accumulator_t<T>;
  static constexpr int V = gpu::lanes_of<T>;
  Line s;
  const T* x;
  T* y;
  A scale;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t line, const G& group) const {
    const int64_t start = s.start(line);
    const auto each = [&](auto f) {
      gpu::over_row<V>(group, s.n, s.pieces, [&](auto lanes, int64_t k) {
        f(start + k * s.inner, gpu::load<decltype(lanes)::value>(x + start + k * s.inner));
      });
    };
    A top = -std::numeric_limits<A>::infinity(), sum = 0;
    each([&](int64_t, const auto& values) {
      MIXNET_UNROLL
      for (const T v : values.at) top = gpu::Greatest()(top, static_cast<A>(v) * scale);
    });
    top = group.reduce(top, gpu::Greatest());
    each([&](int64_t, const auto& values) {
      MIXNET_UNROLL
      for (const T v : values.at) sum += std::exp(static_cast<A>(v) * scale - top);
    });
    sum = group.reduce(sum, gpu::Plus());
    const A norm = Log ? std::log(sum) : 1 / sum;
    each([&](int64_t at, const auto& values) {
      gpu::put_lanes(
          y + at,
          [&](T v) {
            const A shifted = static_cast<A>(v) * scale - top;
            return Log ? shifted - norm : std::exp(shifted) * norm;
          },
          values);
    });
  }
};

template <bool Log>
void compute(const RunContext& r, const Sizes& s, double scale) {
  dispatch_float(r.in[0].dtype, "softmax", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* const x = r.in[0].as<T>();
    T* const y = r.out[0].as<T>();
    const Line line{s.n, s.inner, gpu::whole_pieces<T>(s.n, s.inner, {x, y})};
    gpu::map_rows<T>(*r.context.stream, s.outer * s.inner, s.n, s.inner,
                     Forward<T, Log>{line, x, y, static_cast<accumulator_t<T>>(scale)});
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
  using A = accumulator_t<T>;
  static constexpr int V = gpu::lanes_of<T>;
  Line s;
  const T *dy, *y;
  T* dx;
  A scale;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t line, const G& group) const {
    const int64_t start = s.start(line);
    const auto each = [&](auto f) {
      gpu::over_row<V>(group, s.n, s.pieces, [&](auto lanes, int64_t k) {
        constexpr int count = decltype(lanes)::value;
        const int64_t at = start + k * s.inner;
        f(at, gpu::load<count>(dy + at), gpu::load<count>(y + at));
      });
    };
    A sum = 0;
    each([&](int64_t, const auto& slopes, const auto& values) {
      MIXNET_UNROLL
      for (int j = 0; j < gpu::count_of(values); ++j)
        sum += Log ? static_cast<A>(slopes.at[j]) : static_cast<A>(slopes.at[j]) * static_cast<A>(values.at[j]);
    });
    sum = group.reduce(sum, gpu::Plus());
    each([&](int64_t at, const auto& slopes, const auto& values) {
      gpu::put_lanes(
          dx + at,
          [&](T slope, T value) {
            const A d = static_cast<A>(slope), v = static_cast<A>(value);
            return scale * (Log ? d - std::exp(v) * sum : v * (d - sum));
          },
          slopes, values);
    });
  }
};

template <bool Log>
void differentiate(const RunContext& r, const Sizes& s, double scale) {
  dispatch_float(r.in[0].dtype, "softmax", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T *const dy = r.in[0].as<T>(), *const y = r.in[1].as<T>();
    T* const dx = r.out[0].as<T>();
    const Line line{s.n, s.inner, gpu::whole_pieces<T>(s.n, s.inner, {dy, y, dx})};
    gpu::map_rows<T>(*r.context.stream, s.outer * s.inner, s.n, s.inner,
                     Backward<T, Log>{line, dy, y, dx, static_cast<accumulator_t<T>>(scale)});
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
