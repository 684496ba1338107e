// Pooling on GPUs: every output looks at its window, every gradient at the windows over its pixel. See pooling.cc.
#include "op/nn/pooling.h"

#include <algorithm>
#include <limits>

#include "op/core/gpu/channels_last.h"
#include "op/core/gpu/lanes.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/split.h"
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
  gpu::Split by_channels, by_plane, by_row, by_rows, by_stride[3];  // a plane has `by_rows` rows of `by_row` places

  struct Place {
    int64_t image, channel, at[3];
    MIXNET_ON_DEVICE int64_t plane(const gpu::Convolution::Steps& s) const {
      return image * s.image + channel * s.channel;
    }
  };
  // Of planes with these extents.
  void split(const int64_t (&extent)[3], int64_t images) {
    const int64_t area = extent[0] * extent[1] * extent[2], all = images * channels * area;
    by_channels = gpu::Split(channels, all);
    by_plane = gpu::Split(area, all);
    by_row = gpu::Split(extent[2], all);
    by_rows = gpu::Split(extent[1], all);
    for (int d = 0; d < 3; ++d) by_stride[d] = gpu::Split(g.w.stride[d], g.m.in[d] + g.w.pad[d] + g.w.stride[d]);
  }
  MIXNET_ON_DEVICE Place place(int64_t i) const {
    Place p;
    const gpu::Split &inner = last ? by_channels : by_plane, &outer = last ? by_plane : by_channels;
    const int64_t rest = inner.number(i), inside = i - rest * inner.length();
    p.image = outer.number(rest);
    const int64_t between = rest - p.image * outer.length();
    p.channel = last ? inside : between;
    const int64_t index = last ? between : inside, row = by_row.number(index);
    p.at[2] = index - row * by_row.length();
    p.at[0] = by_rows.number(row);
    p.at[1] = row - p.at[0] * by_rows.length();
    return p;
  }
  MIXNET_ON_DEVICE int64_t pixel(int64_t a, int64_t b, int64_t c) const {
    return a * x.at[0] + b * x.at[1] + c * x.at[2];
  }
  // The ranges of the window at these places.
  MIXNET_ON_DEVICE void ranges(const int64_t (&at)[3], PoolRange (&r)[3]) const {
    for (int d = 0; d < 3; ++d) r[d] = g.range(d, at[d]);
  }
  static MIXNET_ON_DEVICE int64_t count(const PoolRange (&r)[3]) {
    const int64_t n = r[0].count * r[1].count * r[2].count;
    return n < 1 ? 1 : n;
  }
  // Whether neighbours in all of these tensors are pieces of channels.
  template <class T> bool pieces(std::initializer_list<int64_t> channel_steps,
                                 std::initializer_list<const void*> addresses) const {
    return last && channels % gpu::lanes_of<T> == 0 && gpu::even(addresses) &&
           std::all_of(channel_steps.begin(), channel_steps.end(), [](int64_t step) { return step == 1; });
  }
};

// Tensors that lie with channels last in a plan although their shapes have channels second.
struct Lie {
  bool x = false, y = false, dx = false, dy = false;
};
// Of forward, whose result is like y, or of backward, whose is like x; `last`: so it lies.
Planes planes_of(const PoolParams& p, const TensorView& x, const TensorView& y, const Lie& lie, bool last,
                 bool backward) {
  const bool own = is_channels_last(p.layout);
  const Shape in = own ? channels_first(x.shape) : x.shape, out = own ? channels_first(y.shape) : y.shape;
  Planes s{PoolGeometry(p, in, out),
           steps_of(in, own || lie.x),
           steps_of(out, own || lie.y),
           in[1],
           own || last,
           p.type,
           p.p_value.value_or(1),
           {},
           {},
           {},
           {},
           {}};
  s.split(backward ? s.g.m.in : s.g.m.out, in[0]);
  return s;
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
  MIXNET_ON_DEVICE A take(T value) const {
    const A v = static_cast<A>(value);
    return s.type == PoolType::lp ? pool_raised(v, s.power) : v;
  }
  MIXNET_ON_DEVICE T finish(A all, const PoolRange (&r)[3]) const {
    if (s.type == PoolType::lp) return static_cast<T>(pool_rooted(all, s.power));
    return static_cast<T>(s.type == PoolType::avg ? all / static_cast<A>(Planes::count(r)) : all);
  }
  template <int V> MIXNET_ON_DEVICE void run(int64_t i) const {
    const Planes::Place place = s.place(i);
    const Merge<A> merge{s.type};
    const int64_t plane = place.plane(s.x);
    PoolRange r[3];
    s.ranges(place.at, r);
    gpu::Lanes<A, V> all;
    MIXNET_UNROLL
    for (int k = 0; k < V; ++k) all.at[k] = start();
    for (int64_t a = r[0].first; a < r[0].last; ++a) {
      for (int64_t b = r[1].first; b < r[1].last; ++b) {
        for (int64_t c = r[2].first; c < r[2].last; ++c) {
          const auto values = gpu::load<V>(x + plane + s.pixel(a, b, c));
          MIXNET_UNROLL
          for (int k = 0; k < V; ++k) all.at[k] = merge(all.at[k], take(values.at[k]));
        }
      }
    }
    gpu::put_lanes(y + i, [&](A v) { return finish(v, r); }, all);
  }
  // A large window, by a group of threads.
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t i, const G& group) const {
    const Planes::Place place = s.place(i);
    const Merge<A> merge{s.type};
    const int64_t plane = place.plane(s.x);
    PoolRange r[3];
    s.ranges(place.at, r);
    const int64_t rows = r[1].last - r[1].first, columns = r[2].last - r[2].first;
    const bool empty = r[0].last <= r[0].first || rows <= 0 || columns <= 0;
    const int64_t n = empty ? 0 : (r[0].last - r[0].first) * rows * columns;
    A all = start();
    for (int64_t k = group.rank(); k < n; k += group.size()) {
      const int64_t a = r[0].first + k / columns / rows, b = r[1].first + k / columns % rows,
                    c = r[2].first + k % columns;
      all = merge(all, take(x[plane + s.pixel(a, b, c)]));
    }
    all = group.reduce(all, merge);
    if (group.rank() == 0) y[i] = finish(all, r);
  }
};

void run_forward(const PoolParams& p, const RunContext& r, const Lie& lie) {
  if (r.out[0].size() == 0) return;
  dispatch_float(r.in[0].dtype, "Pooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Forward<T> f{planes_of(p, r.in[0], r.out[0], lie, lie.y, false), r.in[0].as<T>(), r.out[0].as<T>()};
    const bool pieces = f.s.template pieces<T>({f.s.x.channel}, {f.x, f.y});
    const int64_t volume = f.s.g.w.volume(), large = pieces ? 1024 : 64;
    if (volume >= large) gpu::for_each_row(*r.context.stream, r.out[0].size(), volume, f);
    else gpu::map_lanes<T>(*r.context.stream, r.out[0].size(), f, pieces);
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
  template <int V> MIXNET_ON_DEVICE void run(int64_t i) const {
    const Planes::Place place = s.place(i);
    const int64_t plane = place.plane(s.x), plane_y = place.plane(s.y), plane_dy = place.plane(steps_dy);
    int64_t low[3], high[3];
    for (int d = 0; d < 3; ++d) {
      // The windows over the pixel along this axis: [low, high).
      const int64_t end = place.at[d] + s.g.w.pad[d], before = end - s.g.w.kernel[d] + 1,
                    behind = s.by_stride[d].number(end) + 1;
      low[d] = before <= 0 ? 0 : s.by_stride[d].number(before + s.g.w.stride[d] - 1);
      high[d] = behind < s.g.m.out[d] ? behind : s.g.m.out[d];
    }
    const bool needs = s.type == PoolType::max || s.type == PoolType::lp;
    Window<V> w{};
    if (needs) w.x = gpu::load<V>(x + plane + s.pixel(place.at[0], place.at[1], place.at[2]));
    gpu::Lanes<A, V> sum{};
    for (int64_t a = low[0]; a < high[0]; ++a) {
      for (int64_t b = low[1]; b < high[1]; ++b) {
        for (int64_t c = low[2]; c < high[2]; ++c) {
          const PoolRange r[3] = {s.g.range(0, a), s.g.range(1, b), s.g.range(2, c)};
          w.dy = gpu::load<V>(dy + plane_dy + within(steps_dy, a, b, c));
          if (needs) w.y = gpu::load<V>(y + plane_y + within(s.y, a, b, c));
          add_share(plane, place.at, r, w, sum);
        }
      }
    }
    gpu::put_lanes(dx + i, [](A v) { return v; }, sum);
  }
  static MIXNET_ON_DEVICE int64_t within(const gpu::Convolution::Steps& s, int64_t a, int64_t b, int64_t c) {
    return a * s.at[0] + b * s.at[1] + c * s.at[2];
  }
  // Of V channels: the pixel, a window's results and their gradients.
  template <int V>
  struct Window {
    gpu::Lanes<T, V> x, y, dy;
  };
  // Adds what the window with these ranges gives to the pixel.
  template <int V>
  MIXNET_ON_DEVICE void add_share(int64_t plane, const int64_t (&at)[3], const PoolRange (&r)[3], const Window<V>& w,
                                  gpu::Lanes<A, V>& sum) const {
    bool first[V] = {};
    if (s.type == PoolType::max) find_first(plane, at, r, w, first);
    const A count = static_cast<A>(Planes::count(r));
    MIXNET_UNROLL
    for (int k = 0; k < V; ++k) {
      const A d = static_cast<A>(w.dy.at[k]);
      if (s.type == PoolType::avg) {
        sum.at[k] += d / count;
      } else if (s.type == PoolType::sum) {
        sum.at[k] += d;
      } else if (s.type == PoolType::max) {
        sum.at[k] += first[k] ? d : A(0);
      } else if (const A v = static_cast<A>(w.x.at[k]), result = static_cast<A>(w.y.at[k]); result != A(0)) {
        sum.at[k] += d * std::pow(std::fabs(v) / result, static_cast<A>(s.power) - 1) * (v < 0 ? A(-1) : A(1));
      }
    }
  }
  // Whether the pixel has the maximum, and none of the window before it.
  template <int V>
  MIXNET_ON_DEVICE void find_first(int64_t plane, const int64_t (&at)[3], const PoolRange (&r)[3], const Window<V>& w,
                                   bool (&first)[V]) const {
    bool any = false;
    MIXNET_UNROLL
    for (int k = 0; k < V; ++k) any |= first[k] = static_cast<A>(w.x.at[k]) == static_cast<A>(w.y.at[k]);
    if (!any) return;
    for (int64_t a = r[0].first; a <= at[0]; ++a) {
      for (int64_t b = r[1].first; b < (a < at[0] ? r[1].last : at[1] + 1); ++b) {
        for (int64_t c = r[2].first; c < (a < at[0] || b < at[1] ? r[2].last : at[2]); ++c) {
          const auto before = gpu::load<V>(x + plane + s.pixel(a, b, c));
          MIXNET_UNROLL
          for (int k = 0; k < V; ++k) first[k] &= static_cast<A>(before.at[k]) != static_cast<A>(w.y.at[k]);
        }
      }
    }
  }
};

void run_backward(const PoolParams& p, const RunContext& r, const Lie& lie) {
  if (r.out[0].size() == 0) return;
  dispatch_float(r.in[0].dtype, "Pooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const bool own = is_channels_last(p.layout);
    const Shape out = own ? channels_first(r.in[0].shape) : r.in[0].shape;
    const Backward<T> f{planes_of(p, r.in[1], r.in[0], lie, lie.dx, true),
                        steps_of(out, own || lie.dy),
                        r.in[0].as<T>(),
                        r.in[1].as<T>(),
                        r.in[2].as<T>(),
                        r.out[0].as<T>()};
    const bool pieces =
        f.s.template pieces<T>({f.s.x.channel, f.s.y.channel, f.steps_dy.channel}, {f.dy, f.x, f.y, f.dx});
    gpu::map_lanes<T>(*r.context.stream, r.out[0].size(), f, pieces);
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
