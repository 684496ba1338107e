// Convolution and its gradients against the definition, with images of many blocks, by one and several threads.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "../run_op.h"
#include "base/thread_pool.h"

namespace mixnet::test {
namespace {
using Values = std::vector<double>;

struct Case {
  int64_t images, channels, filters, groups, in, kernel, stride, pad, dilate;
  int64_t out() const { return (in + 2 * pad - dilate * (kernel - 1) - 1) / stride + 1; }
  Attributes attributes() const {
    return {{"kernel", Shape{kernel, kernel}}, {"stride", Shape{stride, stride}}, {"pad", Shape{pad, pad}},
            {"dilate", Shape{dilate, dilate}}, {"num_filter", filters},           {"num_group", groups}};
  }
};

// f(offset of y, offset of x, offset of w) for every product in the sum.
template <class F>
void for_products(const Case& c, F f) {
  const int64_t in_group = c.channels / c.groups, out_group = c.filters / c.groups;
  for (int64_t row = 0; row < c.images * c.filters * c.out() * c.out(); ++row) {
    const int64_t q = row % c.out(), p = row / c.out() % c.out(), o = row / c.out() / c.out() % c.filters;
    const int64_t image = row / c.out() / c.out() / c.filters;
    for (int64_t k = 0; k < in_group * c.kernel * c.kernel; ++k) {
      const int64_t b = k % c.kernel, a = k / c.kernel % c.kernel, channel = k / c.kernel / c.kernel;
      const int64_t i = p * c.stride - c.pad + a * c.dilate, j = q * c.stride - c.pad + b * c.dilate;
      if (i < 0 || i >= c.in || j < 0 || j >= c.in) continue;
      const int64_t plane = image * c.channels + o / out_group * in_group + channel;
      f(static_cast<size_t>(row), static_cast<size_t>((plane * c.in + i) * c.in + j),
        static_cast<size_t>(o * in_group * c.kernel * c.kernel + k));
    }
  }
}

Tensor numbers(const Shape& shape, int64_t seed) {
  Tensor t(shape, DType::f64);
  for (int64_t i = 0; i < t.size(); ++i) t.set(i, std::sin(static_cast<double>((i + seed) * 37 % 1009)));
  return t;
}

double distance(const Values& a, const Values& b) {
  if (a.size() != b.size()) return INFINITY;
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::fabs(a[i] - b[i]));
  return worst;
}

void check(const Case& c) {
  const Tensor x = numbers({c.images, c.channels, c.in, c.in}, 1), bias = numbers({c.filters}, 3);
  const Tensor w = numbers({c.filters, c.channels / c.groups, c.kernel, c.kernel}, 2);
  const Tensor dy = numbers({c.images, c.filters, c.out(), c.out()}, 4);
  const Values xs = x.values(), ws = w.values(), dys = dy.values(), biases = bias.values();
  Values y(dys.size()), dx(xs.size()), dw(ws.size()), db(biases.size());
  const size_t plane = static_cast<size_t>(c.out() * c.out());
  for (size_t i = 0; i < y.size(); ++i) {
    y[i] = biases[i / plane % biases.size()];
    db[i / plane % biases.size()] += dys[i];
  }
  for_products(c, [&](size_t at_y, size_t at_x, size_t at_w) {
    y[at_y] += xs[at_x] * ws[at_w];
    dx[at_x] += dys[at_y] * ws[at_w];
    dw[at_w] += dys[at_y] * xs[at_x];
  });
  CHECK(distance(run_op("Convolution", {x, w, bias}, c.attributes())[0].values(), y) < 1e-10);
  const std::vector<Tensor> grads = run_op("_backward_Convolution", {dy, x, w}, c.attributes());
  CHECK(distance(grads[0].values(), dx) < 1e-10);
  CHECK(distance(grads[1].values(), dw) < 1e-10);
  CHECK(distance(grads[2].values(), db) < 1e-10);
}

}  // namespace

TEST_CASE("Convolution agrees with the definition") {
  const int before = parallel_threads();
  for (int threads : {1, 3}) {
    set_parallel_threads(threads);
    check({2, 40, 6, 1, 37, 3, 1, 1, 1});
    check({1, 34, 4, 2, 36, 3, 1, 1, 1});
    check({5, 3, 7, 1, 29, 5, 2, 2, 1});
    check({2, 30, 8, 2, 23, 3, 2, 0, 3});
    check({1, 20, 9, 1, 40, 1, 1, 0, 1});
    check({1, 12, 12, 12, 20, 3, 1, 1, 1});
    check({2, 3, 6, 3, 19, 3, 2, 1, 2});
    check({1, 2, 3, 1, 4, 6, 3, 4, 1});
    check({1, 1, 2, 1, 14, 13, 1, 6, 1});
  }
  set_parallel_threads(before);
}

TEST_CASE("Convolution of no channels is the bias") {
  const Attributes attributes{{"kernel", Shape{2, 2}}, {"num_filter", 2}};
  const Values y =
      run_op("Convolution", {Tensor({1, 0, 3, 2}, DType::f32), Tensor({2, 0, 2, 2}, DType::f32), tensor({2}, {5, 7})},
             attributes)[0]
          .values();
  CHECK(y == Values{5, 5, 7, 7});
}

}  // namespace mixnet::test
