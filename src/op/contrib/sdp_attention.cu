// _contrib_sdp_attention on GPUs; see sdp_attention.cc. Plainly: scores are made for as many matrices at a time as fit into a workspace of
// bounded size (of one matrix at least), by three kernels each; cuDNN's fused form comes later.
#include "op/contrib/sdp_attention.h"

#include <limits>

#include "op/core/gpu/matrices.h"
#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::sdp_attention {
namespace {

// Elements of scores that are made at a time, unless one matrix has more.
constexpr int64_t most_scores = int64_t{1} << 24;
int64_t matrices_at_once(const Sizes& s) {
  const int64_t each = std::max<int64_t>(1, s.queries * s.keys);
  return std::max<int64_t>(1, std::min(s.matrices, most_scores / each));
}
size_t bytes_for(const PrepareContext& c, const Sizes& s, int64_t buffers) {
  const int64_t item = c.inputs[0].dtype == DType::f64 ? 8 : 4;
  return static_cast<size_t>((buffers * matrices_at_once(s) * s.queries * s.keys + s.matrices * s.queries) * item);
}

// What is to be known of a row of scores: row q of matrix m, counted over those that are made now.
template <class T>
struct Rows {
  T* scores;
  int64_t queries, keys, heads, first;  // the first matrix of these
  bool causal, masked;
  T lowest;
  const T* mask;
  int64_t batch_step, head_step, row_step, column_step;
  Rows(const Params& p, const RunContext& r, size_t mask_input, const Sizes& s, T* buffer, int64_t first_matrix)
      : scores(buffer),
        queries(s.queries),
        keys(s.keys),
        heads(s.heads),
        first(first_matrix),
        causal(p.causal),
        masked(p.use_mask),
        lowest(-std::numeric_limits<T>::infinity()),
        mask(nullptr),
        batch_step(0),
        head_step(0),
        row_step(0),
        column_step(0) {
    if (!masked) return;
    const Shape& m = r.in[mask_input].shape;
    mask = r.in[mask_input].as<T>();
    column_step = m[3] == 1 ? 0 : 1;
    row_step = m[2] == 1 ? 0 : m[3];
    head_step = m[1] == 1 ? 0 : m[2] * m[3];
    batch_step = m[0] == 1 ? 0 : m[1] * m[2] * m[3];
  }
  // The score of key k with the mask, of row `row`.
  MIXNET_ON_DEVICE T at(int64_t row, int64_t k) const {
    const int64_t q = row % queries, m = first + row / queries;
    if (causal && k > q) return lowest;
    const T score = scores[row * keys + k];
    if (!masked) return score;
    return score + mask[m / heads * batch_step + m % heads * head_step + q * row_step + k * column_step];
  }
};

// Scores to probabilities; the sums are those that backward reads.
template <class T>
struct Softmax {
  Rows<T> rows;
  T* sums;
  template <class Group>
  MIXNET_ON_DEVICE void operator()(int64_t row, const Group& group) const {
    T top = rows.lowest, total = 0;
    for (int64_t k = group.rank(); k < rows.keys; k += group.size()) top = gpu::Greatest()(top, rows.at(row, k));
    top = group.reduce(top, gpu::Greatest());
    const T base = top == rows.lowest ? T(0) : top;
    for (int64_t k = group.rank(); k < rows.keys; k += group.size()) total += std::exp(rows.at(row, k) - base);
    total = group.reduce(total, gpu::Plus());
    const T share = total > 0 || total != total ? 1 / total : T(0);
    for (int64_t k = group.rank(); k < rows.keys; k += group.size()) {
      T* score = rows.scores + row * rows.keys + k;
      *score = std::exp(rows.at(row, k) - base) * share;
    }
    if (group.rank() == 0) sums[row] = total > 0 ? top + std::log(total) : rows.lowest;
  }
};

template <class T>
void make_scores(const Params& p, const RunContext& r, const Sizes& s, const T* q, const T* k, int64_t first,
                 int64_t count, T* scores) {
  gpu::product<T>(*r.context.stream, count,
                  {false,
                   true,
                   s.queries,
                   s.keys,
                   s.depth,
                   scale_of<T>(p, s),
                   {q + first * s.queries * s.depth, s.depth, s.queries * s.depth},
                   {k + first * s.keys * s.depth, s.depth, s.keys * s.depth},
                   0,
                   {scores, s.keys, s.queries * s.keys}});
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "sdp_attention", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(r.in[0].shape, r.in[2].shape);
    Stream& stream = *r.context.stream;
    T* scores = static_cast<T*>(r.context.workspace);
    const int64_t step = matrices_at_once(s), results = s.queries * s.width;
    for (int64_t first = 0; first < s.matrices && s.queries > 0; first += step) {
      const int64_t count = std::min(step, s.matrices - first);
      make_scores(p, r, s, r.in[0].as<T>(), r.in[1].as<T>(), first, count, scores);
      gpu::for_each_row(stream, count * s.queries, s.keys,
                        Softmax<T>{Rows<T>(p, r, 3, s, scores, first), r.out[1].as<T>() + first * s.queries});
      gpu::product<T>(stream, count,
                      {false,
                       false,
                       s.queries,
                       s.width,
                       s.keys,
                       1,
                       {scores, s.keys, s.queries * s.keys},
                       {r.in[2].as<T>() + first * s.keys * s.width, s.width, s.keys * s.width},
                       0,
                       {r.out[0].as<T>() + first * results, s.width, results}});
    }
  });
}
size_t forward_bytes(const PrepareContext& c) { return bytes_for(c, Sizes(c.inputs[0].shape, c.inputs[2].shape), 1); }

// dy . y of every row.
template <class T>
struct Dot {
  const T *dy, *y;
  T* dots;
  int64_t width;
  MIXNET_ON_DEVICE void operator()(int64_t row) const {
    T sum = 0;
    for (int64_t j = 0; j < width; ++j) sum += dy[row * width + j] * y[row * width + j];
    dots[row] = sum;
  }
};

// Scores to probabilities and dy v^T to the gradient of the products: ds = p (dy v^T - dy . y) scale.
template <class T>
struct ScoreGradient {
  Rows<T> rows;
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

// (dy, query, key, value, output, sums[, mask]) to the gradients of query, key and value.
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "sdp_attention", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(r.in[1].shape, r.in[3].shape);
    Stream& stream = *r.context.stream;
    const int64_t step = matrices_at_once(s), area = s.queries * s.keys, query = s.queries * s.depth,
                  key = s.keys * s.depth, value = s.keys * s.width, result = s.queries * s.width;
    T *prob = static_cast<T*>(r.context.workspace), *ds = prob + step * area, *dots = ds + step * area;
    const T *dy = r.in[0].as<T>(), *q = r.in[1].as<T>(), *k = r.in[2].as<T>(), *v = r.in[3].as<T>();
    OnGpu::each(r, s.matrices * s.queries, 1, Dot<T>{dy, r.in[4].as<T>(), dots, s.width});
    for (int64_t first = 0; first < s.matrices; first += step) {
      const int64_t count = std::min(step, s.matrices - first);
      const gpu::Matrices<const T> slopes{ds, s.keys, area}, outer{dy + first * result, s.width, result};
      make_scores(p, r, s, q, k, first, count, prob);
      gpu::product<T>(stream, count,
                      {false,
                       true,
                       s.queries,
                       s.keys,
                       s.width,
                       1,
                       outer,
                       {v + first * value, s.width, value},
                       0,
                       {ds, s.keys, area}});
      OnGpu::each(r, count * area, 1,
                  ScoreGradient<T>{Rows<T>(p, r, 6, s, prob, first), ds, r.in[5].as<T>() + first * s.queries,
                                   dots + first * s.queries, scale_of<T>(p, s)});
      gpu::product<T>(stream, count,
                      {true,
                       false,
                       s.keys,
                       s.width,
                       s.queries,
                       1,
                       {prob, s.keys, area},
                       outer,
                       0,
                       {r.out[2].as<T>() + first * value, s.width, value}});
      gpu::product<T>(stream, count,
                      {false,
                       false,
                       s.queries,
                       s.depth,
                       s.keys,
                       1,
                       slopes,
                       {k + first * key, s.depth, key},
                       0,
                       {r.out[0].as<T>() + first * query, s.depth, query}});
      gpu::product<T>(stream, count,
                      {true,
                       false,
                       s.keys,
                       s.depth,
                       s.queries,
                       1,
                       slopes,
                       {q + first * query, s.depth, query},
                       0,
                       {r.out[1].as<T>() + first * key, s.depth, key}});
    }
  });
}
size_t backward_bytes(const PrepareContext& c) { return bytes_for(c, Sizes(c.inputs[1].shape, c.inputs[3].shape), 2); }

}  // namespace

void register_gpu(Registry& registry) {
  gpu::wide<Params>(registry, "_contrib_sdp_attention", forward, forward_bytes);
  gpu::wide<Params>(registry, "_backward_contrib_sdp_attention", backward, backward_bytes);
}

}  // namespace mixnet::op::sdp_attention
