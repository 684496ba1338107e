// _contrib_sdp_attention: softmax(scale query key^T + mask) value, tile by tile, without the matrix of scores (Dao et al., 2022).
//
// A tile holds some queries and some keys; per query the largest score so far and the sum of the exponentials are carried along, and
// what was summed before is scaled when a larger score comes ("online softmax", Milakov and Gimelshein, 2018). Memory beyond the
// tensors is a tile per thread, whatever the lengths; a sum per query is kept for backward, which makes each tile again.
#include "op/contrib/sdp_attention.h"

#include "base/independent.h"
#include "base/thread_pool.h"
#include "op/core/gemm.h"
#include "op/core/softmax_line.h"
#include "op/core/wide.h"

namespace mixnet::op::sdp_attention {
namespace {

// The number of buffers is chosen when the kernel is prepared.
struct Planned : Params {
  int64_t slots = 1;
};

constexpr int64_t query_tile = 128, key_tile = 256;
int64_t query_tiles(const Sizes& s) { return (s.queries + query_tile - 1) / query_tile; }
int64_t tile_of(const Sizes& s) { return std::min(query_tile, s.queries) * std::min(key_tile, s.keys); }

// What is added to the scores of one matrix; extents of 1 are repeated.
template <class T>
struct Mask {
  const T* data = nullptr;
  int64_t row = 0, column = 0;
  Mask() = default;
  Mask(const TensorView& v, int64_t batch, int64_t head) {
    const Shape& s = v.shape;
    column = s[3] == 1 ? 0 : 1;
    row = s[2] == 1 ? 0 : s[3];
    data = v.as<T>() + ((s[0] == 1 ? 0 : batch) * s[1] + (s[1] == 1 ? 0 : head)) * s[2] * s[3];
  }
  void add(int64_t i, int64_t first, int64_t n, T* scores) const {
    const T* line = data + i * row + first * column;
    for (int64_t j = 0; j < n; ++j) scores[j] += line[j * column];
  }
};
template <class T>
Mask<T> mask_of(const Params& p, const RunContext& r, size_t input, const Sizes& s, int64_t matrix) {
  return p.use_mask ? Mask<T>(r.in[input], matrix / s.heads, matrix % s.heads) : Mask<T>();
}

struct Tile {
  int64_t query, rows, key, columns;
};
// How many keys the last query of a tile sees.
int64_t visible(const Params& p, const Sizes& s, int64_t query, int64_t rows) {
  return p.causal ? std::min(s.keys, query + rows) : s.keys;
}

// The scores of a tile, (rows, columns).
template <class T>
void tile_scores(const Params& p, const Sizes& s, const Tile& t, const T* q, const T* k, const Mask<T>& mask,
                 T* scores) {
  gemm<T>(false, true, t.rows, t.columns, s.depth, scale_of<T>(p, s), q + t.query * s.depth, s.depth,
          k + t.key * s.depth, s.depth, T(0), scores, t.columns);
  for (int64_t i = 0; i < t.rows; ++i) {
    T* line = scores + i * t.columns;
    if (mask.data) mask.add(t.query + i, t.key, t.columns, line);
    const int64_t seen = p.causal ? std::clamp<int64_t>(t.query + i + 1 - t.key, 0, t.columns) : t.columns;
    std::fill(line + seen, line + t.columns, -std::numeric_limits<T>::infinity());
  }
}

// f(task, buffer of its thread) for all tasks.
template <class T, class F>
void share(int64_t slots, int64_t tasks, T* buffers, int64_t length, F f) {
  parallel_for(slots, 1, [&](int64_t first, int64_t last) {
    for (int64_t slot = first; slot < last; ++slot) {
      for (int64_t task = slot * tasks / slots; task < (slot + 1) * tasks / slots; ++task)
        f(task, buffers + slot * length);
    }
  });
}

template <class T>
void attend(const Params& p, const Sizes& s, int64_t query, const T* q, const T* k, const T* v, const Mask<T>& mask,
            T* scores, T* out, T* sums) {
  const int64_t rows = std::min(query_tile, s.queries - query), end = visible(p, s, query, rows);
  constexpr T lowest = -std::numeric_limits<T>::infinity();
  T top[query_tile], total[query_tile];
  std::fill_n(top, rows, lowest);
  std::fill_n(total, rows, T(0));
  T* y = out + query * s.width;
  std::fill_n(y, rows * s.width, T(0));
  for (int64_t key = 0; key < end; key += key_tile) {
    const Tile t{query, rows, key, std::min(key_tile, end - key)};
    tile_scores(p, s, t, q, k, mask, scores);
    for (int64_t i = 0; i < rows; ++i) {
      T* line = scores + i * t.columns;
      const T higher = std::max(top[i], largest_of_line(line, t.columns));
      // Nothing is visible yet: all exponentials are 0.
      const T base = higher == lowest ? T(0) : higher, shrink = functions::exponential(top[i] - base);
      if (top[i] != higher && key) {
        for (int64_t j = 0; j < s.width; ++j) y[i * s.width + j] *= shrink;
      }
      total[i] = total[i] * shrink + exponentials(line, t.columns, base, line);
      top[i] = higher;
    }
    gemm<T>(false, false, rows, s.width, t.columns, T(1), scores, t.columns, v + key * s.width, s.width, T(1), y,
            s.width);
  }
  for (int64_t i = 0; i < rows; ++i) {
    const T share_of_one = total[i] > 0 || total[i] != total[i] ? 1 / total[i] : T(0);
    for (int64_t j = 0; j < s.width; ++j) y[i * s.width + j] *= share_of_one;
    sums[query + i] = total[i] > 0 ? top[i] + std::log(total[i]) : lowest;
  }
}

void forward(const Planned& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "sdp_attention", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(r.in[0].shape, r.in[2].shape);
    if (r.out[0].size() == 0) return;
    const int64_t tiles = query_tiles(s);
    share(p.slots, s.matrices * tiles, static_cast<T*>(r.context.workspace), tile_of(s), [&](int64_t task, T* buffer) {
      const int64_t m = task / tiles;
      attend(p, s, task % tiles * query_tile, r.in[0].as<T>() + m * s.queries * s.depth,
             r.in[1].as<T>() + m * s.keys * s.depth, r.in[2].as<T>() + m * s.keys * s.width, mask_of<T>(p, r, 3, s, m),
             buffer, r.out[0].as<T>() + m * s.queries * s.width, r.out[1].as<T>() + m * s.queries);
    });
  });
}

int64_t slots_for(int64_t tasks) { return std::max<int64_t>(1, std::min<int64_t>(parallel_threads(), tasks)); }

std::unique_ptr<Kernel> planned(const PrepareContext& c, const Sizes& s, int64_t tasks, int64_t tiles_each,
                                WideKernel<Planned>::Body body) {
  Planned p;
  static_cast<Params&>(p) = c.params<Params>();
  p.slots = slots_for(tasks);
  PrepareContext own = c;
  own.params_ = &p;
  const int64_t item = c.inputs[0].dtype == DType::f64 ? 8 : 4;
  return std::make_unique<WideKernel<Planned>>(own, body,
                                               static_cast<size_t>(p.slots * tiles_each * tile_of(s) * item));
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  const Sizes s(c.inputs[0].shape, c.inputs[2].shape);
  return planned(c, s, s.matrices * query_tiles(s), 1, forward);
}

std::vector<std::string> input_names(const Params& p) {
  std::vector<std::string> names{"query", "key", "value"};
  if (p.use_mask) names.push_back("mask");
  return names;
}
void infer(InferShape& c) {
  for (int i = 0; i < c.num_inputs(); ++i) c.expect_ndim(i, 4, 4);
  Shape q = c.in[0], k = c.in[1], v = c.in[2];
  for (const Shape* s : {&q, &k, &v}) {
    if (!s->ndim_known()) return;
  }
  c.set_in(1, Shape{q[0], q[1], v[2], q[3]});
  c.set_in(2, Shape{q[0], q[1], k[2], -1});
  c.set_out(0, Shape{q[0], q[1], q[2], v[3]});
  c.set_out(1, Shape{q[0], q[1], q[2]});
  if (!c.params<Params>().use_mask || !c.in[3].known() || !q.known() || !k.known()) return;
  const Shape whole{q[0], q[1], q[2], k[2]};
  for (int i = 0; i < 4; ++i) {
    if (c.in[3][i] != 1 && c.in[3][i] != whole[i])
      c.fail(Code::shape, concat("mask: expected ", whole, " or 1 along an axis, got ", c.in[3]));
  }
}
// The sums have the dtype that sums are made in, which a mask may have too.
void infer_type(InferType& c) {
  DType common = c.out[0];
  for (DType t : c.in) common = common == DType::unknown ? t : common;
  for (int i = 0; i < 3; ++i) c.set_in(i, common);
  const bool half = common == DType::f16 || common == DType::bf16;
  if (c.num_inputs() > 3 && !(half && c.in[3] == DType::f32)) c.set_in(3, common);
  c.set_out(0, common);
  if (common == DType::unknown) return;
  c.expect_float(0);
  c.set_out(1, common == DType::f64 ? DType::f64 : DType::f32);
}

//[full
// What backward sees of one matrix.
template <class T>
struct Matrix {
  const T *dy, *q, *k, *v, *y, *sums;
  T *dq, *dk, *dv;
  Mask<T> mask;
};

// The gradients of a tile's scores from those of its results: probabilities p and ds = p (dy v^T - dy . y) scale.
template <class T>
void tile_gradients(const Params& p, const Sizes& s, const Tile& t, const Matrix<T>& m, const T* dots, T* prob, T* ds) {
  tile_scores(p, s, t, m.q, m.k, m.mask, prob);
  gemm<T>(false, true, t.rows, t.columns, s.width, T(1), m.dy + t.query * s.width, s.width, m.v + t.key * s.width,
          s.width, T(0), ds, t.columns);
  const T scale = scale_of<T>(p, s);
  for (int64_t i = 0; i < t.rows; ++i) {
    const T sum = m.sums[t.query + i], dot = dots[i];
    T *a = prob + i * t.columns, *b = ds + i * t.columns;
    if (sum == -std::numeric_limits<T>::infinity()) {
      std::fill_n(a, t.columns, T(0));
      std::fill_n(b, t.columns, T(0));
      continue;
    }
    MIXNET_INDEPENDENT
    for (int64_t j = 0; j < t.columns; ++j) {
      a[j] = functions::exponential(a[j] - sum);
      b[j] = a[j] * (b[j] - dot) * scale;
    }
  }
}

template <class T>
void attend_backward(const Params& p, const Sizes& s, const Matrix<T>& m, T* buffer) {
  T *prob = buffer, *ds = buffer + tile_of(s);
  std::fill_n(m.dq, s.queries * s.depth, T(0));
  std::fill_n(m.dk, s.keys * s.depth, T(0));
  std::fill_n(m.dv, s.keys * s.width, T(0));
  for (int64_t query = 0; query < s.queries; query += query_tile) {
    const int64_t rows = std::min(query_tile, s.queries - query), end = visible(p, s, query, rows);
    T dots[query_tile] = {};
    for (int64_t i = 0; i < rows; ++i) {
      const T *dy = m.dy + (query + i) * s.width, *y = m.y + (query + i) * s.width;
      for (int64_t j = 0; j < s.width; ++j) dots[i] += dy[j] * y[j];
    }
    for (int64_t key = 0; key < end; key += key_tile) {
      const Tile t{query, rows, key, std::min(key_tile, end - key)};
      tile_gradients(p, s, t, m, dots, prob, ds);
      gemm<T>(true, false, t.columns, s.width, rows, T(1), prob, t.columns, m.dy + query * s.width, s.width, T(1),
              m.dv + key * s.width, s.width);
      gemm<T>(false, false, rows, s.depth, t.columns, T(1), ds, t.columns, m.k + key * s.depth, s.depth, T(1),
              m.dq + query * s.depth, s.depth);
      gemm<T>(true, false, t.columns, s.depth, rows, T(1), ds, t.columns, m.q + query * s.depth, s.depth, T(1),
              m.dk + key * s.depth, s.depth);
    }
  }
}

// (dy, query, key, value, output, sums[, mask]) to the gradients of query, key and value.
void backward(const Planned& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "sdp_attention", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(r.in[1].shape, r.in[3].shape);
    share(p.slots, s.matrices, static_cast<T*>(r.context.workspace), 2 * tile_of(s), [&](int64_t i, T* buffer) {
      const auto in = [&](size_t n, int64_t length) { return r.in[n].as<T>() + i * length; };
      const auto out = [&](size_t n, int64_t length) { return r.out[n].as<T>() + i * length; };
      const int64_t queries = s.queries * s.depth, keys = s.keys * s.depth, values = s.keys * s.width,
                    results = s.queries * s.width;
      attend_backward(
          p, s,
          Matrix<T>{in(0, results), in(1, queries), in(2, keys), in(3, values), in(4, results), in(5, s.queries),
                    out(0, queries), out(1, keys), out(2, values), mask_of<T>(p, r, 6, s, i)},
          buffer);
    });
  });
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  const Sizes s(c.inputs[1].shape, c.inputs[3].shape);
  return planned(c, s, s.matrices, 2, backward);
}
std::vector<std::string> backward_inputs(const Params& p) {
  std::vector<std::string> names{"output_grad", "query", "key", "value", "output", "sums"};
  if (p.use_mask) names.push_back("mask");
  return names;
}
void infer_backward(InferShape& c) {
  for (int i = 0; i < 3; ++i) c.set_out(i, c.in[static_cast<size_t>(i) + 1]);
}
void infer_backward_type(InferType& c) {
  for (int i = 0; i < 3; ++i) c.set_out(i, c.in[static_cast<size_t>(i) + 1]);
}
void gradient(GradientContext& g) {
  std::vector<Entry> in{g.output_grad(0), g.input(0), g.input(1), g.input(2), g.output(0), g.output(1)};
  if (g.num_inputs() > 3) in.push_back(g.input(3));
  const std::vector<Entry> grads = g.make_backward("_backward_contrib_sdp_attention", std::move(in));
  for (int i = 0; i < 3; ++i) g.set(i, grads[static_cast<size_t>(i)]);
}
//]

void add_params(OpBuilder<Params>& op) {
  op.param("use_mask", &Params::use_mask).doc("Takes a fourth input, mask, and adds it to the scores.");
  op.param("causal", &Params::causal).doc("Query i sees the keys 0 to i alone.");
  op.param("scale", &Params::scale).doc("Factor of the products of queries and keys; None: 1 / sqrt(depth).");
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_sdp_attention");
  add_params(op);
  op.input("query", "(batch, heads, queries, depth), float.")
      .input("key", "(batch, heads, keys, depth).")
      .input("value", "(batch, heads, keys, width).")
      .input("mask",
             "(batch, heads, queries, keys), or 1 along an axis: added to the scores, -inf hides a key. It may be "
             "float32 beside 16-bit floats. It gets no gradient.")
      .input_names(input_names)
      .outputs({"output", "sums"}, 1)
      .infer_shape(infer)
      .infer_type(infer_type)
      .prepare(prepare);
  //[full
  op.doc(
      "Scaled dot-product attention, softmax(scale query key^T + mask) value (Vaswani et al., 2017): (batch, heads, "
      "queries, width). "
      "Scores are made tile by tile, so that memory grows with the lengths and not with their product. A query that "
      "sees no key "
      "gives 0.");
  op.gradient(gradient);
  op.sample({{2, 2, 3, 2}, {2, 2, 4, 2}, {2, 2, 4, 3}});
  op.sample({{1, 2, 4, 3}, {1, 2, 4, 3}, {1, 2, 4, 2}}, {{"causal", true}});
  op.sample({{2, 1, 3, 2}, {2, 1, 3, 2}, {2, 1, 3, 2}, {2, 1, 1, 3}}, {{"use_mask", true}, {"scale", 0.7}})
      .integers({3}, 3);
  op.sample({{1, 2, 2, 2}, {1, 2, 3, 2}, {1, 2, 3, 2}, {1, 1, 2, 3}}, {{"use_mask", true}, {"causal", true}})
      .integers({3}, 3);
  op.sample({{1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}});
  op.sample({{1, 2, 0, 2}, {1, 2, 3, 2}, {1, 2, 3, 2}});
  op.sample({{1, 1, 2, 2}, {1, 1, 0, 2}, {1, 1, 0, 2}});

  OpBuilder<Params> grad(registry, "_backward_contrib_sdp_attention");
  add_params(grad);
  for (const char* name : {"output_grad", "query", "key", "value", "output", "sums", "mask"}) grad.input(name);
  grad.hidden().input_names(backward_inputs).outputs({"query", "key", "value"});
  grad.infer_shape(infer_backward).infer_type(infer_backward_type).prepare(prepare_backward);
  grad.no_gradient("compose it from batch_dot and softmax for higher orders");
  //]
}

}  // namespace mixnet::op::sdp_attention
