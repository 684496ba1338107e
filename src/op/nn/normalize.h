// What LayerNorm, InstanceNorm and GroupNorm share: rows of a tensor brought to mean 0 and variance 1, then scaled and shifted.
//
// P has a member eps; `rows` says how a tensor falls into rows. Forward: (data, gamma, beta) to (output, mean, std), the latter two one
// number per row. Backward: (output_grad, data, gamma, mean, std) to the gradients of the three inputs.
#pragma once
#include <cmath>

#include "base/on_device.h"
#include "op/core/wide.h"

namespace mixnet::op {

// Row (o, i) has the elements (o * length + k) * inner + i. gamma is indexed by k when `groups` is 0, else by o % groups.
struct NormRows {
  int64_t outer, length, inner, groups;
  int64_t count() const { return outer * inner; }
  MIXNET_ON_DEVICE int64_t start(int64_t row) const { return row / inner * length * inner + row % inner; }
  MIXNET_ON_DEVICE int64_t group(int64_t row) const { return row / inner % groups; }
};

template <class P, NormRows (*rows)(const P&, const Shape&)>
struct Normalize {
  template <class T>
  static void forward_rows(const P& p, const RunContext& r) {
    const NormRows s = rows(p, r.in[0].shape);
    const T *gamma = r.in[1].as<T>(), *beta = r.in[2].as<T>();
    parallel_for(s.count(), std::max<int64_t>(1, 4096 / std::max<int64_t>(1, s.length)),
                 [&](int64_t first, int64_t last) {
                   for (int64_t row = first; row < last; ++row) {
                     const T* x = r.in[0].as<T>() + s.start(row);
                     T *y = r.out[0].as<T>() + s.start(row), mean = 0, var = 0;
                     const T n = static_cast<T>(std::max<int64_t>(1, s.length));
                     for (int64_t k = 0; k < s.length; ++k) mean += x[k * s.inner];
                     mean /= n;
                     for (int64_t k = 0; k < s.length; ++k) var += (x[k * s.inner] - mean) * (x[k * s.inner] - mean);
                     const T std = std::sqrt(var / n + static_cast<T>(p.eps)), scale = 1 / std;
                     for (int64_t k = 0; k < s.length; ++k) {
                       const int64_t g = s.groups ? s.group(row) : k;
                       y[k * s.inner] = (x[k * s.inner] - mean) * scale * gamma[g] + beta[g];
                     }
                     r.out[1].as<T>()[row] = mean;
                     r.out[2].as<T>()[row] = std;
                   }
                 });
  }
  static void forward(const P& p, const RunContext& r) {
    dispatch_wide(r.in[0].dtype, "normalize", [&](auto tag) { forward_rows<typename decltype(tag)::type>(p, r); });
  }
  static std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
    return std::make_unique<WideKernel<P>>(c, forward, 0);
  }

  //[full
  // dx = (g - mean(g) - h mean(g h)) / std with g = dy gamma and h = (x - mean) / std.
  template <class T>
  static void backward_data(const NormRows& s, const RunContext& r) {
    const T* gamma = r.in[2].as<T>();
    parallel_for(
        s.count(), std::max<int64_t>(1, 4096 / std::max<int64_t>(1, s.length)), [&](int64_t first, int64_t last) {
          for (int64_t row = first; row < last; ++row) {
            const int64_t at = s.start(row);
            const T *dy = r.in[0].as<T>() + at, *x = r.in[1].as<T>() + at, mean = r.in[3].as<T>()[row],
                    scale = 1 / r.in[4].as<T>()[row];
            T *dx = r.out[0].as<T>() + at, sum = 0, product = 0;
            for (int64_t k = 0; k < s.length; ++k) {
              const T g = dy[k * s.inner] * gamma[s.groups ? s.group(row) : k];
              sum += g;
              product += g * (x[k * s.inner] - mean) * scale;
            }
            const T n = static_cast<T>(std::max<int64_t>(1, s.length));
            for (int64_t k = 0; k < s.length; ++k) {
              const T g = dy[k * s.inner] * gamma[s.groups ? s.group(row) : k], h = (x[k * s.inner] - mean) * scale;
              dx[k * s.inner] = (g - sum / n - h * product / n) * scale;
            }
          }
        });
  }
  template <class T>
  static void backward_scale(const NormRows& s, const RunContext& r) {
    T *dgamma = r.out[1].as<T>(), *dbeta = r.out[2].as<T>();
    std::fill_n(dgamma, r.out[1].size(), T(0));
    std::fill_n(dbeta, r.out[2].size(), T(0));
    for (int64_t row = 0; row < s.count(); ++row) {
      const int64_t at = s.start(row);
      const T mean = r.in[3].as<T>()[row], scale = 1 / r.in[4].as<T>()[row];
      for (int64_t k = 0; k < s.length; ++k) {
        const int64_t g = s.groups ? s.group(row) : k, e = at + k * s.inner;
        dgamma[g] += r.in[0].as<T>()[e] * (r.in[1].as<T>()[e] - mean) * scale;
        dbeta[g] += r.in[0].as<T>()[e];
      }
    }
  }
  static void backward(const P& p, const RunContext& r) {
    dispatch_wide(r.in[0].dtype, "normalize", [&](auto tag) {
      using T = typename decltype(tag)::type;
      const NormRows s = rows(p, r.in[0].shape);
      backward_data<T>(s, r);
      backward_scale<T>(s, r);
    });
  }
  static std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
    return std::make_unique<WideKernel<P>>(c, backward, 0);
  }
  static void infer_backward(InferShape& c) {
    c.set_out(0, c.in[1]);
    c.set_out(1, c.in[2]);
    c.set_out(2, c.in[2]);
  }
  static void add_backward(OpBuilder<P>& grad) {
    grad.hidden()
        .input("output_grad")
        .input("data")
        .input("gamma")
        .input("mean")
        .input("std")
        .outputs({"data", "gamma", "beta"});
    grad.infer_shape(infer_backward)
        .prepare(prepare_backward)
        .no_gradient("compose it from mean, square and broadcast operators for higher orders");
  }
  static void gradient(GradientContext& g, const char* name) {
    const auto grads = g.make_backward(name, {g.output_grad(0), g.input(0), g.input(1), g.output(1), g.output(2)});
    for (int i = 0; i < 3; ++i) g.set(i, grads[static_cast<size_t>(i)]);
  }
  //]
};

}  // namespace mixnet::op
