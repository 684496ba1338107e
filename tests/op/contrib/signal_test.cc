// Fourier transforms, sketches and point processes on small inputs. hawkesll's numbers are MXNet 1.9.1's.
#include <doctest/doctest.h>

#include <cmath>

#include "../run_op.h"

namespace mixnet::test {

TEST_CASE("fft: the sum that it stands for, and ifft takes it back") {
  for (int64_t n : {1, 2, 3, 8, 15, 97}) {
    CAPTURE(n);
    Tensor x({1, n}, DType::f64);
    for (int64_t i = 0; i < n; ++i) x.set(i, std::sin(static_cast<double>(i * i)));
    const Tensor y = run_op("_contrib_fft", {x})[0];
    for (int64_t k = 0; k < n; ++k) {
      double re = 0, im = 0;
      for (int64_t i = 0; i < n; ++i) {
        const double angle = -6.283185307179586 * static_cast<double>(i * k % n) / static_cast<double>(n);
        re += x.get(i) * std::cos(angle);
        im += x.get(i) * std::sin(angle);
      }
      CHECK(std::fabs(y.get(2 * k) - re) < 1e-11);
      CHECK(std::fabs(y.get(2 * k + 1) - im) < 1e-11);
    }
    const Tensor back = run_op("_contrib_ifft", {y})[0];
    for (int64_t i = 0; i < n; ++i) CHECK(std::fabs(back.get(i) / static_cast<double>(n) - x.get(i)) < 1e-11);
  }
  CHECK_THROWS_WITH_AS(run_op("_contrib_ifft", {tensor({3}, {1, 2, 3})}),
                       "[_contrib_ifft tested] data: expected pairs of real and imaginary parts, got (3,)", Error);
}

TEST_CASE("count_sketch: signed sums by column, columns that do not exist are clipped") {
  const Tensor x = tensor({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor y =
      run_op("_contrib_count_sketch", {x, tensor({1, 4}, {0, 2, 1e30, std::nan("")}), tensor({1, 4}, {1, -1, 1, -1})},
             {{"out_dim", 3}})[0];
  CHECK(y.values() == std::vector<double>{-3, 0, 1, -3, 0, 1});
}

TEST_CASE("hawkesll: two sequences, one of them cut short") {
  const std::vector<Tensor> y =
      run_op("_contrib_hawkesll",
             {tensor({2, 2}, {1.5, 2, 1.5, 2}), tensor({2}, {.2, .3}), tensor({2}, {1, 2}),
              tensor({2, 2}, {.1, .2, .3, .4}), tensor({2, 4}, {.6, .7, .8, .9, .3, .2, .1, .5}),
              tensor({2, 4}, {0, 1, 0, 1, 1, 1, 0, 0}, DType::i32), tensor({2}, {4, 2}), tensor({2}, {5, 3})});
  CHECK(y[0].get(0) == doctest::Approx(-16.3108));
  CHECK(y[0].get(1) == doctest::Approx(-9.60394));
  CHECK(y[1].get(3) == doctest::Approx(.012246).epsilon(1e-3));
}

TEST_CASE("unique_zipfian: distinct numbers in range, small ones more often") {
  const std::vector<Tensor> y = run_op("_sample_unique_zipfian", {}, {{"range_max", 50}, {"shape", Shape{200, 5}}});
  int64_t small = 0;
  for (int64_t k = 0; k < 200; ++k) {
    CHECK(y[1].get(k) >= 5);
    for (int64_t i = 0; i < 5; ++i) {
      const double v = y[0].get(k * 5 + i);
      CHECK((v >= 0 && v < 50));
      small += v < 6;
      for (int64_t j = 0; j < i; ++j) CHECK(v != y[0].get(k * 5 + j));
    }
  }
  CHECK(small > 400);
  const Tensor all = run_op("_sample_unique_zipfian", {}, {{"range_max", 7}, {"shape", Shape{7}}})[0];
  double sum = 0;
  for (double v : all.values()) sum += v;
  CHECK(sum == 21);
}

}  // namespace mixnet::test
