// Pooling on GPUs: every output looks at its window, every gradient at the windows over its pixel. See pooling.cc.
#include "op/nn/pooling.h"

#include <limits>

#include "op/core/gpu/channels_last.h"
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/nn/convolve.h"

namespace mixnet::op::pooling {
namespace {

// Windows and pixels of all planes, in the order in which they lie in the result's memory.
struct Planes {
  PoolGeometry g;
  gpu::Convolution::Steps x, y;
  int64_t channels;
  bool last;
  PoolType type;
  int64_t power;

  struct Place {
    int64_t image, channel, index;  // the number within the plane
    MIXNET_ON_DEVICE int64_t plane(const gpu::Convolution::Steps& s) const {
      return image * s.image + channel * s.channel;
    }
  };
  MIXNET_ON_DEVICE Place place(int64_t i, int64_t size) const {
    return {i / channels / size, last ? i % channels : i / size % channels, last ? i / channels % size : i % size};
  }
  MIXNET_ON_DEVICE int64_t pixel(int64_t a, int64_t b, int64_t c) const {
    return a * x.at[0] + b * x.at[1] + c * x.at[2];
  }
  // The ranges of window `index`.
  MIXNET_ON_DEVICE void ranges(int64_t index, PoolRange (&r)[3]) const {
    for (int d = 2; d >= 0; --d) {
      r[d] = g.range(d, index % g.m.out[d]);
      index /= g.m.out[d];
    }
  }
  static MIXNET_ON_DEVICE int64_t count(const PoolRange (&r)[3]) {
    const int64_t n = r[0].count * r[1].count * r[2].count;
    return n < 1 ? 1 : n;
  }
};

// Tensors that lie with channels last in a plan although their shapes have channels second.
struct Lie {
  bool x = false, y = false, dx = false, dy = false;
};
// `last`: so lies the result.
Planes planes_of(const PoolParams& p, const TensorView& x, const TensorView& y, const Lie& lie, bool last) {
  const bool own = is_channels_last(p.layout);
  const Shape in = own ? channels_first(x.shape) : x.shape, out = own ? channels_first(y.shape) : y.shape;
  return {PoolGeometry(p, in, out), steps_of(in, own || lie.x), steps_of(out, own || lie.y), in[1], own || last, p.type,
          p.p_value.value_or(1)};
}

template <class A>
struct Merge {
  PoolType type;
  MIXNET_ON_DEVICE A operator()(A x, A y) const {
    if (type != PoolType::max) return x + y;
    return (y > x) | (y != y) ? y : x;
  }
};

template <class T>
struct Forward {
  using A = accumulator_t<T>;
  Planes s;
  const T* x;
  T* y;
  MIXNET_ON_DEVICE A start() const { return s.type == PoolType::max ? -std::numeric_limits<A>::infinity() : A(0); }
  MIXNET_ON_DEVICE A take(int64_t at) const {
    const A v = static_cast<A>(x[at]);
    return s.type == PoolType::lp ? pool_raised(v, s.power) : v;
  }
  MIXNET_ON_DEVICE T finish(A all, const PoolRange (&r)[3]) const {
    if (s.type == PoolType::lp) return static_cast<T>(pool_rooted(all, s.power));
    return static_cast<T>(s.type == PoolType::avg ? all / static_cast<A>(Planes::count(r)) : all);
  }
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const Planes::Place place = s.place(i, s.g.m.out_size());
    const Merge<A> merge{s.type};
    const int64_t plane = place.plane(s.x);
    PoolRange r[3];
    s.ranges(place.index, r);
    A all = start();
    for (int64_t a = r[0].first; a < r[0].last; ++a) {
      for (int64_t b = r[1].first; b < r[1].last; ++b) {
        for (int64_t c = r[2].first; c < r[2].last; ++c) all = merge(all, take(plane + s.pixel(a, b, c)));
      }
    }
    y[i] = finish(all, r);
  }
  // A large window, by a group of threads.
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t i, const G& group) const {
    const Planes::Place place = s.place(i, s.g.m.out_size());
    const Merge<A> merge{s.type};
    const int64_t plane = place.plane(s.x);
    PoolRange r[3];
    s.ranges(place.index, r);
    const int64_t rows = r[1].last - r[1].first, columns = r[2].last - r[2].first;
    const bool empty = r[0].last <= r[0].first || rows <= 0 || columns <= 0;
    const int64_t n = empty ? 0 : (r[0].last - r[0].first) * rows * columns;
    A all = start();
    for (int64_t k = group.rank(); k < n; k += group.size()) {
      const int64_t a = r[0].first + k / columns / rows, b = r[1].first + k / columns % rows,
                    c = r[2].first + k % columns;
      all = merge(all, take(plane + s.pixel(a, b, c)));
    }
    all = group.reduce(all, merge);
    if (group.rank() == 0) y[i] = finish(all, r);
  }
};

void run_forward(const PoolParams& p, const RunContext& r, const Lie& lie) {
  if (r.out[0].size() == 0) return;
  dispatch_float(r.in[0].dtype, "Pooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Forward<T> f{planes_of(p, r.in[0], r.out[0], lie, lie.y), r.in[0].as<T>(), r.out[0].as<T>()};
    const int64_t volume = f.s.g.w.volume();
    if (volume >= 64) gpu::for_each_row(*r.context.stream, r.out[0].size(), volume, f);
    else gpu::map(*r.context.stream, r.out[0].size(), f);
  });
}

void forward(const PoolParams& p, const RunContext& r) { run_forward(p, r, {}); }

// Of data that come with channels last.
class ForwardLast final : public Kernel {
 public:
  explicit ForwardLast(const PrepareContext& c)
      : p_(c.params<PoolParams>()),
        in_(c.layouts[0]),
        out_(gpu::channels_last(c.outputs[0].shape, c.outputs[0].dtype)) {}
  LayoutPtr input_layout(int) const override { return in_; }
  LayoutPtr output_layout(int) const override { return out_; }
  void adopt_input(int) override { lie_.x = true; }
  void adopt_output(int) override { lie_.y = true; }
  void run(const RunContext& r) const override { run_forward(p_, r, lie_); }

 private:
  const PoolParams p_;
  const LayoutPtr in_, out_;
  Lie lie_;
};

std::unique_ptr<Kernel> prepare_last(const PrepareContext& c) {
  if (is_channels_last(c.params<PoolParams>().layout) || !gpu::comes_last(c, 0)) return nullptr;
  return std::make_unique<ForwardLast>(c);
}

// (dy, x, y) to dx.
template <class T>
struct Backward {
  using A = accumulator_t<T>;
  Planes s;
  gpu::Convolution::Steps steps_dy;
  const T *dy, *x, *y;
  T* dx;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const Planes::Place place = s.place(i, s.g.m.in_size());
    const int64_t plane = place.plane(s.x), plane_y = place.plane(s.y), plane_dy = place.plane(steps_dy);
    int64_t rest = place.index, at[3], low[3], high[3];
    for (int d = 2; d >= 0; --d) {
      at[d] = rest % s.g.m.in[d];
      rest /= s.g.m.in[d];
      // The windows over the pixel along this axis: [low, high).
      const int64_t end = at[d] + s.g.w.pad[d], before = end - s.g.w.kernel[d] + 1;
      low[d] = before <= 0 ? 0 : (before + s.g.w.stride[d] - 1) / s.g.w.stride[d];
      high[d] = end / s.g.w.stride[d] + 1 < s.g.m.out[d] ? end / s.g.w.stride[d] + 1 : s.g.m.out[d];
    }
    A sum = 0;
    for (int64_t a = low[0]; a < high[0]; ++a) {
      for (int64_t b = low[1]; b < high[1]; ++b) {
        for (int64_t c = low[2]; c < high[2]; ++c) {
          const PoolRange r[3] = {s.g.range(0, a), s.g.range(1, b), s.g.range(2, c)};
          sum += share(plane, at, r, plane_y + within(s.y, a, b, c), plane_dy + within(steps_dy, a, b, c));
        }
      }
    }
    dx[i] = static_cast<T>(sum);
  }
  static MIXNET_ON_DEVICE int64_t within(const gpu::Convolution::Steps& s, int64_t a, int64_t b, int64_t c) {
    return a * s.at[0] + b * s.at[1] + c * s.at[2];
  }
  // What the window with these ranges, whose result is at `out` and its gradient at `out_gradient`, gives to the pixel.
  MIXNET_ON_DEVICE A share(int64_t plane, const int64_t (&at)[3], const PoolRange (&r)[3], int64_t out,
                           int64_t out_gradient) const {
    const A d = static_cast<A>(dy[out_gradient]);
    if (s.type == PoolType::avg) return d / static_cast<A>(Planes::count(r));
    if (s.type == PoolType::sum) return d;
    const A v = static_cast<A>(x[plane + s.pixel(at[0], at[1], at[2])]), result = static_cast<A>(y[out]);
    if (s.type == PoolType::max) return v == result && is_first(plane, at, r, result) ? d : A(0);
    if (result == A(0)) return A(0);
    return d * std::pow(std::fabs(v) / result, static_cast<A>(s.power) - 1) * (v < 0 ? A(-1) : A(1));
  }
  // Whether no pixel of the window before this one has the maximum.
  MIXNET_ON_DEVICE bool is_first(int64_t plane, const int64_t (&at)[3], const PoolRange (&r)[3], A result) const {
    for (int64_t a = r[0].first; a <= at[0]; ++a) {
      for (int64_t b = r[1].first; b < (a < at[0] ? r[1].last : at[1] + 1); ++b) {
        for (int64_t c = r[2].first; c < (a < at[0] || b < at[1] ? r[2].last : at[2]); ++c) {
          if (static_cast<A>(x[plane + s.pixel(a, b, c)]) == result) return false;
        }
      }
    }
    return true;
  }
};

void run_backward(const PoolParams& p, const RunContext& r, const Lie& lie) {
  if (r.out[0].size() == 0) return;
  dispatch_float(r.in[0].dtype, "Pooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const bool own = is_channels_last(p.layout);
    const Shape out = own ? channels_first(r.in[0].shape) : r.in[0].shape;
    gpu::map(*r.context.stream, r.out[0].size(),
             Backward<T>{planes_of(p, r.in[1], r.in[0], lie, lie.dx), steps_of(out, own || lie.dy), r.in[0].as<T>(),
                         r.in[1].as<T>(), r.in[2].as<T>(), r.out[0].as<T>()});
  });
}

void backward(const PoolParams& p, const RunContext& r) { run_backward(p, r, {}); }

// Of data that come with channels last; the others as they may.
class BackwardLast final : public Kernel {
 public:
  explicit BackwardLast(const PrepareContext& c) : p_(c.params<PoolParams>()), layout_(c.layouts[1]) {
    for (size_t i : {0, 2}) out_[i] = gpu::comes_last(c, i) ? c.layouts[i] : nullptr;
  }
  LayoutPtr input_layout(int i) const override { return i == 1 ? layout_ : out_[i]; }
  LayoutPtr output_layout(int) const override { return layout_; }
  void adopt_input(int i) override { (i == 0 ? lie_.dy : i == 1 ? lie_.x : lie_.y) = true; }
  void adopt_output(int) override { lie_.dx = true; }
  void run(const RunContext& r) const override { run_backward(p_, r, lie_); }

 private:
  const PoolParams p_;
  const LayoutPtr layout_;
  LayoutPtr out_[3];
  Lie lie_;
};

std::unique_ptr<Kernel> prepare_backward_last(const PrepareContext& c) {
  if (is_channels_last(c.params<PoolParams>().layout) || !gpu::comes_last(c, 1)) return nullptr;
  return std::make_unique<BackwardLast>(c);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::prepared(registry, "Pooling", prepare_last);
  gpu::kernel<PoolParams>(registry, "Pooling", forward);
  gpu::prepared(registry, "_backward_Pooling", prepare_backward_last);
  gpu::kernel<PoolParams>(registry, "_backward_Pooling", backward);
}

}  // namespace mixnet::op::pooling
