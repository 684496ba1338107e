#include "op/core/gemm.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "base/thread_pool.h"

namespace mixnet {
namespace {

constexpr int64_t tile_rows = 6, block_k = 256, block_rows = 96, block_columns = 2048;
template <class T> constexpr int64_t lanes = 32 / sizeof(T);
template <class T> constexpr int64_t tile_columns = 2 * lanes<T>;

template <class T> struct VectorOf { typedef T type __attribute__((vector_size(32), aligned(4), may_alias)); };

// k x tile_columns panels of B, zero-padded.
template <class T>
void pack_b(bool trans, const T* b, int64_t ldb, int64_t k, int64_t n, T* out) {
  for (int64_t j = 0; j < n; j += tile_columns<T>) {
    const int64_t width = std::min(tile_columns<T>, n - j);
    for (int64_t p = 0; p < k; ++p) {
      for (int64_t x = 0; x < width; ++x) out[x] = trans ? b[(j + x) * ldb + p] : b[p * ldb + j + x];
      for (int64_t x = width; x < tile_columns<T>; ++x) out[x] = 0;
      out += tile_columns<T>;
    }
  }
}

// k x tile_rows panels of A, scaled by alpha, zero-padded.
template <class T>
void pack_a(bool trans, const T* a, int64_t lda, int64_t m, int64_t k, T alpha, T* out) {
  for (int64_t i = 0; i < m; i += tile_rows) {
    const int64_t height = std::min(tile_rows, m - i);
    for (int64_t p = 0; p < k; ++p) {
      for (int64_t y = 0; y < height; ++y) out[y] = alpha * (trans ? a[p * lda + i + y] : a[(i + y) * lda + p]);
      for (int64_t y = height; y < tile_rows; ++y) out[y] = 0;
      out += tile_rows;
    }
  }
}

// One register tile: C[height x width] += A panel * B panel.
template <class T>
void run_tile(int64_t k, const T* a, const T* b, T* c, int64_t ldc, int64_t height, int64_t width) {
  using V = typename VectorOf<T>::type;
  V sum[tile_rows][2] = {};
  for (int64_t p = 0; p < k; ++p) {
    const V b0 = *reinterpret_cast<const V*>(b), b1 = *reinterpret_cast<const V*>(b + lanes<T>);
    for (int64_t y = 0; y < tile_rows; ++y) {
      sum[y][0] += a[y] * b0;
      sum[y][1] += a[y] * b1;
    }
    a += tile_rows;
    b += tile_columns<T>;
  }
  if (height == tile_rows && width == tile_columns<T>) {
    for (int64_t y = 0; y < tile_rows; ++y) {
      V* row = reinterpret_cast<V*>(c + y * ldc);
      row[0] += sum[y][0];
      row[1] += sum[y][1];
    }
    return;
  }
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) c[y * ldc + x] += sum[y][x / lanes<T>][x % lanes<T>];
  }
}

template <class T>
T* buffer(std::vector<T>& v, int64_t size) {
  if (static_cast<int64_t>(v.size()) < size) v.resize(static_cast<size_t>(size));
  return v.data();
}

template <class T>
void scale(T* c, int64_t m, int64_t n, int64_t ldc, T beta) {
  if (beta == T(1)) return;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) c[i * ldc + j] = beta == T(0) ? T(0) : beta * c[i * ldc + j];
  }
}

FastGemm fast_gemm = nullptr;  // set once, while operators are registered

int64_t round_up(int64_t x, int64_t to) { return (x + to - 1) / to * to; }

}  // namespace

void set_fast_gemm(FastGemm fn) { fast_gemm = fn; }

template <class T>
void gemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, T alpha, const T* a, int64_t lda, const T* b, int64_t ldb, T beta,
          T* c, int64_t ldc) {
  if constexpr (std::is_same<T, float>::value) {
    const bool worth_it = fast_gemm && m * n * k > 4096 && k > 0;
    if (worth_it && fast_gemm(trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)) return;
  }
  scale(c, m, n, ldc, beta);
  if (m == 0 || n == 0 || k == 0 || alpha == T(0)) return;
  thread_local std::vector<T> shared_b;
  for (int64_t jc = 0; jc < n; jc += block_columns) {
    const int64_t width = std::min(block_columns, n - jc);
    for (int64_t pc = 0; pc < k; pc += block_k) {
      const int64_t depth = std::min(block_k, k - pc);
      T* packed_b = buffer(shared_b, round_up(width, tile_columns<T>) * depth);
      pack_b(trans_b, trans_b ? b + jc * ldb + pc : b + pc * ldb + jc, ldb, depth, width, packed_b);
      const int64_t blocks = (m + block_rows - 1) / block_rows;
      // Tall products split over rows, flat ones over columns.
      const int64_t column_parts = blocks >= parallel_threads() ? 1 : std::min<int64_t>(parallel_threads(), (width + 255) / 256);
      const int64_t part = round_up((width + column_parts - 1) / column_parts, tile_columns<T>);
      const int64_t grain = m * width * depth < 200000 ? blocks * column_parts : 1;
      parallel_for(blocks * column_parts, grain, [&](int64_t first, int64_t last) {
        thread_local std::vector<T> own_a;
        for (int64_t task = first; task < last; ++task) {
          const int64_t i0 = task / column_parts * block_rows, rows = std::min(block_rows, m - i0);
          const int64_t j0 = task % column_parts * part, j1 = std::min(width, j0 + part);
          T* packed_a = buffer(own_a, round_up(rows, tile_rows) * depth);
          pack_a(trans_a, trans_a ? a + pc * lda + i0 : a + i0 * lda + pc, lda, rows, depth, alpha, packed_a);
          for (int64_t j = j0; j < j1; j += tile_columns<T>) {
            for (int64_t i = 0; i < rows; i += tile_rows) {
              run_tile(depth, packed_a + i * depth, packed_b + j * depth, c + (i0 + i) * ldc + jc + j, ldc, std::min(tile_rows, rows - i),
                       std::min(tile_columns<T>, j1 - j));
            }
          }
        }
      });
    }
  }
}

template void gemm<float>(bool, bool, int64_t, int64_t, int64_t, float, const float*, int64_t, const float*, int64_t, float, float*, int64_t);
template void gemm<double>(bool, bool, int64_t, int64_t, int64_t, double, const double*, int64_t, const double*, int64_t, double, double*, int64_t);

}  // namespace mixnet
