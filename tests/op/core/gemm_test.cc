// The matrix product against the definition: odd extents, transposes, padded rows, special factors, several threads.
#include "op/core/gemm.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include "base/thread_pool.h"

namespace mixnet::test {
namespace {

// Numbers in [-1, 1] from a linear congruential generator.
template <class T>
std::vector<T> numbers(int64_t count, uint64_t seed) {
  std::vector<T> v(static_cast<size_t>(count));
  uint64_t state = seed * 2654435761u + 1;
  for (T& x : v) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    x = static_cast<T>(static_cast<double>(state >> 33) / 1073741824.0 - 1.0);
  }
  return v;
}

// Rows are `extra` longer than needed; what lies between them must stay as it is.
template <class T>
double worst_error(bool ta, bool tb, int64_t m, int64_t n, int64_t k, T alpha, T beta, int64_t extra) {
  const int64_t lda = (ta ? m : k) + extra, ldb = (tb ? k : n) + extra, ldc = n + extra;
  const std::vector<T> a = numbers<T>((ta ? k : m) * lda, 1), b = numbers<T>((tb ? n : k) * ldb, 2);
  const std::vector<T> before = numbers<T>(m * ldc, 3);
  std::vector<T> c = before;
  gemm<T>(ta, tb, m, n, k, alpha, a.data(), lda, b.data(), ldb, beta, c.data(), ldc);
  double worst = 0;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < ldc; ++j) {
      const size_t at = static_cast<size_t>(i * ldc + j);
      double want = before[at];
      if (j < n) {
        double sum = 0;
        for (int64_t p = 0; p < k; ++p) {
          sum += double(a[static_cast<size_t>(ta ? p * lda + i : i * lda + p)]) *
                 double(b[static_cast<size_t>(tb ? j * ldb + p : p * ldb + j)]);
        }
        want = double(alpha) * sum + double(beta) * want;
      }
      worst = std::max(worst, std::fabs(want - double(c[at])));
    }
  }
  return worst;
}

// Without oneDNN, and with this many threads.
struct Portable {
  FastGemm fast = set_fast_gemm(nullptr);
  int threads = parallel_threads();
  explicit Portable(int count) { set_parallel_threads(count); }
  ~Portable() {
    set_fast_gemm(fast);
    set_parallel_threads(threads);
  }
};

template <class T>
void check_all(double tolerance) {
  const int64_t extents[][3] = {{1, 1, 1},    {1, 33, 70},  {1, 4500, 6},  {3, 1400, 9},  {4, 700, 9},    {5, 17, 300},
                                {15, 43, 29}, {50, 3, 61},  {37, 1, 41},   {6, 16, 256},  {7, 15, 257},   {16, 16, 16},
                                {17, 18, 19}, {97, 50, 30}, {13, 2050, 5}, {191, 65, 31}, {100, 129, 520}};
  for (const auto& e : extents) {
    for (int trans = 0; trans < 4; ++trans) {
      for (const auto& [alpha, beta, extra] : {std::tuple{1.0, 0.0, 0}, {-0.5, 1.0, 3}, {2.0, 0.25, 0}}) {
        const double error = worst_error<T>(trans & 1, trans & 2, e[0], e[1], e[2], T(alpha), T(beta), extra);
        CHECK_MESSAGE(error < tolerance, e[0], " x ", e[1], " x ", e[2], " trans ", trans, " beta ", beta);
      }
    }
  }
}

}  // namespace

TEST_CASE("gemm agrees with the definition") {
  for (int threads : {1, 3}) {
    const Portable portable(threads);
    check_all<float>(1e-4);
    check_all<double>(1e-12);
  }
}

TEST_CASE("gemm with the product that is installed") {
  for (int trans = 0; trans < 4; ++trans)
    CHECK(worst_error<float>(trans & 1, trans & 2, 79, 83, 89, 2, 0.5f, 2) < 1e-4);
}

TEST_CASE("gemm asks the installed product, and goes on where it declines") {
  static int asked;
  asked = 0;
  const FastGemm decline = [](bool, bool, int64_t, int64_t, int64_t, float, const float*, int64_t, const float*,
                              int64_t, float, float*, int64_t) {
    ++asked;
    return false;
  };
  const FastGemm before = set_fast_gemm(decline);
  const double error = worst_error<float>(false, true, 79, 83, 89, 1, 0, 0);
  CHECK(worst_error<float>(false, true, 37, 41, 43, 1, 0, 0) < 1e-4);  // too small to ask
  const bool returned = set_fast_gemm(before) == decline;
  CHECK(returned);
  CHECK(asked == 1);
  CHECK(error < 1e-4);
}

TEST_CASE("gemm: beta 0 does not read C, empty extents") {
  const Portable portable(1);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (int64_t m : {1, 8, 40}) {
    for (int64_t n : {2, 17}) {
      const size_t size = static_cast<size_t>(m * n);
      const std::vector<double> a(static_cast<size_t>(3 * m), 1), b(static_cast<size_t>(3 * n), 2);
      std::vector<double> c(size, nan);
      gemm<double>(false, false, m, n, 3, 1, a.data(), 3, b.data(), n, 0, c.data(), n);
      CHECK(c == std::vector<double>(size, 6));
      gemm<double>(false, false, m, n, 0, 1, nullptr, 0, nullptr, n, 0.5, c.data(), n);
      CHECK(c == std::vector<double>(size, 3));
      c.assign(size, nan);
      gemm<double>(false, false, m, n, 0, 1, nullptr, 0, nullptr, n, 0, c.data(), n);
      CHECK(c == std::vector<double>(size, 0));
      gemm<double>(false, false, m, n, 3, 0, a.data(), 3, b.data(), n, 1, c.data(), n);
      CHECK(c == std::vector<double>(size, 0));
      gemm<double>(false, false, 0, n, 3, 1, nullptr, 3, b.data(), n, 0, nullptr, n);
      gemm<double>(false, true, m, 0, 3, 1, a.data(), 3, nullptr, 3, 0, nullptr, 0);
    }
  }
}

TEST_CASE("gemm gives the same bits with any number of threads") {
  const int64_t extents[][3] = {{150, 700, 300}, {1, 5000, 80}, {3, 1500, 77}, {9, 403, 200}, {403, 2, 90}};
  for (const auto& [m, n, k] : extents) {
    for (int trans = 0; trans < 4; ++trans) {
      const std::vector<float> a = numbers<float>(m * k, 4), b = numbers<float>(k * n, 5);
      std::vector<float> results[3];
      for (int threads : {1, 2, 3}) {
        const Portable portable(threads);
        std::vector<float>& c = results[threads - 1];
        c.resize(static_cast<size_t>(m * n));
        gemm<float>(trans & 1, trans & 2, m, n, k, 1, a.data(), trans & 1 ? m : k, b.data(), trans & 2 ? k : n, 0,
                    c.data(), n);
      }
      CHECK(results[0] == results[1]);
      CHECK(results[0] == results[2]);
    }
  }
}

}  // namespace mixnet::test
