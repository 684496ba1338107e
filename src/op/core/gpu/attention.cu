#include "op/core/gpu/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "op/core/gpu/launch.h"
#include "op/core/gpu/matrices.h"
#include "op/core/gpu/merges.h"

namespace mixnet::gpu {
namespace {

// Elements of scores that are made at a time, unless one matrix has more.
constexpr int64_t most_scores = int64_t{1} << 24;
int64_t matrices_at_once(const Attention& a) {
  const int64_t each = std::max<int64_t>(1, a.queries * a.keys);
  return std::max<int64_t>(1, std::min(a.matrices(), most_scores / each));
}

template <class T>
struct Mask {
  const T* data;
  int64_t heads, batch_step, head_step, row_step, column_step;
  Mask(const Attention& a, const void* mask)
      : data(static_cast<const T*>(mask)), heads(a.heads), batch_step(0), head_step(0), row_step(0), column_step(0) {
    const Shape& m = a.mask;
    if (!a.masked()) return;
    column_step = m[3] == 1 ? 0 : 1;
    row_step = m[2] == 1 ? 0 : m[3];
    head_step = m[1] == 1 ? 0 : m[2] * m[3];
    batch_step = m[0] == 1 ? 0 : m[1] * m[2] * m[3];
  }
  MIXNET_ON_DEVICE T at(int64_t matrix, int64_t q, int64_t k) const {
    return data[matrix / heads * batch_step + matrix % heads * head_step + q * row_step + k * column_step];
  }
};

// What is to be known of a row of scores: row q of matrix m, counted over those that are made now.
template <class T>
struct Scores {
  T* scores;
  int64_t queries, keys, first;  // the first matrix of these
  bool causal, masked;
  T lowest;
  Mask<T> mask;
  Scores(const Attention& a, const void* mask_data, T* buffer, int64_t first_matrix)
      : scores(buffer),
        queries(a.queries),
        keys(a.keys),
        first(first_matrix),
        causal(a.causal),
        masked(a.masked()),
        lowest(-std::numeric_limits<T>::infinity()),
        mask(a, mask_data) {}
  // The score of key k with the mask, of row `row`.
  MIXNET_ON_DEVICE T at(int64_t row, int64_t k) const {
    const int64_t q = row % queries;
    if (causal && k > q) return lowest;
    const T score = scores[row * keys + k];
    return masked ? score + mask.at(first + row / queries, q, k) : score;
  }
};

// Scores to probabilities; the sums are those that backward reads.
template <class T>
struct Softmax {
  Scores<T> rows;
  T* sums;
  template <class G>
  MIXNET_ON_DEVICE void operator()(int64_t row, const G& group) const {
    T top = rows.lowest, total = 0;
    for (int64_t k = group.rank(); k < rows.keys; k += group.size()) top = Greatest()(top, rows.at(row, k));
    top = group.reduce(top, Greatest());
    const T base = top == rows.lowest ? T(0) : top;
    for (int64_t k = group.rank(); k < rows.keys; k += group.size()) total += std::exp(rows.at(row, k) - base);
    total = group.reduce(total, Plus());
    const T share = total > 0 || total != total ? 1 / total : T(0);
    for (int64_t k = group.rank(); k < rows.keys; k += group.size()) {
      T* score = rows.scores + row * rows.keys + k;
      *score = std::exp(rows.at(row, k) - base) * share;
    }
    if (group.rank() == 0) sums[row] = total > 0 ? top + std::log(total) : rows.lowest;
  }
};

// The matrices of an operand from one on.
template <class T, class V>
Matrices<T> from(V* data, const Rows& rows, int64_t first) {
  return {static_cast<T*>(data) + first * rows.step, rows.pitch, rows.step};
}

// Of one product for each of `count` matrices.
template <class T>
struct Products {
  Stream& stream;
  int64_t count;
  void operator()(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, double alpha, Matrices<const T> a,
                  Matrices<const T> b, Matrices<T> c) const {
    product<T>(stream, count, {trans_a, trans_b, m, n, k, static_cast<T>(alpha), a, b, 0, c});
  }
};

template <class T>
void run_attend(Stream& stream, const Attention& a, const AttentionData& data, T* scores) {
  const int64_t step = matrices_at_once(a), area = a.queries * a.keys;
  for (int64_t first = 0; first < a.matrices() && a.queries > 0; first += step) {
    const int64_t count = std::min(step, a.matrices() - first);
    const Products<T> multiply{stream, count};
    multiply(false, true, a.queries, a.keys, a.depth, a.scale, from<const T>(data.q, a.q, first),
             from<const T>(data.k, a.k, first), {scores, a.keys, area});
    for_each_row(stream, count * a.queries, a.keys,
                 Softmax<T>{Scores<T>(a, data.mask, scores, first), static_cast<T*>(data.sums) + first * a.queries});
    multiply(false, false, a.queries, a.width, a.keys, 1, {scores, a.keys, area}, from<const T>(data.v, a.v, first),
             from<T>(data.y, a.y, first));
  }
}

// dy . y of every row.
template <class T>
struct Dot {
  const T *dy, *y;
  T* dots;
  int64_t queries, width, step, pitch;
  MIXNET_ON_DEVICE void operator()(int64_t row) const {
    const int64_t at = row / queries * step + row % queries * pitch;
    T sum = 0;
    for (int64_t j = 0; j < width; ++j) sum += dy[at + j] * y[at + j];
    dots[row] = sum;
  }
};

// Scores to probabilities and dy v^T to the gradient of the products: ds = p (dy v^T - dy . y) scale.
template <class T>
struct ScoreGradient {
  Scores<T> rows;
  T* ds;
  const T *sums, *dots;
  T scale;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t row = e / rows.keys;
    const T sum = sums[row], prob = sum == rows.lowest ? T(0) : std::exp(rows.at(row, e % rows.keys) - sum);
    rows.scores[e] = prob;
    ds[e] = prob == T(0) ? T(0) : prob * (ds[e] - dots[row]) * scale;
  }
};

template <class T>
void run_backward(Stream& stream, const Attention& a, const AttentionSlopes& data, T* workspace) {
  const int64_t step = matrices_at_once(a), area = a.queries * a.keys;
  T *prob = workspace, *ds = prob + step * area, *dots = ds + step * area;
  const T* sums = static_cast<const T*>(data.sums);
  map(stream, a.matrices() * a.queries,
      Dot<T>{static_cast<const T*>(data.dy), static_cast<const T*>(data.y), dots, a.queries, a.width, a.y.step,
             a.y.pitch});
  for (int64_t first = 0; first < a.matrices(); first += step) {
    const int64_t count = std::min(step, a.matrices() - first);
    const Products<T> multiply{stream, count};
    const auto q = from<const T>(data.q, a.q, first), k = from<const T>(data.k, a.k, first),
               v = from<const T>(data.v, a.v, first), dy = from<const T>(data.dy, a.y, first);
    const Matrices<const T> probabilities{prob, a.keys, area}, slopes{ds, a.keys, area};
    multiply(false, true, a.queries, a.keys, a.depth, a.scale, q, k, {prob, a.keys, area});
    multiply(false, true, a.queries, a.keys, a.width, 1, dy, v, {ds, a.keys, area});
    map(stream, count * area,
        ScoreGradient<T>{Scores<T>(a, data.mask, prob, first), ds, sums + first * a.queries, dots + first * a.queries,
                         static_cast<T>(a.scale)});
    multiply(true, false, a.keys, a.width, a.queries, 1, probabilities, dy, from<T>(data.dv, a.v, first));
    multiply(false, false, a.queries, a.depth, a.keys, 1, slopes, k, from<T>(data.dq, a.q, first));
    multiply(true, false, a.keys, a.depth, a.queries, 1, slopes, q, from<T>(data.dk, a.k, first));
  }
}

size_t bytes_for(const Attention& a, int64_t buffers, int64_t lines) {
  const int64_t item = a.dtype == DType::f64 ? 8 : 4;
  return static_cast<size_t>((buffers * matrices_at_once(a) * a.queries * a.keys + lines) * item);
}

// Sums that are finite are those of queries that see keys.
template <class T, class M>
struct ClearHidden {
  Mask<M> mask;
  T* y;
  float* sums;
  int64_t queries, keys, width, step, pitch;
  bool causal;
  float lowest;
  template <class G>
  MIXNET_ON_DEVICE void operator()(int64_t row, const G& group) const {
    const int64_t m = row / queries, q = row % queries;
    const float sum = sums[row];
    if (sum - sum == 0) return;  // the same for all members
    const int64_t end = causal && q + 1 < keys ? q + 1 : keys;
    int seen = 0;
    for (int64_t k = group.rank(); k < end; k += group.size()) {
      if (static_cast<float>(mask.at(m, q, k)) != lowest) seen = 1;
    }
    if (group.reduce(seen, Greatest())) return;
    for (int64_t j = group.rank(); j < width; j += group.size()) y[m * step + q * pitch + j] = static_cast<T>(0.0F);
    if (group.rank() == 0) sums[row] = lowest;
  }
};

struct LiftHidden {
  const float* sums;
  float *lifted, lowest;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { lifted[i] = sums[i] == lowest ? -lowest : sums[i]; }
};

template <class F>
void dispatch_exact(DType dtype, F&& f) {
  if (dtype == DType::f64) f(TypeTag<double>{});
  else f(TypeTag<float>{});
}

}  // namespace

size_t attend_bytes(const Attention& a) { return bytes_for(a, 1, 0); }
size_t attend_backward_bytes(const Attention& a) { return bytes_for(a, 2, a.matrices() * a.queries); }

void attend(Stream& stream, const Attention& a, const AttentionData& data, void* workspace) {
  dispatch_exact(a.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    run_attend(stream, a, data, static_cast<T*>(workspace));
  });
}

void attend_backward(Stream& stream, const Attention& a, const AttentionSlopes& data, void* workspace) {
  dispatch_exact(a.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    run_backward(stream, a, data, static_cast<T*>(workspace));
  });
}

void clear_hidden_queries(Stream& stream, const Attention& a, const AttentionData& data) {
  if (!a.masked()) return;
  dispatch_float(a.dtype, "attention", [&](auto tag) {
    dispatch_float(a.mask_dtype, "attention", [&](auto mask_tag) {
      using T = typename decltype(tag)::type;
      using M = typename decltype(mask_tag)::type;
      for_each_row(
          stream, a.matrices() * a.queries, a.keys,
          ClearHidden<T, M>{Mask<M>(a, data.mask), static_cast<T*>(data.y), static_cast<float*>(data.sums), a.queries,
                            a.keys, a.width, a.y.step, a.y.pitch, a.causal, -std::numeric_limits<float>::infinity()});
    });
  });
}

void lift_hidden_sums(Stream& stream, int64_t n, const float* sums, float* lifted) {
  map(stream, n, LiftHidden{sums, lifted, -std::numeric_limits<float>::infinity()});
}

}  // namespace mixnet::gpu
