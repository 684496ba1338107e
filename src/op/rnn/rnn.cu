// RNN on GPUs; see rnn.cc: by cuDNN where it can (by_cudnn.h), else here. The layers' products are plain ones; a step is a product and a kernel of
// one thread per element.
#include "op/core/gpu/matrices.h"
#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"
#include "op/rnn/backward.h"
#include "op/rnn/by_cudnn.h"
#include "op/rnn/forward.h"

namespace mixnet::op::rnn {
namespace {

// Where bias is to be found: gates' and a GRU's own one of the state, as add_bias has them.
template <class T>
struct JoinBias {
  const T* bias;
  T* to;
  int64_t lines, shared;
  MIXNET_ON_DEVICE void operator()(int64_t j) const {
    if (j < shared) {
      to[j] = bias[j] + bias[lines + j];
      return;
    }
    to[j] = bias[j];
    to[lines + j - shared] = bias[lines + j];
  }
};

template <class T>
struct CopyRows {
  const T* from;
  T* to;
  int64_t n, from_step, to_step;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { to[i / n * to_step + i % n] = from[i / n * from_step + i % n]; }
};

// One step of one direction, all samples.
template <class T>
struct Step {
  Mode mode;
  int64_t n, lines, width, h_step;
  const T *bias, *part, *h, *c;
  T *gates, *extra, *y;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t b = e / n, j = e % n;
    T *g = gates + b * lines, *out = y + b * width;
    if (mode == Mode::lstm) return lstm_element(n, j, bias, c + b * n, g, extra + b * n, out);
    if (mode == Mode::gru) return gru_element(n, j, bias, part + b * lines, h + b * h_step, g, extra + b * n, out);
    out[j] = plain_element(mode == Mode::rnn_relu, g[j] + bias[j]);
  }
};

// Four elements, which have one draw.
template <class T>
struct Drop {
  PhiloxKey key;
  int64_t n;
  uint64_t first;
  float p;
  T scale;
  bool training;
  const T* x;
  T *mask, *out;
  MIXNET_ON_DEVICE void operator()(int64_t block) const {
    const PhiloxBlock draw = philox(key, first + static_cast<uint64_t>(block));
    for (int64_t i = 4 * block; i < n && i < 4 * block + 4; ++i) {
      const T m = !training ? T(1) : uniform_float(draw.word[i % 4]) >= p ? scale : T(0);
      if (mask) mask[i] = m;
      out[i] = x[i] * m;
    }
  }
};

template <class T>
struct Multiply {
  const T *a, *b;
  T* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { y[i] = a[i] * b[i]; }
};

template <class T>
class GpuForward {
 public:
  GpuForward(const Params& p, const RunContext& r)
      : p_(p), r_(r), s_(p, r.in[0].shape), reserve_(r.out[p.reserve_output()].as<T>()), parts_(r.context.workspace) {
    bias_ = parts_.take(5 * s_.hidden);
    if (p.mode == Mode::gru) part_ = parts_.take(s_.batch * s_.lines);
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
      if (reserve_ || r_.context.training) drop(layer, y, dropped);
      x = dropped;
    }
  }

 private:
  void drop(int64_t layer, const T* x, T* out) {
    const int64_t n = s_.rows() * s_.width(), blocks = (n + 3) / 4;
    const T scale = p_.p < 1 ? T(1) / static_cast<T>(1 - p_.p) : T(0);
    T* mask = reserve_ ? reserve_ + s_.kept_mask(layer) : nullptr;
    OnGpu::each(r_, blocks, 1,
                Drop<T>{r_.context.random, n, static_cast<uint64_t>(layer * blocks), static_cast<float>(p_.p), scale,
                        r_.context.training, x, mask, out});
  }
  void copy_rows(const T* from, T* to, int64_t from_step) {
    OnGpu::each(r_, s_.batch * s_.hidden, 1, CopyRows<T>{from, to, s_.hidden, from_step, s_.hidden});
  }

  void run_direction(int64_t layer, int64_t d, const T* x, T* y) {
    Stream& stream = *r_.context.stream;
    const T* w = r_.in[1].as<T>();
    const int64_t n = s_.hidden, at = s_.state(layer, d), k = s_.layer_input(layer), lines = s_.lines,
                  width = s_.width(), batch = s_.batch;
    const bool kept = reserve_ && !s_.plain, gru = p_.mode == Mode::gru;
    T* gates = kept ? reserve_ + s_.kept(layer, d) : gates_;
    T* extra = kept ? gates + s_.rows() * lines : extra_;
    OnGpu::each(r_, lines, 1, JoinBias<T>{w + s_.bias(layer, d), bias_, lines, gru ? 2 * n : lines});
    gpu::product<T>(stream, 1,
                    {false, true, s_.rows(), lines, k, 1, {x, k}, {w + s_.weight(layer, d), k}, 0, {gates, lines}});
    const T *h0 = r_.in[2].as<T>() + at, *c0 = p_.cell() ? r_.in[3].as<T>() + at : nullptr, *h = h0, *c = c0;
    const int64_t extra_step = kept ? batch * n : 0;
    int64_t h_step = n;
    const Walk walk{s_.steps, d == 1};
    for (int64_t i = 0; i < s_.steps; ++i) {
      const int64_t t = walk.step(i);
      T *sums = gates + t * batch * lines, *now = extra + t * extra_step, *out = y + d * n + t * batch * width;
      gpu::product<T>(stream, 1,
                      {false,
                       true,
                       batch,
                       lines,
                       n,
                       1,
                       {h, h_step},
                       {w + s_.state_weight(layer, d), n},
                       gru ? T(0) : T(1),
                       {gru ? part_ : sums, lines}});
      OnGpu::each(r_, batch * n, 1, Step<T>{p_.mode, n, lines, width, h_step, bias_, part_, h, c, sums, now, out});
      h = out;
      h_step = width;
      c = now;
    }
    if (!p_.state_outputs) return;
    if (T* last = r_.out[1].as<T>()) copy_rows(h, last + at, h_step);
    if (p_.cell() && r_.out[2].data) copy_rows(c, r_.out[2].as<T>() + at, n);
  }

  const Params& p_;
  const RunContext& r_;
  const Sizes s_;
  T *reserve_, *bias_, *part_ = nullptr, *gates_ = nullptr, *extra_ = nullptr, *buffer_[2] = {};
  Parts<T> parts_;
};

template <class T>
struct StepBack {
  Mode mode;
  int64_t n, lines, width, h_step;
  const T *gates, *extra, *h, *c, *y, *dy;
  T *dh, *dc, *sums, *state_sums;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t b = e / n, j = e % n;
    const T *g = gates + b * lines, *top = dy + b * width;
    T* s = sums + b * lines;
    if (mode == Mode::lstm)
      return lstm_element_backward(n, j, g, c + b * n, extra + b * n, top, dh + b * n, dc + b * n, s);
    if (mode == Mode::gru)
      return gru_element_backward(n, j, g, extra + b * n, h + b * h_step, top, dh + b * n, s, state_sums + b * lines);
    s[j] = plain_element_backward(mode == Mode::rnn_relu, y[b * width + j], top[j] + dh[b * n + j]);
  }
};

// Sums of columns, by one thread each.
template <class T>
struct ColumnSum {
  const T* x;
  T* y;
  int64_t rows, columns;
  MIXNET_ON_DEVICE void operator()(int64_t j) const {
    T sum = 0;
    for (int64_t i = 0; i < rows; ++i) sum += x[i * columns + j];
    y[j] = sum;
  }
};

template <class T>
class GpuBackward {
 public:
  GpuBackward(const Params& p, const RunContext& r)
      : p_(p), r_(r), s_(p, r.in[p.reserve_output()].shape), parts_(r.context.workspace) {
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
      const T *y = layer == s_.layers - 1 ? in(r_.in.size() - 2) : reserve_ + s_.kept_output(layer),
              *x = layer > 0 ? layer_input(layer) : in(first());
      T* dx = layer > 0 ? dy_[(layer - 1) % 2] : r_.out[0].as<T>();
      for (int64_t d = 0; d < s_.directions; ++d) run_direction(layer, d, x, y, dy, dx);
      if (layer > 0 && s_.dropout) OnGpu::each(r_, n, 1, Multiply<T>{dx, reserve_ + s_.kept_mask(layer - 1), dx});
      dy = dx;
    }
  }

 private:
  using P = gpu::Product<T>;
  const T* in(size_t i) const { return r_.in[i].template as<T>(); }
  size_t first() const { return p_.reserve_output(); }  // the forward inputs follow the gradients
  void product(const P& p) const { gpu::product(*r_.context.stream, 1, p); }
  void copy(const T* from, T* to, int64_t n) const {
    if (n > 0) r_.context.stream->copy(to, from, static_cast<size_t>(n) * sizeof(T));
  }

  const T* layer_input(int64_t layer) {
    const T* y = reserve_ + s_.kept_output(layer - 1);
    if (!s_.dropout) return y;
    OnGpu::each(r_, s_.rows() * s_.width(), 1, Multiply<T>{y, reserve_ + s_.kept_mask(layer - 1), dropped_});
    return dropped_;
  }

  void run_direction(int64_t layer, int64_t d, const T* x, const T* y, const T* dy, T* dx) {
    const int64_t n = s_.hidden, at = s_.state(layer, d), k = s_.layer_input(layer), states = s_.batch * n;
    start(p_.state_outputs ? in(1) : nullptr, at, dh_);
    start(p_.state_outputs && p_.cell() ? in(2) : nullptr, at, dc_);
    walk_back(layer, d, y + d * n, dy + d * n);
    if (dx)
      product({false,
               false,
               s_.rows(),
               k,
               s_.lines,
               1,
               {sums_, s_.lines},
               {w_ + s_.weight(layer, d), k},
               d == 0 ? T(0) : T(1),
               {dx, k}});
    if (r_.out[1].data) add_weights(layer, d, x, y + d * n);
    if (T* h = r_.out[2].as<T>()) copy(dh_, h + at, states);
    if (p_.cell() && r_.out[3].data) copy(dc_, r_.out[3].as<T>() + at, states);
  }
  void start(const T* from, int64_t at, T* to) const {
    const int64_t n = s_.batch * s_.hidden;
    if (from) copy(from + at, to, n);
    else if (n > 0) r_.context.stream->fill_zero(to, static_cast<size_t>(n) * sizeof(T));
  }

  // Gradients of the sums of all steps, last visited first; leaves those of the initial states.
  void walk_back(int64_t layer, int64_t d, const T* y, const T* dy) {
    const int64_t n = s_.hidden, lines = s_.lines, width = s_.width(), batch = s_.batch, at = s_.state(layer, d);
    const T *h0 = in(first() + 2) + at, *c0 = p_.cell() ? in(first() + 3) + at : nullptr;
    const T *kept = reserve_ + s_.kept(layer, d), *extras = kept + s_.rows() * lines;
    const Walk walk{s_.steps, d == 1};
    for (int64_t i = s_.steps - 1; i >= 0; --i) {
      const int64_t t = walk.step(i), before = i > 0 ? walk.step(i - 1) : 0;
      const T *h = i > 0 ? y + before * batch * width : h0, *c = i > 0 ? extras + before * batch * n : c0;
      T *sums = sums_ + t * batch * lines, *state_sums = state_sums_ + t * batch * lines;
      OnGpu::each(
          r_, batch * n, 1,
          StepBack<T>{p_.mode, n, lines, width, i > 0 ? width : n, kept + t * batch * lines, extras + t * batch * n, h,
                      c, y + t * batch * width, dy + t * batch * width, dh_, dc_, sums, state_sums});
      product({false,
               false,
               batch,
               n,
               lines,
               1,
               {state_sums, lines},
               {w_ + s_.state_weight(layer, d), n},
               p_.mode == Mode::gru ? T(1) : T(0),
               {dh_, n}});
    }
  }

  void add_weights(int64_t layer, int64_t d, const T* x, const T* y) {
    T *dw = r_.out[1].as<T>(), *state = dw + s_.state_weight(layer, d), *bias = dw + s_.bias(layer, d);
    const int64_t n = s_.hidden, lines = s_.lines, k = s_.layer_input(layer), batch = s_.batch,
                  most = std::max<int64_t>(0, s_.steps - 1) * batch;
    product({true, false, lines, k, s_.rows(), 1, {sums_, lines}, {x, k}, 0, {dw + s_.weight(layer, d), k}});
    // The state before a step: the output of the step visited before it, first the initial state.
    const T *now = state_sums_, *begin = state_sums_, *previous = y;
    if (d == 0) now += batch * lines;
    else {
      previous += batch * s_.width();
      begin += most * lines;
    }
    product({true, false, lines, n, most, 1, {now, lines}, {previous, s_.width()}, 0, {state, n}});
    if (s_.steps > 0)
      product(
          {true, false, lines, n, batch, 1, {begin, lines}, {in(first() + 2) + s_.state(layer, d), n}, 1, {state, n}});
    OnGpu::each(r_, lines, 1, ColumnSum<T>{sums_, bias, s_.rows(), lines});
    OnGpu::each(r_, lines, 1, ColumnSum<T>{state_sums_, bias + lines, s_.rows(), lines});
  }

  const Params& p_;
  const RunContext& r_;
  const Sizes s_;
  const T *w_, *reserve_;
  T *sums_, *state_sums_, *dh_, *dc_, *dy_[2] = {}, *dropped_ = nullptr;
  Parts<T> parts_;
};

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "RNN", [&](auto tag) { GpuForward<typename decltype(tag)::type>(p, r).run(); });
}
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "RNN", [&](auto tag) { GpuBackward<typename decltype(tag)::type>(p, r).run(); });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu_reserve = cudnn_reserve;
  gpu::prepared(registry, "RNN", prepare_cudnn_forward);
  gpu::prepared(registry, "_backward_RNN", prepare_cudnn_backward);
  gpu::wide<Params>(registry, "RNN", forward, forward_bytes);
  gpu::wide<Params>(registry, "_backward_RNN", backward, backward_bytes);
  for (const char* name : {"RNN", "_backward_RNN"}) registry.existing(name).many_kernels = true;
}

}  // namespace mixnet::op::rnn
