// Convolution over one to three spatial axes, with groups and dilation: im2col and matrix products, image by image.
#include "op/nn/convolution.h"
#include "op/core/bilinear.h"

#include "base/thread_pool.h"
#include "op/core/gemm.h"
#include "op/core/wide.h"

namespace mixnet::op::convolution {
namespace {

// The parameters, and the number of threads that get a buffer of their own.
struct Planned : ConvParams {
  int64_t slots = 1;
};

// A window of one element without stride or padding: the image is the matrix already.
bool pointwise(const Window& w) {
  return w.volume() == 1 && w.stride[0] * w.stride[1] * w.stride[2] == 1 && w.pad[0] + w.pad[1] + w.pad[2] == 0;
}

// The matrix of an image is made block by block, each about block_rows x block_columns, so that it stays in the cache.
constexpr int64_t block_rows = 128, block_columns = 1024, few_columns = 128;

struct Sizes {
  Window w;
  Image m;
  int64_t n, groups, filters, depth, positions;  // filters and channels per group; depth = channels * volume
  bool plain;                                    // the image is the matrix
  int64_t channels, blocks, width, strips;       // of a block; blocks of channels and strips of positions
  Sizes(const ConvParams& p, const Shape& data, const Shape& out)
      : w(aligned(p.window())),
        m(conv_image(p.window(), data, out, data[1] / p.num_group)),
        n(data[0]),
        groups(p.num_group),
        filters(p.num_filter / p.num_group),
        depth(m.channels * w.volume()),
        positions(m.out_size()),
        plain(pointwise(w)) {
    channels = std::max<int64_t>(1, plain ? m.channels : std::min(m.channels, block_rows / w.volume()));
    blocks = std::max<int64_t>(1, (m.channels + channels - 1) / channels);
    strips = (positions + block_columns - 1) / block_columns;
    // Every thread gets as many strips, none of them very short.
    const int64_t threads = parallel_threads(), even = (strips + threads - 1) / threads * threads;
    if (n * groups < threads && positions >= even * few_columns) strips = even;
    width = strips ? (positions + strips - 1) / strips : 0;
    strips = width ? (positions + width - 1) / width : 0;
  }
  ColumnBlock block(int64_t b, int64_t strip) const {
    return {b * channels, std::min(m.channels, (b + 1) * channels), strip * width,
            std::min(positions, (strip + 1) * width)};
  }
  int64_t rows(const ColumnBlock& b) const { return (b.last - b.first) * w.volume(); }
  size_t buffer() const {
    return plain ? 0 : static_cast<size_t>(channels * w.volume() * std::min(positions, block_columns));
  }
  int64_t images() const { return n * groups; }
  // Small or few tasks are better shared out inside.
  bool worth(int64_t tasks) const {
    return tasks >= parallel_threads() && images() * filters * depth * positions > 100000;
  }
};

// f(task, buffer of its thread) for all tasks, in parallel; or one by one, each in parallel.
template <class T, class F>
void share(const Sizes& s, int64_t slots, int64_t tasks, T* buffers, F f) {
  if (!s.worth(tasks)) slots = 1;
  parallel_for(slots, 1, [&](int64_t first, int64_t last) {
    for (int64_t slot = first; slot < last; ++slot) {
      T* buffer = buffers + slot * static_cast<int64_t>(s.buffer());
      for (int64_t task = slot * tasks / slots; task < (slot + 1) * tasks / slots; ++task) f(task, buffer);
    }
  });
}

// One block as a matrix: its first element, and the distance of its rows.
template <class T>
struct Columns {
  const T* data;
  int64_t step;
  Columns(const Sizes& s, const ColumnBlock& b, const T* image, T* buffer)
      : data(s.plain ? image + b.first * s.positions + b.begin : buffer), step(s.plain ? s.positions : b.width()) {
    if (!s.plain) image_to_columns(s.m, s.w, b, image, buffer);
  }
};

void forward(const Planned& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "Convolution", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(p, r.in[0].shape, r.out[0].shape);
    const T* bias = p.no_bias ? nullptr : r.in[2].as<T>();
    share(s, p.slots, s.images() * s.strips, static_cast<T*>(r.context.workspace), [&](int64_t task, T* buffer) {
      const int64_t i = task / s.strips, strip = task % s.strips, g = i % s.groups;
      const T* image = r.in[0].as<T>() + i * s.m.channels * s.m.in_size();
      const T* weight = r.in[1].as<T>() + g * s.filters * s.depth;
      T* out = r.out[0].as<T>() + i * s.filters * s.positions + strip * s.width;
      for (int64_t f = 0; bias && f < s.filters; ++f) {
        std::fill_n(out + f * s.positions, s.block(0, strip).width(), bias[g * s.filters + f]);
      }
      for (int64_t k = 0; k < s.blocks; ++k) {
        const ColumnBlock b = s.block(k, strip);
        const Columns<T> x(s, b, image, buffer);
        gemm<T>(false, false, s.filters, b.width(), s.rows(b), 1, weight + b.first * s.w.volume(), s.depth, x.data,
                x.step, bias || k ? 1 : 0, out, s.positions);
      }
    });
  });
}

// One channel and few filters per group (depthwise): adding shifted images is less work than making the matrix.
bool direct(const Sizes& s) { return s.m.channels == 1 && s.filters <= 2; }

template <class T>
void add_shifted(const Sizes& s, const T* weight, const T* __restrict image, T* __restrict out) {
  const int64_t step = s.w.stride[2];
  walk_channel(s.m, s.w, {0, 1, 0, s.positions}, 0, [=](const Piece& p) {
    const T factor = weight[p.tap];
    const T* __restrict from = image + p.line;
    T* __restrict to = out + p.column - p.from;
    if (step == 1) {
      for (int64_t z = p.low; z < p.high; ++z) to[z] += factor * from[z];
    } else {
      for (int64_t z = p.low; z < p.high; ++z) to[z] += factor * from[z * step];
    }
  });
}

void forward_direct(const ConvParams& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "Convolution", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(p, r.in[0].shape, r.out[0].shape);
    const int64_t count = s.groups * s.filters, work = std::max<int64_t>(1, s.depth * s.positions);
    parallel_for(s.n * count, std::max<int64_t>(1, 65536 / work), [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        T* out = r.out[0].as<T>() + i * s.positions;
        std::fill_n(out, s.positions, p.no_bias ? T(0) : r.in[2].as<T>()[i % count]);
        add_shifted(s, r.in[1].as<T>() + i % count * s.depth, r.in[0].as<T>() + i / s.filters * s.m.in_size(), out);
      }
    });
  });
}

void infer(InferShape& c) {
  const ConvParams& p = c.params<ConvParams>();
  const Window w = p.window();
  if (!p.no_bias) c.set_in(2, Shape{p.num_filter});
  c.expect_ndim(0, w.dims + 2, w.dims + 2);
  const Shape& in = c.in[0];
  Shape weight{p.num_filter, -1};
  for (int i = 0; i < w.dims; ++i) weight.push_back(w.kernel[i]);
  if (in.ndim_known() && in[1] >= 0) {
    if (in[1] % p.num_group != 0)
      c.fail(Code::shape, concat("data: expected a multiple of ", p.num_group, " channels, got ", in));
    weight[1] = in[1] / p.num_group;
  }
  c.set_in(1, weight);
  if (!in.ndim_known()) return;
  Shape out{in[0], p.num_filter};
  for (int i = 0; i < w.dims; ++i) {
    const int64_t extent = in[2 + i];
    out.push_back(extent < 0 ? -1 : w.positions(i, extent));
    if (extent >= 0 && out.back() <= 0)
      c.fail(Code::shape, concat("the kernel ", p.kernel, " does not fit into data ", in));
  }
  c.set_out(0, out);
}

std::optional<RowWindow> row_window(const ConvParams& p) {
  if (is_channels_last(p.layout)) return std::nullopt;
  const Window w = p.window();
  return RowWindow{w.reach(0), w.stride[0], w.pad[0]};
}
// What lies below follows from the number of rows.
void pad_rows(ConvParams& p, int64_t above, int64_t) {
  while (p.pad.ndim() < p.kernel.ndim()) p.pad.push_back(0);
  p.pad[0] = above;
}

// A kernel with buffers for as many threads as the largest number of tasks keeps busy.
std::unique_ptr<Kernel> planned(const PrepareContext& c, const Sizes& s, int64_t tasks,
                                WideKernel<Planned>::Body body) {
  Planned p;
  static_cast<ConvParams&>(p) = c.params<ConvParams>();
  if (s.worth(tasks)) p.slots = parallel_threads();
  PrepareContext own = c;
  own.params_ = &p;
  const size_t item = c.inputs[0].dtype == DType::f64 ? 8 : 4;
  return std::make_unique<WideKernel<Planned>>(own, body, static_cast<size_t>(p.slots) * s.buffer() * item);
}
std::unique_ptr<Kernel> prepare_first(const PrepareContext& c) {
  const Sizes s(c.params<ConvParams>(), c.inputs[0].shape, c.outputs[0].shape);
  if (direct(s)) return std::make_unique<WideKernel<ConvParams>>(c, forward_direct, 0);
  return planned(c, s, s.images() * s.strips, forward);
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return prepare_in_layout<ConvParams>(c, prepare_first); }

//[full
template <class T>
T sum_of(const T* x, int64_t n) {
  constexpr int64_t lanes = 16;
  T part[lanes] = {}, total = 0;
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    for (int64_t l = 0; l < lanes; ++l) part[l] += x[i + l];
  }
  for (; i < n; ++i) part[0] += x[i];
  for (T v : part) total += v;
  return total;
}

template <class T>
void bias_gradient(const Sizes& s, const T* dy, T* db) {
  const int64_t count = s.groups * s.filters;
  parallel_for(count, std::max<int64_t>(1, 32768 / std::max<int64_t>(1, s.n * s.positions)),
               [&](int64_t first, int64_t last) {
                 for (int64_t f = first; f < last; ++f) {
                   db[f] = 0;
                   for (int64_t i = 0; i < s.n; ++i) db[f] += sum_of(dy + (i * count + f) * s.positions, s.positions);
                 }
               });
}

// Blocks of channels are independent: each is summed over all images.
template <class T>
void weight_gradient(const Sizes& s, int64_t slots, const T* dy, const T* x, T* dw, T* buffers) {
  share(s, slots, s.groups * s.blocks, buffers, [&](int64_t task, T* buffer) {
    const int64_t g = task / s.blocks, k = task % s.blocks;
    for (int64_t i = g; i < s.images(); i += s.groups) {
      for (int64_t strip = 0; strip < s.strips; ++strip) {
        const ColumnBlock b = s.block(k, strip);
        const Columns<T> c(s, b, x + i * s.m.channels * s.m.in_size(), buffer);
        gemm<T>(false, true, s.filters, s.rows(b), b.width(), 1, dy + i * s.filters * s.positions + b.begin,
                s.positions, c.data, c.step, i == g && strip == 0 ? 0 : 1,
                dw + g * s.filters * s.depth + b.first * s.w.volume(), s.depth);
      }
    }
  });
}

template <class T>
void data_gradient(const Sizes& s, int64_t slots, const T* dy, const T* weight, T* dx, T* buffers) {
  share(s, slots, s.images() * s.blocks, buffers, [&](int64_t task, T* buffer) {
    const int64_t i = task / s.blocks, k = task % s.blocks, size = s.m.in_size();
    T* image = dx + i * s.m.channels * size;
    const ColumnBlock all = s.block(k, 0);
    if (!s.plain) std::fill(image + all.first * size, image + all.last * size, T(0));
    for (int64_t strip = 0; strip < s.strips; ++strip) {
      const ColumnBlock b = s.block(k, strip);
      gemm<T>(true, false, s.rows(b), b.width(), s.filters, 1,
              weight + i % s.groups * s.filters * s.depth + b.first * s.w.volume(), s.depth,
              dy + i * s.filters * s.positions + b.begin, s.positions, 0, s.plain ? image + b.begin : buffer,
              s.plain ? s.positions : b.width());
      if (!s.plain) columns_to_image(s.m, s.w, b, buffer, image);
    }
  });
}

// (dy, x, w) to (dx, dw, db).
void backward(const Planned& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "Convolution", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(p, r.in[1].shape, r.in[0].shape);
    T *buffers = static_cast<T*>(r.context.workspace), *dx = r.out[0].as<T>(), *dw = r.out[1].as<T>();
    if (!p.no_bias && r.out[2].data) bias_gradient(s, r.in[0].as<T>(), r.out[2].as<T>());
    if (dw && s.n == 0) std::fill_n(dw, r.out[1].size(), T(0));
    if (dw) weight_gradient(s, p.slots, r.in[0].as<T>(), r.in[1].as<T>(), dw, buffers);
    if (dx) data_gradient(s, p.slots, r.in[0].as<T>(), r.in[2].as<T>(), dx, buffers);
  });
}
std::unique_ptr<Kernel> prepare_backward_first(const PrepareContext& c) {
  const Sizes s(c.params<ConvParams>(), c.inputs[1].shape, c.inputs[0].shape);
  return planned(c, s, std::max(s.images(), s.groups) * s.blocks, backward);
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return prepare_in_layout<ConvParams>(c, prepare_backward_first);
}
void infer_backward(InferShape& c) {
  c.set_out(0, c.in[1]);
  c.set_out(1, c.in[2]);
  if (!c.params<ConvParams>().no_bias) c.set_out(2, Shape{c.params<ConvParams>().num_filter});
}
void second_gradient(GradientContext& g) {
  bilinear_gradient(g, "Convolution", "_backward_Convolution", !g.params<ConvParams>().no_bias);
}
void gradient(GradientContext& g) {
  const auto grads = g.make_backward("_backward_Convolution", {g.output_grad(0), g.input(0), g.input(1)});
  for (int i = 0; i < g.num_inputs(); ++i)
    if (g.wants(i)) g.set(i, grads[static_cast<size_t>(i)]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<ConvParams> op(registry, "Convolution");
  op.alias("Convolution_v1");
  add_conv_params(op, false);
  op.input("data", "(N, C, [d, [h,]] w).")
      .input("weight", "(num_filter, C / num_group, kernel...).")
      .input("bias", "(num_filter,).");
  op.input_names(conv_inputs)
      .infer_shape(infer_in_layout<ConvParams, infer>)
      .prepare(prepare)
      .rows(row_window, pad_rows);
  //[full
  op.doc(
      "Cross-correlates data with num_filter windows. Output (N, num_filter, positions...), positions = floor((x + 2 "
      "pad - dilate (kernel - 1) - 1) / stride) + 1.");
  op.gradient(gradient);
  op.sample({{2, 3, 5, 4}, {4, 3, 3, 3}, {4}}, {{"kernel", Shape{3, 3}}, {"num_filter", 4}, {"pad", Shape{1, 1}}});
  op.sample({{1, 4, 6, 5}, {4, 2, 2, 3}},
            {{"kernel", Shape{2, 3}}, {"num_filter", 4}, {"num_group", 2}, {"stride", Shape{2, 1}}, {"no_bias", true}});
  op.sample({{1, 2, 7, 6}, {2, 2, 2, 2}, {2}}, {{"kernel", Shape{2, 2}}, {"num_filter", 2}, {"dilate", Shape{2, 3}}});
  op.sample({{2, 3, 3, 3}, {2, 3, 1, 1}, {2}}, {{"kernel", Shape{1, 1}}, {"num_filter", 2}});
  op.sample({{1, 2, 6}, {3, 2, 3}, {3}}, {{"kernel", Shape{3}}, {"num_filter", 3}, {"pad", Shape{2}}});
  op.sample({{1, 2, 3, 4, 3}, {2, 2, 2, 2, 2}, {2}}, {{"kernel", Shape{2, 2, 2}}, {"num_filter", 2}});
  op.sample({{2, 5, 4, 4}, {4, 3, 2, 2}, {4}}, {{"kernel", Shape{3, 2}},
                                                {"num_filter", 4},
                                                {"num_group", 2},
                                                {"stride", Shape{2, 1}},
                                                {"pad", Shape{1, 0}},
                                                {"layout", "NHWC"}});
  op.sample({{1, 3, 4, 3, 2}, {2, 2, 2, 2, 2}},
            {{"kernel", Shape{2, 2, 2}}, {"num_filter", 2}, {"no_bias", true}, {"layout", "NDHWC"}});
  op.sample({{1, 1, 1, 1}, {1, 1, 1, 1}, {1}}, {{"kernel", Shape{1, 1}}, {"num_filter", 1}});
  op.sample({{0, 2, 3, 3}, {2, 2, 2, 2}, {2}}, {{"kernel", Shape{2, 2}}, {"num_filter", 2}});

  OpBuilder<ConvParams> grad(registry, "_backward_Convolution");
  add_conv_params(grad, false);
  grad.hidden().input("output_grad").input("data").input("weight").output_names(conv_inputs).optional_outputs();
  grad.infer_shape(infer_backward).prepare(prepare_backward).gradient(second_gradient);
  //]
}

}  // namespace mixnet::op::convolution
