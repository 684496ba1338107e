// RNN backward: per step the gradient of the gates' sums and from it that of the state before; then, for all steps at once,
// the products that give the gradients of the layer's input and weights.
#pragma once
#include "base/independent.h"
#include "op/core/column_sums.h"
#include "op/core/gemm.h"
#include "op/rnn/cell.h"

namespace mixnet::op::rnn {

inline int64_t backward_scratch(const Params& p, const Sizes& s) {
  const auto part = Parts<float>::round;
  const int64_t layer = part(s.rows() * s.width()), sums = part(s.rows() * s.lines);
  return sums * (p.mode == Mode::gru ? 2 : 1) + 2 * part(s.batch * s.hidden) +
         std::min<int64_t>(2, s.layers - 1) * layer + (s.dropout ? layer : 0);
}

inline size_t backward_bytes(const PrepareContext& c) {
  const Params& p = c.params<Params>();
  const Sizes s(p, c.inputs[p.reserve_output()].shape);
  return static_cast<size_t>(backward_scratch(p, s)) *
         (c.inputs[0].dtype == DType::f64 ? sizeof(double) : sizeof(float));
}

template <class T>
class Backward {
 public:
  Backward(const Params& p, const RunContext& r) : p_(p), r_(r), s_(p, in_shape()), parts_(r.context.workspace) {
    const int64_t layer = s_.rows() * s_.width();
    sums_ = parts_.take(s_.rows() * s_.lines);
    state_sums_ = p.mode == Mode::gru ? parts_.take(s_.rows() * s_.lines) : sums_;
    dh_ = parts_.take(s_.batch * s_.hidden);
    dc_ = parts_.take(s_.batch * s_.hidden);
    if (s_.layers > 1) dy_[0] = parts_.take(layer);
    if (s_.layers > 2) dy_[1] = parts_.take(layer);
    if (s_.dropout) dropped_ = parts_.take(layer);
    w_ = in(first() + 1);
    reserve_ = in(r.in.size() - 1);
  }

  void run() {
    const int64_t n = s_.rows() * s_.width();
    const T* dy = in(0);
    for (int64_t layer = s_.layers - 1; layer >= 0; --layer) {
      const T *y = layer == s_.layers - 1 ? in(r_.in.size() - 2) : reserve_ + s_.kept_output(layer), *x = in(first());
      if (layer > 0) x = layer_input(layer);
      T* dx = layer > 0 ? dy_[(layer - 1) % 2] : r_.out[0].as<T>();
      for (int64_t d = 0; d < s_.directions; ++d) run_direction(layer, d, x, y, dy, dx);
      if (layer > 0 && s_.dropout) multiply(n, dx, reserve_ + s_.kept_mask(layer - 1), dx);
      dy = dx;
    }
  }

 private:
  const T* in(size_t i) const { return r_.in[i].template as<T>(); }
  size_t first() const { return p_.reserve_output(); }  // the forward inputs follow the gradients
  Shape in_shape() const { return r_.in[first()].shape; }

  static void multiply(int64_t n, const T* a, const T* b, T* c) {
    parallel_for(n, 16384, [&](int64_t from, int64_t to) {
      MIXNET_INDEPENDENT
      for (int64_t i = from; i < to; ++i) c[i] = a[i] * b[i];
    });
  }
  const T* layer_input(int64_t layer) {
    const T* y = reserve_ + s_.kept_output(layer - 1);
    if (!s_.dropout) return y;
    multiply(s_.rows() * s_.width(), y, reserve_ + s_.kept_mask(layer - 1), dropped_);
    return dropped_;
  }

  void run_direction(int64_t layer, int64_t d, const T* x, const T* y, const T* dy, T* dx) {
    const int64_t n = s_.hidden, at = s_.state(layer, d), k = s_.layer_input(layer), states = s_.batch * n;
    start(p_.state_outputs ? in(1) : nullptr, at, dh_);
    start(p_.state_outputs && p_.cell() ? in(2) : nullptr, at, dc_);
    walk_back(layer, d, y + d * n, dy + d * n);
    if (dx)
      gemm<T>(false, false, s_.rows(), k, s_.lines, 1, sums_, s_.lines, w_ + s_.weight(layer, d), k,
              d == 0 ? T(0) : T(1), dx, k);
    if (r_.out[1].data) add_weights(layer, d, x, y + d * n);
    if (T* h = r_.out[2].as<T>()) std::copy(dh_, dh_ + states, h + at);
    if (p_.cell() && r_.out[3].data) std::copy(dc_, dc_ + states, r_.out[3].as<T>() + at);
  }
  void start(const T* from, int64_t at, T* to) const {
    const int64_t n = s_.batch * s_.hidden;
    if (from) std::copy(from + at, from + at + n, to);
    else std::fill(to, to + n, T(0));
  }

  // Gradients of the sums of all steps, last visited first; leaves those of the initial states.
  void walk_back(int64_t layer, int64_t d, const T* y, const T* dy) {
    const int64_t n = s_.hidden, lines = s_.lines, width = s_.width(), batch = s_.batch, at = s_.state(layer, d);
    const T *h0 = in(first() + 2) + at, *c0 = p_.cell() ? in(first() + 3) + at : nullptr;
    const T *kept = reserve_ + s_.kept(layer, d), *extras = kept + s_.rows() * lines;
    const Walk walk{s_.steps, d == 1};
    for (int64_t i = s_.steps - 1; i >= 0; --i) {
      const int64_t t = walk.step(i), before = i > 0 ? walk.step(i - 1) : 0;
      const T *gates = kept + t * batch * lines, *extra = extras + t * batch * n, *out = y + t * batch * width,
              *head = dy + t * batch * width;
      const T *h = i > 0 ? y + before * batch * width : h0, *c = i > 0 ? extras + before * batch * n : c0;
      const int64_t h_step = i > 0 ? width : n;
      T *sums = sums_ + t * batch * lines, *state_sums = state_sums_ + t * batch * lines;
      for_batch(s_, [&](int64_t b) {
        const T *g = gates + b * lines, *e = extra + b * n, *top = head + b * width;
        switch (p_.mode) {
          case Mode::lstm:
            return lstm_row_backward(n, g, c + b * n, e, top, dh_ + b * n, dc_ + b * n, sums + b * lines);
          case Mode::gru:
            return gru_row_backward(n, g, e, h + b * h_step, top, dh_ + b * n, sums + b * lines,
                                    state_sums + b * lines);
          default:
            return plain_row_backward(n, p_.mode == Mode::rnn_relu, out + b * width, top, dh_ + b * n,
                                      sums + b * lines);
        }
      });
      const T straight = p_.mode == Mode::gru ? T(1) : T(0);
      gemm<T>(false, false, batch, n, lines, 1, state_sums, lines, w_ + s_.state_weight(layer, d), n, straight, dh_, n);
    }
  }

  void add_weights(int64_t layer, int64_t d, const T* x, const T* y) {
    T *dw = r_.out[1].as<T>(), *state = dw + s_.state_weight(layer, d), *bias = dw + s_.bias(layer, d);
    const int64_t n = s_.hidden, lines = s_.lines, k = s_.layer_input(layer), batch = s_.batch,
                  most = std::max<int64_t>(0, s_.steps - 1) * batch;
    gemm<T>(true, false, lines, k, s_.rows(), 1, sums_, lines, x, k, 0, dw + s_.weight(layer, d), k);
    // The state before a step: the output of the step visited before it, first the initial state.
    const T *now = state_sums_, *start = state_sums_;
    const T* previous = y;
    if (d == 0) now += batch * lines;
    else {
      previous += batch * s_.width();
      start += most * lines;
    }
    gemm<T>(true, false, lines, n, most, 1, now, lines, previous, s_.width(), 0, state, n);
    if (s_.steps > 0)
      gemm<T>(true, false, lines, n, batch, 1, start, lines, in(first() + 2) + s_.state(layer, d), n, 1, state, n);
    column_sums(sums_, s_.rows(), lines, lines, bias);
    if (p_.mode == Mode::gru) column_sums(state_sums_, s_.rows(), lines, lines, bias + lines);
    else std::copy(bias, bias + lines, bias + lines);
  }
  const Params& p_;
  const RunContext& r_;
  const Sizes s_;
  const T *w_, *reserve_;
  T *sums_, *state_sums_, *dh_, *dc_, *dy_[2] = {}, *dropped_ = nullptr;
  Parts<T> parts_;
};

}  // namespace mixnet::op::rnn
