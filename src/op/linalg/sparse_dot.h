// Products with one csr matrix: what dot and its gradient run where an operand is sparse.
//
// S is (rows, columns) in csr, dense matrices are row-major. Sums are kept in accumulator_t, in the order of the stored elements, so that
// results do not depend on the number of threads.
#pragma once
#include <algorithm>
#include <vector>

#include "op/core/builder.h"

namespace mixnet::op::sparse_dot {

struct Csr {
  int64_t rows, columns;
  const int64_t *begin, *index;  // of rows; of elements: the column
  explicit Csr(const TensorView& v)
      : rows(v.shape[0]), columns(v.shape[1]), begin(v.sparse->indptr), index(v.sparse->indices) {}
};

// Elements of a dense matrix, which may be meant transposed.
template <class T>
struct Matrix {
  const T* data;
  int64_t row, column;  // steps
  Matrix(const T* d, int64_t rows, int64_t columns, bool transposed)
      : data(d), row(transposed ? 1 : columns), column(transposed ? rows : 1) {}
};

// y[i, :] (n) = row i of S times B (columns, n).
template <class T>
void times_dense(const Csr& s, const T* values, const Matrix<T>& b, int64_t n, T* y) {
  using A = accumulator_t<T>;
  const int64_t grain = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, n));
  parallel_for(s.rows, grain, [&](int64_t first, int64_t last) {
    std::vector<A> sum(static_cast<size_t>(n));
    for (int64_t i = first; i < last; ++i) {
      std::fill(sum.begin(), sum.end(), A(0));
      for (int64_t k = s.begin[i]; k < s.begin[i + 1]; ++k) {
        const A v = static_cast<A>(values[k]);
        const T* row = b.data + s.index[k] * b.row;
        if (b.column == 1) {
          for (int64_t j = 0; j < n; ++j) sum[static_cast<size_t>(j)] += v * static_cast<A>(row[j]);
        } else {
          for (int64_t j = 0; j < n; ++j) sum[static_cast<size_t>(j)] += v * static_cast<A>(row[j * b.column]);
        }
      }
      for (int64_t j = 0; j < n; ++j) y[i * n + j] = static_cast<T>(sum[static_cast<size_t>(j)]);
    }
  });
}

// The rows of S transposed that are not empty, and where each is among them.
class UsedColumns {
 public:
  UsedColumns(const Csr& s, int64_t count) : numbers_(s.index, s.index + count) {
    std::sort(numbers_.begin(), numbers_.end());
    numbers_.erase(std::unique(numbers_.begin(), numbers_.end()), numbers_.end());
  }
  int64_t size() const { return static_cast<int64_t>(numbers_.size()); }
  const std::vector<int64_t>& numbers() const { return numbers_; }
  int64_t place(int64_t column) const {
    return std::lower_bound(numbers_.begin(), numbers_.end(), column) - numbers_.begin();
  }

 private:
  std::vector<int64_t> numbers_;
};

// y (n wide) += S^T B for B (rows, n); `place` says in which row of y the column of an element of S is. Threads share out the columns of y.
template <class T, class Place>
void transposed_times_dense(const Csr& s, const T* values, const Matrix<T>& b, int64_t n, int64_t y_rows, Place place,
                            T* y) {
  using A = accumulator_t<T>;
  std::vector<A> wide(std::is_same<A, T>::value ? 0 : static_cast<size_t>(y_rows * n), A(0));
  A* sum = nullptr;
  if constexpr (std::is_same<A, T>::value) {
    std::fill_n(y, y_rows * n, T(0));
    sum = y;
  } else {
    sum = wide.data();
  }
  const int64_t grain = std::max<int64_t>(16, 65536 / std::max<int64_t>(1, s.rows));
  parallel_for(n, grain, [&](int64_t first, int64_t last) {
    for (int64_t i = 0; i < s.rows; ++i) {
      for (int64_t k = s.begin[i]; k < s.begin[i + 1]; ++k) {
        const A v = static_cast<A>(values[k]);
        A* to = sum + place(k) * n;
        const T* from = b.data + i * b.row;
        for (int64_t j = first; j < last; ++j) to[j] += v * static_cast<A>(from[j * b.column]);
      }
    }
  });
  if constexpr (!std::is_same<A, T>::value) {
    for (int64_t i = 0; i < y_rows * n; ++i) y[i] = static_cast<T>(sum[i]);
  }
}

// S^T B into a dense or row_sparse output (columns, n).
template <class T>
void give_transposed_product(const RunContext& r, int output, const TensorView& sparse, const Matrix<T>& b, int64_t n) {
  const Csr s(sparse);
  const T* values = sparse.sparse->as<T>();
  const TensorView& out = r.out[static_cast<size_t>(output)];
  if (out.kind == StorageKind::dense)
    return transposed_times_dense<T>(s, values, b, n, s.columns, [&](int64_t k) { return s.index[k]; }, out.as<T>());
  const UsedColumns used(s, sparse.sparse->count);
  const SparseView& to = r.context.memory->sparse(output, used.size());
  std::copy(used.numbers().begin(), used.numbers().end(), to.indices);
  std::vector<int64_t> places(static_cast<size_t>(sparse.sparse->count));
  for (size_t k = 0; k < places.size(); ++k) places[k] = used.place(s.index[k]);
  transposed_times_dense<T>(
      s, values, b, n, used.size(), [&](int64_t k) { return places[static_cast<size_t>(k)]; }, to.as<T>());
}

// A product (rows, n), computed by rows that are dense for a moment, into a dense, csr or row_sparse output.
template <class T, class Row>
void give_rows(const RunContext& r, int output, int64_t rows, int64_t n, Row row) {
  const TensorView& out = r.out[static_cast<size_t>(output)];
  using A = accumulator_t<T>;
  std::vector<A> sum(static_cast<size_t>(n));
  std::vector<T> values;
  std::vector<int64_t> index, begin{0};
  for (int64_t i = 0; i < rows; ++i) {
    std::fill(sum.begin(), sum.end(), A(0));
    row(i, sum.data());
    for (int64_t j = 0; j < n; ++j) {
      const A v = sum[static_cast<size_t>(j)];
      if (out.kind == StorageKind::dense) {
        out.as<T>()[i * n + j] = static_cast<T>(v);
      } else if (v != 0) {
        values.push_back(static_cast<T>(v));
        index.push_back(j);
      }
    }
    begin.push_back(static_cast<int64_t>(values.size()));
  }
  if (out.kind == StorageKind::dense) return;
  const SparseView& to = r.context.memory->sparse(output, begin.back());
  std::copy(begin.begin(), begin.end(), to.indptr);
  std::copy(index.begin(), index.end(), to.indices);
  std::copy(values.begin(), values.end(), to.as<T>());
}

// A (m, k) times S, or S transposed.
template <class T>
void give_dense_times(const RunContext& r, int output, const Matrix<T>& a, int64_t m, const TensorView& sparse,
                      bool transposed) {
  using A = accumulator_t<T>;
  const Csr s(sparse);
  const T* values = sparse.sparse->as<T>();
  give_rows<T>(r, output, m, transposed ? s.rows : s.columns, [&](int64_t i, A* sum) {
    const T* left = a.data + i * a.row;
    for (int64_t row = 0; row < s.rows; ++row) {
      const A whole = transposed ? A(0) : static_cast<A>(left[row * a.column]);
      for (int64_t k = s.begin[row]; k < s.begin[row + 1]; ++k) {
        const A v = static_cast<A>(values[k]);
        if (transposed) sum[row] += v * static_cast<A>(left[s.index[k] * a.column]);
        else sum[s.index[k]] += v * whole;
      }
    }
  });
}

}  // namespace mixnet::op::sparse_dot
