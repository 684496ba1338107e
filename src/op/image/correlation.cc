// Correlation (Fischer et al., 2015, FlowNet): how well patches of one image match displaced patches of another.
//
// Both images are padded with zeros. Output channel (v, u) at (i, j) compares the patch at (i, j) stride1 + max_displacement of data1 with
// the patch of data2 moved by (v, u) stride2: the mean over patch and channels of products, or of absolute differences.
#include "op/image/correlation.h"

#include <cmath>

#include "op/core/wide.h"

namespace mixnet::op::correlation {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("kernel_size", &Params::kernel_size).range(1, 1 << 20).doc("Extent of the patches, odd.");
  op.param("max_displacement", &Params::max_displacement).range(0, 1 << 20).doc("Largest displacement in pixels.");
  op.param("stride1", &Params::stride1).range(1, 1 << 20).doc("Distance of patches in data1.");
  op.param("stride2", &Params::stride2).range(1, 1 << 20).doc("Distance of displacements.");
  op.param("pad_size", &Params::pad_size).range(0, 1 << 20).doc("Zeros around both images.");
  op.param("is_multiply", &Params::is_multiply).doc("Products; else absolute differences.");
  op.check([](const Params& p) {
    MIXNET_CHECK(p.kernel_size % 2 == 1, invalid, "kernel_size: expected an odd number, got ", p.kernel_size);
  });
}

// f(output offset, offset in data1 or -1, offset in data2 or -1) for all terms of image n; -1 stands for padding.
template <class F>
void for_terms(const Params& p, const Shape& s, int64_t n, F f) {
  const Geometry g(p, s);
  auto offset = [&s, &p](int64_t plane, int64_t y, int64_t x) {
    y -= p.pad_size;
    x -= p.pad_size;
    return y >= 0 && y < s[2] && x >= 0 && x < s[3] ? (plane * s[2] + y) * s[3] + x : -1;
  };
  const int64_t patch = p.kernel_size * p.kernel_size;
  for (int64_t o = 0; o < g.side * g.side * g.rows * g.columns; ++o) {
    const int64_t move = o / (g.rows * g.columns), i = o / g.columns % g.rows, j = o % g.columns;
    const int64_t dy = (move / g.side - g.radius) * p.stride2, dx = (move % g.side - g.radius) * p.stride2;
    for (int64_t k = 0; k < patch; ++k) {
      const int64_t y = i * p.stride1 + p.max_displacement + k / p.kernel_size,
                    x = j * p.stride1 + p.max_displacement + k % p.kernel_size;
      for (int64_t c = n * s[1]; c < (n + 1) * s[1]; ++c) {
        f(n * g.side * g.side * g.rows * g.columns + o, offset(c, y, x), offset(c, y + dy, x + dx));
      }
    }
  }
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "Correlation", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    const T *a = r.in[0].as<T>(), *b = r.in[1].as<T>(),
            share = 1 / static_cast<T>(p.kernel_size * p.kernel_size * std::max<int64_t>(1, s[1]));
    T* y = r.out[0].as<T>();
    std::fill_n(y, r.out[0].size(), T(0));
    parallel_for(s[0], 1, [&](int64_t first, int64_t last) {
      for (int64_t n = first; n < last; ++n) {
        for_terms(p, s, n, [&](int64_t out, int64_t i, int64_t j) {
          const T u = i < 0 ? T(0) : a[i], v = j < 0 ? T(0) : b[j];
          y[out] += (p.is_multiply ? u * v : std::fabs(u - v)) * share;
        });
      }
    });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, forward, 0); }

void infer(InferShape& c) {
  for (int i = 0; i < 2; ++i) c.expect_ndim(i, 4, 4);
  c.set_in(0, c.in[1]);
  c.set_in(1, c.in[0]);
  if (!c.in[0].known()) return;
  const Geometry g(c.params<Params>(), c.in[0]);
  if (g.rows == 0 || g.columns == 0)
    c.fail(Code::shape, concat("data1: too small for the displacements and the kernel, got ", c.in[0]));
  c.set_out(0, Shape{c.in[0][0], g.side * g.side, g.rows, g.columns});
}

//[full
// (dy, data1, data2).
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "Correlation", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[1].shape;
    const T *dy = r.in[0].as<T>(), *a = r.in[1].as<T>(), *b = r.in[2].as<T>();
    const T share = 1 / static_cast<T>(p.kernel_size * p.kernel_size * std::max<int64_t>(1, s[1]));
    T *da = r.out[0].as<T>(), *db = r.out[1].as<T>();
    std::fill_n(da, r.out[0].size(), T(0));
    std::fill_n(db, r.out[1].size(), T(0));
    parallel_for(s[0], 1, [&](int64_t first, int64_t last) {
      for (int64_t n = first; n < last; ++n) {
        for_terms(p, s, n, [&](int64_t out, int64_t i, int64_t j) {
          const T u = i < 0 ? T(0) : a[i], v = j < 0 ? T(0) : b[j], g = dy[out] * share, sign = u >= v ? T(1) : T(-1);
          if (i >= 0) da[i] += g * (p.is_multiply ? v : sign);
          if (j >= 0) db[j] += g * (p.is_multiply ? u : -sign);
        });
      }
    });
  });
}
void infer_backward(InferShape& c) {
  c.set_out(0, c.in[1]);
  c.set_out(1, c.in[2]);
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, 0);
}
void gradient(GradientContext& g) {
  const auto grads = g.make_backward("_backward_Correlation", {g.output_grad(0), g.input(0), g.input(1)});
  for (int i = 0; i < 2; ++i) g.set(i, grads[static_cast<size_t>(i)]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "Correlation");
  add_params(op);
  op.input("data1", "(N, C, h, w), float.").input("data2", "The same shape.").infer_shape(infer).prepare(prepare);
  //[full
  op.doc(
      "Correlation of patches of two images (Fischer et al., 2015), (N, displacements, rows, columns), with (2 "
      "(max_displacement / stride2) + 1)^2 displacements.");
  op.gradient(gradient);
  const Shape s{1, 2, 4, 4};
  op.sample({s, s});
  op.sample({s, s}, {{"kernel_size", 3}, {"max_displacement", 2}, {"stride1", 2}, {"stride2", 2}, {"pad_size", 2}});
  op.sample({s, s}, {{"max_displacement", 1}, {"pad_size", 1}, {"is_multiply", false}});
  op.sample({{1, 1, 1, 1}, {1, 1, 1, 1}}, {{"max_displacement", 0}});
  op.sample({{0, 1, 4, 4}, {0, 1, 4, 4}});
  OpBuilder<Params> grad(registry, "_backward_Correlation");
  add_params(grad);
  grad.hidden()
      .input("output_grad")
      .input("data1")
      .input("data2")
      .outputs({"data1", "data2"})
      .infer_shape(infer_backward)
      .prepare(prepare_backward);
  grad.no_gradient("the second derivative of correlation is not provided");
  //]
}

}  // namespace mixnet::op::correlation
