// Pooling over one to three spatial axes: max, average, sum and p-norm.
#include "op/nn/pooling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "base/thread_pool.h"
#include "op/core/wide.h"

namespace mixnet::op::pooling {
namespace {

using Geometry = PoolGeometry;
using Range = PoolRange;

template <class F>
void for_planes(const Geometry& g, const Shape& in, F f) {
  const int64_t work = std::max(g.m.in_size(), g.m.out_size() * g.w.volume());
  parallel_for(in[0] * in[1], std::max<int64_t>(1, 32768 / std::max<int64_t>(1, work)),
               [&](int64_t first, int64_t last) {
                 for (int64_t plane = first; plane < last; ++plane) f(plane);
               });
}

// f(first output of the line, ranges of the two outer axes) for every line of windows in a plane.
template <class F>
void for_lines(const Geometry& g, F f) {
  for (int64_t x = 0; x < g.m.out[0]; ++x) {
    for (int64_t y = 0; y < g.m.out[1]; ++y) f((x * g.m.out[1] + y) * g.m.out[2], g.range(0, x), g.range(1, y));
  }
}

// f(step) with the usual steps as constants.
template <class F>
void with_step(int64_t step, F f) {
  if (step == 1) f(std::integral_constant<int64_t, 1>());
  else if (step == 2) f(std::integral_constant<int64_t, 2>());
  else f(step);
}

// Many neighbours into one: several at a time.
template <class T, class Take, class Merge>
T reduce(const T* x, int64_t n, T start, Take take, Merge merge) {
  constexpr int64_t lanes = 16;
  T part[lanes], all = start;
  std::fill_n(part, lanes, start);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    for (int64_t l = 0; l < lanes; ++l) part[l] = merge(part[l], take(x[i + l]));
  }
  for (; i < n; ++i) all = merge(all, take(x[i]));
  for (int64_t half = lanes / 2; half; half /= 2) {
    for (int64_t l = 0; l < half; ++l) part[l] = merge(part[l], part[l + half]);
  }
  return merge(all, part[0]);
}

constexpr int64_t line_capacity = 1024, wide_kernel = 64;

// One line of windows: the rows under it are merged into one, then its neighbours, some windows at a time.
template <class T, class Take, class Merge>
void pool_line(const Geometry& g, const T* x, const Range& a, const Range& b, T* __restrict y, T start, Take take,
               Merge merge) {
  const int64_t kernel = g.w.kernel[2], step = g.w.stride[2], extent = g.m.in[2];
  const int64_t chunk = (line_capacity - kernel) / step + 1;
  T columns[line_capacity];
  for (int64_t z = 0; z < g.m.out[2]; z += chunk, y += chunk) {
    const int64_t n = std::min(chunk, g.m.out[2] - z), first = z * step - g.w.pad[2], span = (n - 1) * step + kernel;
    const int64_t low = std::max<int64_t>(first, 0), high = std::max(low, std::min(first + span, extent));
    std::fill_n(columns, span, start);
    for (int64_t i = a.first; i < a.last; ++i) {
      for (int64_t j = b.first; j < b.last; ++j) {
        const T* row = x + (i * g.m.in[1] + j) * extent + low;
        T* to = columns + (low - first);
        for (int64_t k = 0; k < high - low; ++k) to[k] = merge(to[k], take(row[k]));
      }
    }
    with_step(step, [&](auto by) {
      for (int64_t k = 0; k < n; ++k) y[k] = columns[k * by];
      for (int64_t tap = 1; tap < kernel; ++tap) {
        for (int64_t k = 0; k < n; ++k) y[k] = merge(y[k], columns[k * by + tap]);
      }
    });
  }
}

template <class T, class Take, class Merge>
void pool_wide_line(const Geometry& g, const T* x, const Range& a, const Range& b, T* y, T start, Take take,
                    Merge merge) {
  for (int64_t z = 0; z < g.m.out[2]; ++z) {
    const Range c = g.range(2, z);
    y[z] = start;
    for (int64_t i = a.first; i < a.last; ++i) {
      for (int64_t j = b.first; j < b.last; ++j) {
        const T* row = x + (i * g.m.in[1] + j) * g.m.in[2] + c.first;
        y[z] = merge(y[z], reduce(row, c.last - c.first, start, take, merge));
      }
    }
  }
}

template <class T, class Take, class Merge>
void pool_plane(const Geometry& g, const T* x, T* y, T start, Take take, Merge merge) {
  if (g.one_window()) {
    *y = reduce(x, g.m.in_size(), start, take, merge);
    return;
  }
  for_lines(g, [&](int64_t at, const Range& a, const Range& b) {
    if (g.w.kernel[2] < wide_kernel) pool_line(g, x, a, b, y + at, start, take, merge);
    else pool_wide_line(g, x, a, b, y + at, start, take, merge);
  });
}

// y[z] /= number of elements in window first + z, of which the outer axes have `rows`.
template <class T>
void divide_line(const Geometry& g, int64_t rows, int64_t first, int64_t n, T* y) {
  const int64_t step = g.w.stride[2], room = g.m.in[2] + g.w.pad[2] - g.w.kernel[2];
  const int64_t low = std::clamp<int64_t>((g.w.pad[2] + step - 1) / step - first, 0, n);
  const int64_t high = std::clamp<int64_t>(room < 0 ? 0 : room / step + 1 - first, low, n);
  const auto count = [&](int64_t z) {
    return static_cast<T>(std::max<int64_t>(1, rows * g.range(2, first + z).count));
  };
  const T inner = static_cast<T>(std::max<int64_t>(1, rows * g.w.kernel[2]));
  for (int64_t z = 0; z < low; ++z) y[z] /= count(z);
  for (int64_t z = low; z < high; ++z) y[z] /= inner;
  for (int64_t z = high; z < n; ++z) y[z] /= count(z);
}

template <class T>
void pool(const PoolParams& p, const Geometry& g, const T* x, T* y) {
  const auto same = [](T v) { return v; };
  const auto add = [](T sum, T v) { return sum + v; };
  const auto larger = [](T best, T v) { return bool((v > best) | (v != v)) ? v : best; };
  if (p.type == PoolType::max) {
    pool_plane(g, x, y, -std::numeric_limits<T>::infinity(), same, larger);
  } else if (p.type == PoolType::lp) {
    const int64_t power = *p.p_value;
    pool_plane(g, x, y, T(0), [power](T v) { return pool_raised(v, power); }, add);
    for (int64_t i = 0; i < g.m.out_size(); ++i) y[i] = pool_rooted(y[i], power);
  } else {
    pool_plane(g, x, y, T(0), same, add);
    if (p.type == PoolType::sum) return;
    for_lines(g, [&](int64_t at, const Range& a, const Range& b) {
      divide_line(g, a.count * b.count, 0, g.m.out[2], y + at);
    });
  }
}

void forward(const PoolParams& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "Pooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Geometry g(p, r.in[0].shape, r.out[0].shape);
    for_planes(g, r.in[0].shape, [&](int64_t plane) {
      pool(p, g, r.in[0].as<T>() + plane * g.m.in_size(), r.out[0].as<T>() + plane * g.m.out_size());
    });
  });
}

void infer(InferShape& c) {
  const PoolParams& p = c.params<PoolParams>();
  const Shape& in = c.in[0];
  const int dims = p.global_pool ? 0 : p.kernel.ndim();
  c.expect_ndim(0, dims ? dims + 2 : 3, dims ? dims + 2 : 5);
  if (!in.ndim_known()) return;
  const Window w = p.window(in);
  Shape out{in[0], in[1]};
  for (int i = 0; i < w.dims; ++i) {
    out.push_back(in[2 + i] < 0 && !p.global_pool ? -1 : p.positions(w, i, in[2 + i]));
    if (in[2 + i] >= 0 && out.back() <= 0)
      c.fail(Code::shape, concat("the kernel ", p.kernel, " does not fit into data ", in));
  }
  c.set_out(0, out);
}
std::optional<RowWindow> row_window(const PoolParams& p) {
  if (p.global_pool || is_channels_last(p.layout)) return std::nullopt;
  const Window w(p.kernel, p.stride, Shape(), p.pad);
  return RowWindow{w.kernel[0], w.stride[0], w.pad[0]};
}
void pad_rows(PoolParams& p, int64_t above, int64_t below) {
  while (p.pad.ndim() < p.kernel.ndim()) p.pad.push_back(0);
  p.pad[0] = above;
  p.pad_below = below;
}
std::unique_ptr<Kernel> prepare_first(const PrepareContext& c) {
  return std::make_unique<WideKernel<PoolParams>>(c, forward, 0);
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return prepare_in_layout<PoolParams>(c, prepare_first); }

//[full
// f(offset, low, high, step) for every element of the windows in a line: windows z in [low, high) have one, at
// offset + z * step.
template <class F>
void for_taps(const Geometry& g, const Range& a, const Range& b, F f) {
  const int64_t step = g.w.stride[2], extent = g.m.in[2];
  for (int64_t i = a.first; i < a.last; ++i) {
    for (int64_t j = b.first; j < b.last; ++j) {
      for (int64_t k = 0; k < g.w.kernel[2]; ++k) {
        const int64_t shift = k - g.w.pad[2], low = shift < 0 ? (step - 1 - shift) / step : 0;
        const int64_t high = std::min(g.m.out[2], shift < extent ? (extent - shift + step - 1) / step : 0);
        const int64_t offset = (i * g.m.in[1] + j) * extent + shift;
        with_step(step, [&](auto by) { f(offset, low, high, by); });
      }
    }
  }
}

// Adds what a line of windows gives to its elements, some windows at a time: `left` is what each has still to give.
template <class T>
void give_line(const PoolParams& p, const Geometry& g, const T* dy, const T* x, const T* y, const Range& a,
               const Range& b, T* dx) {
  constexpr int64_t capacity = 256;
  T left[capacity];
  for (int64_t first = 0; first < g.m.out[2]; first += capacity) {
    const int64_t n = std::min(capacity, g.m.out[2] - first);
    std::copy_n(dy + first, n, left);
    if (p.type == PoolType::avg) divide_line(g, a.count * b.count, first, n, left);
    for_taps(g, a, b, [&](int64_t offset, int64_t low, int64_t high, auto step) {
      const int64_t from = std::max(low, first), to = std::min(high, first + n);
      if (p.type == PoolType::max) {
        // All to the first element that has the maximum.
        for (int64_t z = from; z < to; ++z) {
          const bool hit = x[offset + z * step] == y[z];
          dx[offset + z * step] += hit ? left[z - first] : T(0);
          left[z - first] = hit ? T(0) : left[z - first];
        }
      } else if (p.type == PoolType::lp) {
        const T power = static_cast<T>(*p.p_value) - 1;
        for (int64_t z = from; z < to; ++z) {
          const T v = x[offset + z * step];
          if (y[z] != 0)
            dx[offset + z * step] += left[z - first] * std::pow(std::fabs(v) / y[z], power) * (v < 0 ? T(-1) : T(1));
        }
      } else {
        for (int64_t z = from; z < to; ++z) dx[offset + z * step] += left[z - first];
      }
    });
  }
}

// (dy, x, y) to dx.
void backward(const PoolParams& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "Pooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Geometry g(p, r.in[1].shape, r.in[0].shape);
    const bool even = g.one_window() && (p.type == PoolType::avg || p.type == PoolType::sum);
    const T parts = static_cast<T>(p.type == PoolType::avg ? std::max<int64_t>(1, g.m.in_size()) : 1);
    for_planes(g, r.in[1].shape, [&](int64_t plane) {
      const int64_t in = plane * g.m.in_size(), out = plane * g.m.out_size();
      const T *dy = r.in[0].as<T>() + out, *x = r.in[1].as<T>() + in, *y = r.in[2].as<T>() + out;
      T* dx = r.out[0].as<T>() + in;
      std::fill_n(dx, g.m.in_size(), even ? *dy / parts : T(0));
      if (even) return;
      for_lines(g, [&](int64_t at, const Range& a, const Range& b) { give_line(p, g, dy + at, x, y + at, a, b, dx); });
    });
  });
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
std::unique_ptr<Kernel> prepare_backward_first(const PrepareContext& c) {
  return std::make_unique<WideKernel<PoolParams>>(c, backward, 0);
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return prepare_in_layout<PoolParams>(c, prepare_backward_first);
}
void gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_Pooling", {g.output_grad(0), g.input(0), g.output(0)})[0]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<PoolParams> op(registry, "Pooling");
  op.alias("Pooling_v1");
  add_pool_params(op);
  op.input("data", "(N, C, [d, [h,]] w).")
      .infer_shape(infer_in_layout<PoolParams, infer>)
      .prepare(prepare)
      .rows(row_window, pad_rows);
  //[full
  op.doc("Reduces windows of data to their maximum, average, sum or p-norm. Output (N, C, positions...).")
      .gradient(gradient);
  for (const char* type : {"max", "avg", "sum"}) {
    op.sample({{2, 2, 5, 4}}, {{"kernel", Shape{2, 2}}, {"pool_type", type}, {"stride", Shape{2, 2}}});
    op.sample({{1, 2, 5, 6}}, {{"kernel", Shape{3, 3}},
                               {"pool_type", type},
                               {"stride", Shape{2, 2}},
                               {"pad", Shape{1, 1}},
                               {"pooling_convention", "full"}});
    op.sample({{2, 3, 4, 3}}, {{"pool_type", type}, {"global_pool", true}});
  }
  op.sample({{1, 1, 4, 4}},
            {{"kernel", Shape{3, 3}}, {"pool_type", "avg"}, {"pad", Shape{1, 1}}, {"count_include_pad", false}});
  op.sample({{1, 2, 4, 4}}, {{"kernel", Shape{2, 2}}, {"pool_type", "lp"}, {"p_value", 2}}).range(0.2, 1);
  op.sample({{1, 2, 6}}, {{"kernel", Shape{2}}, {"stride", Shape{2}}});
  op.sample({{1, 1, 3, 3, 3}}, {{"kernel", Shape{2, 2, 2}}});
  op.sample({{2, 5, 4, 3}},
            {{"kernel", Shape{3, 2}}, {"stride", Shape{2, 1}}, {"pad", Shape{1, 0}}, {"layout", "NHWC"}});
  op.sample({{2, 4, 3, 2}}, {{"pool_type", "avg"}, {"global_pool", true}, {"layout", "NHWC"}});
  op.sample({{1, 1, 1, 1}}, {{"kernel", Shape{1, 1}}});
  op.sample({{0, 2, 3, 3}}, {{"kernel", Shape{2, 2}}});

  OpBuilder<PoolParams> grad(registry, "_backward_Pooling");
  add_pool_params(grad);
  grad.hidden()
      .input("output_grad")
      .input("data")
      .input("output")
      .infer_shape(infer_backward)
      .prepare(prepare_backward);
  grad.no_gradient("second order is not defined yet");
  //]
}

}  // namespace mixnet::op::pooling
