// What the kernels of RNN share: parameters, extents, and where things lie in the packed vectors.
//
// Packed parameters: for every layer and direction the input weight (gates * hidden, input) and the state weight
// (gates * hidden, hidden); after all of them, in the same order, the input bias and the state bias. Gates are i, f, g, o
// in an LSTM and r, z, n in a GRU. A layer's output (steps, batch, directions * hidden) is the next one's input.
#pragma once
#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "op/core/builder.h"

namespace mixnet::op::rnn {

enum class Mode { gru, lstm, rnn_relu, rnn_tanh };

struct Params {
  int64_t state_size = 1, num_layers = 1;
  bool bidirectional = false;
  Mode mode = Mode::lstm;
  double p = 0;
  bool state_outputs = false;
  std::optional<int64_t> projection_size;
  std::optional<double> clip_min, clip_max;
  bool clip_nan = false, use_sequence_length = false;

  int64_t directions() const { return bidirectional ? 2 : 1; }
  int64_t gates() const { return mode == Mode::lstm ? 4 : mode == Mode::gru ? 3 : 1; }
  bool cell() const { return mode == Mode::lstm; }
  // Position of the inputs and outputs behind the cell state, which only an LSTM has.
  size_t reserve_output() const { return state_outputs ? (cell() ? 3 : 2) : 1; }
};

struct Sizes {
  int64_t steps, batch, input, hidden, layers, directions, lines;
  bool dropout, plain;  // plain: one gate, which is the output itself
  int64_t extra;        // columns that are kept besides the gates: an LSTM's cell, a GRU's state part of n

  Sizes(const Params& p, const Shape& data)
      : steps(data[0]),
        batch(data[1]),
        input(data[2]),
        hidden(p.state_size),
        layers(p.num_layers),
        directions(p.directions()),
        lines(p.gates() * hidden),
        dropout(p.p > 0 && layers > 1),
        plain(p.gates() == 1),
        extra(plain ? 0 : hidden) {}

  int64_t rows() const { return steps * batch; }
  int64_t width() const { return directions * hidden; }
  int64_t layer_input(int64_t layer) const { return layer == 0 ? input : width(); }
  int64_t state(int64_t layer, int64_t direction) const { return (layer * directions + direction) * batch * hidden; }

  // The input weight; the state weight follows it.
  int64_t weight(int64_t layer, int64_t direction) const {
    const int64_t before = layer == 0 ? 0 : directions * lines * ((input + hidden) + (layer - 1) * (width() + hidden));
    return before + direction * lines * (layer_input(layer) + hidden);
  }
  int64_t state_weight(int64_t layer, int64_t direction) const {
    return weight(layer, direction) + lines * layer_input(layer);
  }
  // The input bias; the state bias follows it.
  int64_t bias(int64_t layer, int64_t direction) const {
    return weight(layers, 0) + (layer * directions + direction) * 2 * lines;
  }
  int64_t parameters() const { return bias(layers, 0); }

  // What backward needs, per layer: for each direction gates and extra columns, then the output and the dropout mask
  // unless the layer is the last.
  int64_t kept_columns() const { return plain ? 0 : lines + extra; }
  int64_t kept(int64_t layer, int64_t direction) const {
    const int64_t per_layer = directions * kept_columns() + width() * (dropout ? 2 : 1);
    return rows() * (layer * per_layer + direction * kept_columns());
  }
  int64_t kept_output(int64_t layer) const { return kept(layer, directions); }
  int64_t kept_mask(int64_t layer) const { return kept_output(layer) + rows() * width(); }
  int64_t reserve() const { return kept_output(layers - 1); }
};

// Elements of the reserve with which a GPU's library can do it; 0 where it cannot. Set by rnn.cu. A longer reserve is for either.
using GpuReserve = int64_t (*)(const Params&, const Sizes&, int gpu);
inline std::atomic<GpuReserve> gpu_reserve{nullptr};

// Takes parts off a workspace.
template <class T>
class Parts {
 public:
  explicit Parts(void* at) : at_(static_cast<T*>(at)) {}
  T* take(int64_t n) { return std::exchange(at_, at_ + round(n)); }
  static int64_t round(int64_t n) { return (n + 15) / 16 * 16; }

 private:
  T* at_;
};

// The order in which a direction visits the steps.
struct Walk {
  int64_t steps;
  bool backwards;
  int64_t step(int64_t i) const { return backwards ? steps - 1 - i : i; }
};

// f(sample) for the samples of one step.
template <class F>
void for_batch(const Sizes& s, const F& f) {
  parallel_for(s.batch, std::max<int64_t>(1, 8192 / s.lines), [&](int64_t first, int64_t last) {
    for (int64_t b = first; b < last; ++b) f(b);
  });
}

}  // namespace mixnet::op::rnn
