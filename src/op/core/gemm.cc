#include "op/core/gemm.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/thread_pool.h"

namespace mixnet {
namespace {

// The tile keeps tile_rows x 2 vectors of sums in registers: 12 of 16, or 24 of 32.
#if defined(__AVX512F__)
constexpr int vector_bytes = 64, tile_rows = 12;
#elif defined(__AVX__)
constexpr int vector_bytes = 32, tile_rows = 6;
#elif defined(__aarch64__)
constexpr int vector_bytes = 16, tile_rows = 12;
#else
constexpr int vector_bytes = 16, tile_rows = 6;
#endif
constexpr int64_t block_k = 256, block_rows = 96, block_columns = 2048;
// B is not packed for so few rows: where its columns are contiguous, and where its rows are.
constexpr int64_t few_rows_of_dots = 16, few_rows_of_sums = 4;
// Below so many multiply-adds, waking the threads of another library costs more than it saves.
constexpr int64_t least_fast = int64_t{1} << 19;
template <class T> constexpr int64_t lanes = vector_bytes / static_cast<int64_t>(sizeof(T));
template <class T> constexpr int64_t tile_columns = 2 * lanes<T>;

template <class T, int Bytes>
struct VectorOf {
  typedef T type __attribute__((vector_size(Bytes), aligned(sizeof(T)), may_alias));
};
template <class T> using Vector = typename VectorOf<T, vector_bytes>::type;
template <class T> Vector<T> load(const T* p) { return *reinterpret_cast<const Vector<T>*>(p); }
template <class T> void store(T* p, Vector<T> v) { *reinterpret_cast<Vector<T>*>(p) = v; }

int64_t round_up(int64_t x, int64_t to) { return (x + to - 1) / to * to; }

template <class T>
T* buffer(std::vector<T>& v, int64_t size) {
  if (static_cast<int64_t>(v.size()) < size) v.resize(static_cast<size_t>(size));
  return v.data();
}

// One operand as lines (rows of op(A), columns of op(B)) over the depth that is summed; one of the steps is 1.
template <class T>
struct Operand {
  const T* data;
  int64_t line_step, depth_step;
  Operand from(int64_t line, int64_t depth) const {
    return {data + line * line_step + depth * depth_step, line_step, depth_step};
  }
};

// out[p * width + i] = scale * from[i * step + p] for four lines i; turned round in registers where the compiler can.
template <class T>
void pack_four(const T* from, int64_t step, int64_t depth, T scale, T* out, int64_t width) {
  int64_t p = 0;
#if defined(__clang__) || __GNUC__ >= 12
  using Four = typename VectorOf<T, 4 * sizeof(T)>::type;
  for (; p + 4 <= depth; p += 4) {
    Four x[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) x[i] = scale * *reinterpret_cast<const Four*>(from + i * step + p);
    const Four a = __builtin_shufflevector(x[0], x[1], 0, 4, 1, 5), b = __builtin_shufflevector(x[0], x[1], 2, 6, 3, 7);
    const Four c = __builtin_shufflevector(x[2], x[3], 0, 4, 1, 5), d = __builtin_shufflevector(x[2], x[3], 2, 6, 3, 7);
    T* to = out + p * width;
    *reinterpret_cast<Four*>(to) = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    *reinterpret_cast<Four*>(to + width) = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    *reinterpret_cast<Four*>(to + 2 * width) = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    *reinterpret_cast<Four*>(to + 3 * width) = __builtin_shufflevector(b, d, 2, 3, 6, 7);
  }
#endif
  for (; p < depth; ++p) {
    for (int i = 0; i < 4; ++i) out[p * width + i] = scale * from[i * step + p];
  }
}

// One panel depth x width of `lines` lines, scaled and padded with zeros.
template <class T>
void pack_edge(const Operand<T>& x, int64_t lines, int64_t depth, T scale, T* out, int64_t width) {
  int64_t i = 0;
  for (; x.depth_step == 1 && i + 4 <= lines; i += 4) {
    pack_four(x.from(i, 0).data, x.line_step, depth, scale, out + i, width);
  }
  for (; i < lines; ++i) {
    for (int64_t p = 0; p < depth; ++p) out[p * width + i] = scale * *x.from(i, p).data;
  }
  for (; i < width; ++i) {
    for (int64_t p = 0; p < depth; ++p) out[p * width + i] = 0;
  }
}

// Panels of `Width` lines.
template <int64_t Width, class T>
void pack(const Operand<T>& x, int64_t lines, int64_t depth, T scale, T* out) {
  for (int64_t first = 0; first < lines; first += Width, out += Width * depth) {
    const Operand<T> from = x.from(first, 0);
    if (lines - first < Width || x.line_step != 1) {
      pack_edge(from, std::min(Width, lines - first), depth, scale, out, Width);
      continue;
    }
    for (int64_t p = 0; p < depth; ++p) {
      for (int64_t i = 0; i < Width; ++i) out[p * Width + i] = scale * from.data[p * x.depth_step + i];
    }
  }
}

// C[height x width] += panel of A * panel of B. The row loops must be unrolled, or the sums live in memory.
template <class T>
void run_tile(int64_t depth, const T* a, const T* b, T* c, int64_t ldc, int64_t height, int64_t width) {
  Vector<T> sum[tile_rows][2] = {};
  for (int64_t p = 0; p < depth; ++p, a += tile_rows, b += tile_columns<T>) {
    const Vector<T> b0 = load(b), b1 = load(b + lanes<T>);
#pragma GCC unroll 12
    for (int y = 0; y < tile_rows; ++y) {
      sum[y][0] += a[y] * b0;
      sum[y][1] += a[y] * b1;
    }
  }
  if (height == tile_rows && width == tile_columns<T>) {
#pragma GCC unroll 12
    for (int y = 0; y < tile_rows; ++y) {
      store(c + y * ldc, load(c + y * ldc) + sum[y][0]);
      store(c + y * ldc + lanes<T>, load(c + y * ldc + lanes<T>) + sum[y][1]);
    }
    return;
  }
  T edge[tile_rows * tile_columns<T>];
#pragma GCC unroll 12
  for (int y = 0; y < tile_rows; ++y) {
    store(edge + y * tile_columns<T>, sum[y][0]);
    store(edge + y * tile_columns<T> + lanes<T>, sum[y][1]);
  }
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) c[y * ldc + x] += edge[y * tile_columns<T> + x];
  }
}

template <class T>
void scale_rows(T* c, int64_t m, int64_t n, int64_t ldc, T beta) {
  if (beta == T(1)) return;
  parallel_for(m, std::max<int64_t>(1, 16384 / n), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      if (beta == T(0)) std::fill_n(c + i * ldc, n, T(0));
      else
        for (int64_t j = 0; j < n; ++j) c[i * ldc + j] *= beta;
    }
  });
}

// Where the sums go: C, or C transposed.
template <class T>
struct Result {
  T* data;
  int64_t row_step, column_step;
  T& at(int64_t i, int64_t j) const { return data[i * row_step + j * column_step]; }
};

// C[Rows x Columns] += rows of x times columns of y, both contiguous over the depth.
template <int Rows, int Columns, class T>
void run_dots(const T* x, int64_t x_step, const T* y, int64_t y_step, int64_t depth, const Result<T>& c, int64_t row,
              int64_t column) {
  Vector<T> sum[Rows][Columns] = {};
  int64_t p = 0;
  for (; p + lanes<T> <= depth; p += lanes<T>) {
#pragma GCC unroll 4
    for (int j = 0; j < Columns; ++j) {
      const Vector<T> v = load(y + j * y_step + p);
#pragma GCC unroll 2
      for (int i = 0; i < Rows; ++i) sum[i][j] += load(x + i * x_step + p) * v;
    }
  }
#pragma GCC unroll 2
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < Columns; ++j) {
      T total = 0;
      for (int64_t l = 0; l < lanes<T>; ++l) total += sum[i][j][l];
      for (int64_t q = p; q < depth; ++q) total += x[i * x_step + q] * y[j * y_step + q];
      c.at(row + i, column + j) += total;
    }
  }
}

template <int Columns, class T>
void run_columns(int64_t m, const T* x, int64_t x_step, const T* y, int64_t y_step, int64_t depth, const Result<T>& c,
                 int64_t column) {
  int64_t i = 0;
  for (; i + 2 <= m; i += 2) run_dots<2, Columns>(x + i * x_step, x_step, y, y_step, depth, c, i, column);
  if (i < m) run_dots<1, Columns>(x + i * x_step, x_step, y, y_step, depth, c, i, column);
}

// to += Count lines of x, each times its factor.
template <int Count, class T>
void add_lines(const T* factor, const T* x, int64_t step, T* to, int64_t n) {
  int64_t j = 0;
  for (; j + lanes<T> <= n; j += lanes<T>) {
    Vector<T> sum = load(to + j);
#pragma GCC unroll 4
    for (int u = 0; u < Count; ++u) sum += factor[u] * load(x + u * step + j);
    store(to + j, sum);
  }
  for (; j < n; ++j) {
    T sum = to[j];
    for (int u = 0; u < Count; ++u) sum += factor[u] * x[u * step + j];
    to[j] = sum;
  }
}

// C[m x n] += x times lines of b, which are contiguous over the columns.
template <class T>
void run_sums(int64_t m, int64_t n, int64_t k, const T* x, int64_t x_step, const Operand<T>& b, const Result<T>& c,
              int64_t column) {
  constexpr int64_t capacity = 4096;
  T sums[capacity];
  const int64_t block = capacity / m;
  for (int64_t j = 0; j < n; j += block) {
    const int64_t width = std::min(block, n - j);
    std::fill_n(sums, m * width, T(0));
    int64_t p = 0;
    for (; p + 4 <= k; p += 4) {
      for (int64_t i = 0; i < m; ++i) {
        add_lines<4>(x + i * x_step + p, b.from(column + j, p).data, b.depth_step, sums + i * width, width);
      }
    }
    for (; p < k; ++p) {
      for (int64_t i = 0; i < m; ++i) {
        add_lines<1>(x + i * x_step + p, b.from(column + j, p).data, b.depth_step, sums + i * width, width);
      }
    }
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t l = 0; l < width; ++l) c.at(i, column + j + l) += sums[i * width + l];
    }
  }
}

// C += alpha op(A) op(B) for few rows: B is read where it lies.
template <class T>
void multiply_few_rows(int64_t m, int64_t n, int64_t k, T alpha, const Operand<T>& a, const Operand<T>& b,
                       const Result<T>& c) {
  const T* x = a.data;
  int64_t x_step = a.line_step;
  if (alpha != T(1) || a.depth_step != 1) {
    thread_local std::vector<T> rows;
    T* row = buffer(rows, m * k);
    for (int64_t i = 0; i < m; ++i) pack<1>(a.from(i, 0), 1, k, alpha, row + i * k);
    x = row;
    x_step = k;
  }
  const bool dots = b.depth_step == 1;
  const int64_t unit = dots ? 4 : 256;  // columns
  parallel_for((n + unit - 1) / unit, std::max<int64_t>(1, 32768 / (unit * m * k)), [&](int64_t first, int64_t last) {
    int64_t j = first * unit;
    const int64_t end = std::min(n, last * unit);
    if (!dots) return run_sums(m, end - j, k, x, x_step, b, c, j);
    for (; j + unit <= end; j += unit) run_columns<4>(m, x, x_step, b.from(j, 0).data, b.line_step, k, c, j);
    for (; j < end; ++j) run_columns<1>(m, x, x_step, b.from(j, 0).data, b.line_step, k, c, j);
  });
}

// Whether it took the product.
template <class T>
bool multiply_flat(int64_t m, int64_t n, int64_t k, T alpha, const Operand<T>& a, const Operand<T>& b,
                   const Result<T>& c) {
  if (m > (b.depth_step == 1 ? few_rows_of_dots : few_rows_of_sums)) return false;
  multiply_few_rows(m, n, k, alpha, a, b, c);
  return true;
}

template <class T>
void multiply_block(int64_t rows, int64_t width, int64_t depth, const T* a, const T* b, T* c, int64_t ldc) {
  for (int64_t j = 0; j < width; j += tile_columns<T>) {
    for (int64_t i = 0; i < rows; i += tile_rows) {
      run_tile(depth, a + i * depth, b + j * depth, c + i * ldc + j, ldc, std::min<int64_t>(tile_rows, rows - i),
               std::min(tile_columns<T>, width - j));
    }
  }
}

// C += alpha op(A) times packed columns of B; tall products are shared out by rows, flat ones by columns too.
template <class T>
void multiply_panel(int64_t m, int64_t width, int64_t depth, T alpha, const Operand<T>& a, const T* b, T* c,
                    int64_t ldc) {
  const int64_t threads = parallel_threads(), full = (m + block_rows - 1) / block_rows;
  const int64_t blocks = full < threads ? full : round_up(full, threads);
  const int64_t rows = round_up((m + blocks - 1) / blocks, tile_rows);
  const int64_t parts = std::min((threads + blocks - 1) / blocks, (width + 127) / 128);
  const int64_t part = round_up((width + parts - 1) / parts, tile_columns<T>);
  const int64_t grain = m * width * depth < 200000 ? blocks * parts : 1;
  parallel_for(blocks * parts, grain, [&](int64_t first, int64_t last) {
    thread_local std::vector<T> packed;
    for (int64_t task = first; task < last; ++task) {
      const int64_t i = task / parts * rows, height = std::min(rows, m - i);
      const int64_t j = task % parts * part, columns = std::min(part, width - j);
      if (height <= 0 || columns <= 0) continue;
      T* panel = buffer(packed, round_up(height, tile_rows) * depth);
      pack<tile_rows>(a.from(i, 0), height, depth, alpha, panel);
      multiply_block(height, columns, depth, panel, b + j * depth, c + i * ldc + j, ldc);
    }
  });
}

FastGemm fast_gemm = nullptr;  // set once, while operators are registered

}  // namespace

FastGemm set_fast_gemm(FastGemm fn) { return std::exchange(fast_gemm, fn); }

template <class T>
void gemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, T alpha, const T* a, int64_t lda, const T* b,
          int64_t ldb, T beta, T* c, int64_t ldc) {
  if constexpr (std::is_same<T, float>::value) {
    const bool worth_it = fast_gemm && m * n * k >= least_fast;
    if (worth_it && fast_gemm(trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)) return;
  }
  if (m == 0 || n == 0) return;
  scale_rows(c, m, n, ldc, beta);
  if (k == 0 || alpha == T(0)) return;
  const Operand<T> rows{a, trans_a ? 1 : lda, trans_a ? lda : 1}, columns{b, trans_b ? ldb : 1, trans_b ? 1 : ldb};
  // Few columns are few rows of the transposed product.
  if (m <= n ? multiply_flat(m, n, k, alpha, rows, columns, Result<T>{c, ldc, 1})
             : multiply_flat(n, m, k, alpha, columns, rows, Result<T>{c, 1, ldc})) {
    return;
  }
  thread_local std::vector<T> packed;
  for (int64_t j = 0; j < n; j += block_columns) {
    const int64_t width = std::min(block_columns, n - j), panels = (width + tile_columns<T> - 1) / tile_columns<T>;
    for (int64_t p = 0; p < k; p += block_k) {
      const int64_t depth = std::min(block_k, k - p), grain = std::max<int64_t>(1, 65536 / (depth * tile_columns<T>));
      T* panel = buffer(packed, panels * tile_columns<T> * depth);
      parallel_for(panels, grain, [&](int64_t first, int64_t last) {
        const int64_t begin = first * tile_columns<T>, end = std::min(width, last * tile_columns<T>);
        pack<tile_columns<T>>(columns.from(j + begin, p), end - begin, depth, T(1), panel + begin * depth);
      });
      multiply_panel(m, width, depth, alpha, rows.from(0, p), panel, c + j, ldc);
    }
  }
}

template void gemm(bool, bool, int64_t, int64_t, int64_t, float, const float*, int64_t, const float*, int64_t, float,
                   float*, int64_t);
template void gemm(bool, bool, int64_t, int64_t, int64_t, double, const double*, int64_t, const double*, int64_t,
                   double, double*, int64_t);

}  // namespace mixnet
