// RNN forward: per layer and direction one product for the inputs of all steps, then one per step for the state.
//
// With a reserve, gates, cells, outputs and masks of all layers are written to it; without, one layer at a time is in workspace.
#pragma once
#include "op/core/gemm.h"
#include "op/rnn/cell.h"

namespace mixnet::op::rnn {

template <class T>
void copy_rows(int64_t n, const T* from, T* to, int64_t from_step, int64_t to_step, int64_t count) {
  for (int64_t i = 0; i < count; ++i) std::copy(from + i * from_step, from + i * from_step + n, to + i * to_step);
}

// One direction of one layer.
template <class T>
struct Lane {
  const T *x, *weight, *state_weight, *bias;  // bias: r, z, n, state's n for a GRU, else one per gate
  bool transposed;                            // state_weight is (hidden, lines)
  const T *h0, *c0;
  T *gates, *extra;    // of all steps; an LSTM's extra has extra_step 0 when only the present cell is kept
  int64_t extra_step;  // elements from one step's extra to the next one's
  T* part;             // a GRU's sums of the state at one step
  T* y;                // (steps, batch, width), at this direction's columns
};

// Products of some rows with a matrix are faster along its rows: worth a transposition where a weight serves many steps.
inline bool transposes(const Sizes& s) { return s.batch >= 16 && s.steps >= 4; }

template <class T>
void transpose(int64_t rows, int64_t columns, const T* from, T* to) {
  constexpr int64_t tile = 16;
  parallel_for((columns + tile - 1) / tile, std::max<int64_t>(1, 16384 / (tile * rows)),
               [&](int64_t first, int64_t last) {
                 const int64_t end = std::min(columns, last * tile);
                 for (int64_t i = 0; i < rows; i += tile) {
                   for (int64_t j = first * tile; j < end; ++j) {
                     for (int64_t k = i; k < std::min(rows, i + tile); ++k) to[j * rows + k] = from[k * columns + j];
                   }
                 }
               });
}

template <class T>
void add_bias(const Sizes& s, const Params& p, const T* bias, T* to) {
  const int64_t shared = p.mode == Mode::gru ? 2 * s.hidden : s.lines;
  for (int64_t j = 0; j < shared; ++j) to[j] = bias[j] + bias[s.lines + j];
  if (p.mode != Mode::gru) return;
  std::copy(bias + shared, bias + s.lines, to + shared);
  std::copy(bias + s.lines + shared, bias + 2 * s.lines, to + s.lines);
}

template <class T>
void run_lane(const Params& p, const Sizes& s, const Lane<T>& l, const Walk& walk, int64_t layer) {
  const int64_t n = s.hidden, k = s.layer_input(layer), lines = s.lines, width = s.width();
  gemm<T>(false, true, s.rows(), lines, k, 1, l.x, k, l.weight, k, 0, l.gates, lines);
  const T *h = l.h0, *c = l.c0;
  int64_t h_step = n;
  for (int64_t i = 0; i < s.steps; ++i) {
    const int64_t t = walk.step(i);
    T *gates = l.gates + t * s.batch * lines, *extra = l.extra + t * l.extra_step, *y = l.y + t * s.batch * width;
    const bool gru = p.mode == Mode::gru;
    gemm<T>(false, !l.transposed, s.batch, lines, n, 1, h, h_step, l.state_weight, l.transposed ? lines : n,
            gru ? T(0) : T(1), gru ? l.part : gates, lines);
    for_batch(s, [&](int64_t b) {
      T *g = gates + b * lines, *out = y + b * width;
      switch (p.mode) {
        case Mode::lstm: return lstm_row(n, l.bias, c + b * n, g, extra + b * n, out);
        case Mode::gru: return gru_row(n, l.bias, l.part + b * lines, h + b * h_step, g, extra + b * n, out);
        default: return plain_row(n, p.mode == Mode::rnn_relu, l.bias, g, out);
      }
    });
    h = y;
    h_step = width;
    c = extra;
  }
}

// mask: 0 or 1 / (1 - p); out = x mask. mask may be nullptr, out may be x.
template <class T>
void drop(const Params& p, const RunContext& r, int64_t layer, int64_t n, const T* x, T* mask, T* out) {
  const T scale = p.p < 1 ? T(1) / static_cast<T>(1 - p.p) : T(0);
  const int64_t blocks = (n + 3) / 4;
  parallel_for(blocks, 2048, [&](int64_t first, int64_t last) {
    for (int64_t block = first; block < last; ++block) {
      const PhiloxBlock draw = philox(r.context.random, static_cast<uint64_t>(layer * blocks + block));
      for (int64_t i = 4 * block; i < std::min(n, 4 * block + 4); ++i) {
        const T m = !r.context.training                                          ? T(1)
                    : uniform_float(draw.word[i % 4]) >= static_cast<float>(p.p) ? scale
                                                                                 : T(0);
        if (mask) mask[i] = m;
        out[i] = x[i] * m;
      }
    }
  });
}

inline int64_t forward_scratch(const Params& p, const Sizes& s, bool reserve) {
  const auto part = Parts<float>::round;
  const int64_t layer = part(s.rows() * s.width());
  int64_t n = part(5 * s.hidden) + (p.mode == Mode::gru ? part(s.batch * s.lines) : 0);
  if (transposes(s)) n += part(s.lines * s.hidden);
  if (s.plain || !reserve) n += part(s.rows() * s.lines) + part(s.batch * s.extra);
  return n + (reserve ? (s.dropout ? layer : 0) : std::min<int64_t>(2, s.layers - 1) * layer);
}

// What the kernel asks for.
inline size_t item_bytes(DType dtype) { return dtype == DType::f64 ? sizeof(double) : sizeof(float); }
inline size_t forward_bytes(const PrepareContext& c) {
  const Params& p = c.params<Params>();
  const Sizes s(p, c.inputs[0].shape);
  const bool reserve = c.wanted[p.reserve_output()] && s.reserve() > 0;
  return static_cast<size_t>(forward_scratch(p, s, reserve)) * item_bytes(c.inputs[0].dtype);
}

template <class T>
class Forward {
 public:
  Forward(const Params& p, const RunContext& r)
      : p_(p), r_(r), s_(p, r.in[0].shape), reserve_(r.out[p.reserve_output()].as<T>()), parts_(r.context.workspace) {
    bias_ = parts_.take(5 * s_.hidden);
    if (p.mode == Mode::gru) part_ = parts_.take(s_.batch * s_.lines);
    if (transposes(s_)) turned_ = parts_.take(s_.lines * s_.hidden);
    if (s_.plain || !reserve_) {
      gates_ = parts_.take(s_.rows() * s_.lines);
      extra_ = parts_.take(s_.batch * s_.extra);
    }
    if (reserve_ ? s_.dropout : s_.layers > 1) buffer_[0] = parts_.take(s_.rows() * s_.width());
    if (!reserve_ && s_.layers > 2) buffer_[1] = parts_.take(s_.rows() * s_.width());
  }

  void run() {
    const T* x = r_.in[0].as<T>();
    for (int64_t layer = 0; layer < s_.layers; ++layer) {
      const bool last = layer == s_.layers - 1;
      T* y = last ? r_.out[0].as<T>() : reserve_ ? reserve_ + s_.kept_output(layer) : buffer_[layer % 2];
      for (int64_t d = 0; d < s_.directions; ++d) run_direction(layer, d, x, y);
      x = y;
      if (last || !s_.dropout) continue;
      T* dropped = reserve_ ? buffer_[0] : y;
      if (reserve_ || r_.context.training)
        drop(p_, r_, layer, s_.rows() * s_.width(), y, reserve_ ? reserve_ + s_.kept_mask(layer) : nullptr, dropped);
      x = dropped;
    }
  }

 private:
  void run_direction(int64_t layer, int64_t d, const T* x, T* y) {
    const T* w = r_.in[1].as<T>();
    const int64_t n = s_.hidden, at = s_.state(layer, d);
    const bool kept = reserve_ && !s_.plain;
    T* gates = kept ? reserve_ + s_.kept(layer, d) : gates_;
    T* extra = kept ? gates + s_.rows() * s_.lines : extra_;
    add_bias(s_, p_, w + s_.bias(layer, d), bias_);
    const T *h0 = r_.in[2].as<T>() + at, *c0 = p_.cell() ? r_.in[3].as<T>() + at : nullptr;
    const int64_t extra_step = kept ? s_.batch * n : 0;
    const Walk walk{s_.steps, d == 1};
    const T* state_weight = w + s_.state_weight(layer, d);
    if (turned_) transpose(s_.lines, n, state_weight, turned_);
    const Lane<T> lane{x,
                       w + s_.weight(layer, d),
                       turned_ ? turned_ : state_weight,
                       bias_,
                       turned_ != nullptr,
                       h0,
                       c0,
                       gates,
                       extra,
                       extra_step,
                       part_,
                       y + d * n};
    run_lane(p_, s_, lane, walk, layer);
    if (!p_.state_outputs) return;
    const int64_t end = s_.steps > 0 ? walk.step(s_.steps - 1) : 0, width = s_.width();
    if (T* h = r_.out[1].as<T>()) {
      if (s_.steps > 0) copy_rows(n, y + d * n + end * s_.batch * width, h + at, width, n, s_.batch);
      else copy_rows(n, h0, h + at, n, n, s_.batch);
    }
    if (!p_.cell() || !r_.out[2].data) return;
    copy_rows(n, s_.steps > 0 ? extra + end * extra_step : c0, r_.out[2].as<T>() + at, n, n, s_.batch);
  }

  const Params& p_;
  const RunContext& r_;
  const Sizes s_;
  T *reserve_, *bias_, *part_ = nullptr, *turned_ = nullptr, *gates_ = nullptr, *extra_ = nullptr, *buffer_[2] = {};
  Parts<T> parts_;
};

}  // namespace mixnet::op::rnn
