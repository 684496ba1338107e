// Pooling over one to three spatial axes: max, average, sum and p-norm.
#include "op/nn/pooling.h"

#include <cmath>

#include "op/core/wide.h"

namespace mixnet::op::pooling {
namespace {

void check(const PoolParams& p) {
  MIXNET_CHECK(p.global_pool || p.kernel.ndim() > 0, invalid, "kernel: required unless global_pool is set");
  if (!p.global_pool) {
    const Window w(p.kernel, p.stride, Shape(), p.pad);
    for (int i = 0; i < w.dims; ++i) MIXNET_CHECK(w.pad[i] < w.kernel[i], invalid, "pad: expected less than the kernel ", p.kernel, ", got ", p.pad);
  }
  MIXNET_CHECK(p.type != PoolType::lp || p.p_value.value_or(0) >= 1, invalid, "p_value: expected at least 1 for pool_type lp");
  MIXNET_CHECK(p.layout != ConvLayout::ndhwc && p.layout != ConvLayout::nhwc, unsupported, "layout: expected channels first, got channels last");
}

void add_params(OpBuilder<PoolParams>& op) {
  op.param("kernel", &PoolParams::kernel).range(1).doc("Extent of the window: (w), (h, w) or (d, h, w).");
  op.param("pool_type", &PoolParams::type, {"avg", "lp", "max", "sum"}).doc("What is taken of each window.");
  op.param("global_pool", &PoolParams::global_pool).doc("One window over everything; kernel, stride and pad are ignored.");
  op.param("cudnn_off", &PoolParams::cudnn_off).doc("Accepted for MXNet's files.");
  op.param("pooling_convention", &PoolParams::convention, {"full", "same", "valid"}).doc("Number of windows: floor (valid), ceil (full), or input / stride (same).");
  op.param("stride", &PoolParams::stride).range(1).doc("Step of the window; 1 when empty.");
  op.param("pad", &PoolParams::pad).range(0).doc("Elements added on both sides; 0 when empty.");
  op.param("p_value", &PoolParams::p_value).doc("The p of pool_type lp.");
  op.param("count_include_pad", &PoolParams::count_include_pad).doc("Whether padding counts for the average; yes unless False.");
  op.param("layout", &PoolParams::layout, {"None", "NCDHW", "NCHW", "NCW", "NDHWC", "NHWC"}).doc("Order of the axes of data; channels first.");
  op.check(check);
}

// One window: its elements inside the input, and how many the average divides by.
struct Range {
  int64_t first[3], last[3], count = 1;
};

// f(plane, output position, range) for every window of every image and channel.
template <class F>
void for_windows(const PoolParams& p, const Shape& in, const Shape& out, F f) {
  const Window w = aligned(p.window(in));
  const Image m = conv_image(p.window(in), in, out, 1);
  const bool include = p.count_include_pad.value_or(true) && !p.global_pool;
  parallel_for(in[0] * in[1], std::max<int64_t>(1, 4096 / std::max<int64_t>(1, m.out_size())), [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane) {
      int64_t at = 0, index[3];
      for (index[0] = 0; index[0] < m.out[0]; ++index[0]) {
        for (index[1] = 0; index[1] < m.out[1]; ++index[1]) {
          for (index[2] = 0; index[2] < m.out[2]; ++index[2], ++at) {
            Range range;
            for (int i = 0; i < 3; ++i) {
              const int64_t start = index[i] * w.stride[i] - w.pad[i], padded_end = std::min(start + w.kernel[i], m.in[i] + w.pad[i]);
              range.first[i] = std::max<int64_t>(start, 0);
              range.last[i] = std::min(padded_end, m.in[i]);
              range.count *= include ? padded_end - start : range.last[i] - range.first[i];
            }
            f(plane, plane * m.out_size() + at, range, m);
          }
        }
      }
    }
  });
}

// g(offset in the plane) for every element of a window.
template <class G>
void for_elements(const Range& range, const Image& m, G g) {
  for (int64_t a = range.first[0]; a < range.last[0]; ++a) {
    for (int64_t b = range.first[1]; b < range.last[1]; ++b) {
      for (int64_t c = range.first[2]; c < range.last[2]; ++c) g((a * m.in[1] + b) * m.in[2] + c);
    }
  }
}

template <class T>
T pool(const PoolParams& p, const T* x, const Range& range, const Image& m) {
  if (p.type == PoolType::max) {
    T best = -std::numeric_limits<T>::infinity();
    for_elements(range, m, [&](int64_t k) { best = x[k] > best || x[k] != x[k] ? x[k] : best; });
    return best;
  }
  T sum = 0;
  if (p.type == PoolType::lp) {
    const T power = static_cast<T>(*p.p_value);
    for_elements(range, m, [&](int64_t k) { sum += std::pow(std::fabs(x[k]), power); });
    return std::pow(sum, 1 / power);
  }
  for_elements(range, m, [&](int64_t k) { sum += x[k]; });
  return p.type == PoolType::avg ? sum / static_cast<T>(std::max<int64_t>(1, range.count)) : sum;
}

void forward(const PoolParams& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "Pooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_windows(p, r.in[0].shape, r.out[0].shape, [&](int64_t plane, int64_t at, const Range& range, const Image& m) {
      r.out[0].as<T>()[at] = pool(p, r.in[0].as<T>() + plane * m.in_size(), range, m);
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
    if (in[2 + i] >= 0 && out.back() <= 0) c.fail(Code::shape, concat("the kernel ", p.kernel, " does not fit into data ", in));
  }
  c.set_out(0, out);
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<PoolParams>>(c, forward, 0); }

//[full
// (dy, x, y) to dx. The gradient of a maximum goes to the first element that has it.
void backward(const PoolParams& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "Pooling", [&](auto tag) {
    using T = typename decltype(tag)::type;
    std::fill_n(r.out[0].as<T>(), r.out[0].size(), T(0));
    for_windows(p, r.in[1].shape, r.in[0].shape, [&](int64_t plane, int64_t at, const Range& range, const Image& m) {
      const T* x = r.in[1].as<T>() + plane * m.in_size();
      T* dx = r.out[0].as<T>() + plane * m.in_size();
      const T dy = r.in[0].as<T>()[at], y = r.in[2].as<T>()[at];
      if (p.type == PoolType::max) {
        int64_t best = -1;
        for_elements(range, m, [&](int64_t k) { if (best < 0 && x[k] == y) best = k; });
        if (best >= 0) dx[best] += dy;
      } else if (p.type == PoolType::lp) {
        const T power = static_cast<T>(*p.p_value);
        for_elements(range, m, [&](int64_t k) {
          if (y != 0) dx[k] += dy * std::pow(std::fabs(x[k]) / y, power - 1) * (x[k] < 0 ? T(-1) : T(1));
        });
      } else {
        const T share = p.type == PoolType::avg ? dy / static_cast<T>(std::max<int64_t>(1, range.count)) : dy;
        for_elements(range, m, [&](int64_t k) { dx[k] += share; });
      }
    });
  });
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) { return std::make_unique<WideKernel<PoolParams>>(c, backward, 0); }
void gradient(GradientContext& g) { g.set(0, g.make_backward("_backward_Pooling", {g.output_grad(0), g.input(0), g.output(0)})[0]); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<PoolParams> op(registry, "Pooling");
  op.alias("Pooling_v1");
  add_params(op);
  op.input("data", "(N, C, [d, [h,]] w).").infer_shape(infer).prepare(prepare);
  //[full
  op.doc("Reduces windows of data to their maximum, average, sum or p-norm. Output (N, C, positions...).").gradient(gradient);
  for (const char* type : {"max", "avg", "sum"}) {
    op.sample({{2, 2, 5, 4}}, {{"kernel", Shape{2, 2}}, {"pool_type", type}, {"stride", Shape{2, 2}}});
    op.sample({{1, 2, 5, 6}}, {{"kernel", Shape{3, 3}}, {"pool_type", type}, {"stride", Shape{2, 2}}, {"pad", Shape{1, 1}}, {"pooling_convention", "full"}});
    op.sample({{2, 3, 4, 3}}, {{"pool_type", type}, {"global_pool", true}});
  }
  op.sample({{1, 1, 4, 4}}, {{"kernel", Shape{3, 3}}, {"pool_type", "avg"}, {"pad", Shape{1, 1}}, {"count_include_pad", false}});
  op.sample({{1, 2, 4, 4}}, {{"kernel", Shape{2, 2}}, {"pool_type", "lp"}, {"p_value", 2}}).range(0.2, 1);
  op.sample({{1, 2, 6}}, {{"kernel", Shape{2}}, {"stride", Shape{2}}});
  op.sample({{1, 1, 3, 3, 3}}, {{"kernel", Shape{2, 2, 2}}});
  op.sample({{1, 1, 1, 1}}, {{"kernel", Shape{1, 1}}});
  op.sample({{0, 2, 3, 3}}, {{"kernel", Shape{2, 2}}});

  OpBuilder<PoolParams> grad(registry, "_backward_Pooling");
  add_params(grad);
  grad.hidden().input("output_grad").input("data").input("output").infer_shape(infer_backward).prepare(prepare_backward);
  grad.no_gradient("second order is not defined yet");
  //]
}

}  // namespace mixnet::op::pooling
