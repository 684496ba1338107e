// Recurrent layers as they are defined, step by step in double: what cuDNN's stand-in computes with. Gates are numbered as cuDNN does: i, f, g, o of an LSTM; r, z, n
// of a GRU; first those of the input, then those of the state.
#pragma once
#include <cmath>
#include <vector>

#include "plain_convolution.h"

namespace stand_in {

constexpr int cell_relu = 0, cell_lstm = 2, cell_gru = 3;

// Where a lane's matrices and biases lie in the weight space, in bytes.
struct WeightPlaces {
  std::vector<size_t> matrix, bias;  // by lane * 2 gates + which
  size_t bytes = 0;
};

struct RnnShape {
  int cell = 0, dtype = 0;
  int64_t layers = 0, directions = 0, steps = 0, batch = 0, input = 0, hidden = 0;

  int64_t gates() const { return cell == cell_lstm ? 4 : cell == cell_gru ? 3 : 1; }
  int64_t lanes() const { return layers * directions; }
  int64_t width() const { return directions * hidden; }
  int64_t rows() const { return steps * batch; }
  int64_t columns(int64_t layer) const { return layer == 0 ? input : width(); }
  int64_t columns_of(int64_t lane, int64_t which) const {
    return which < gates() ? columns(lane / directions) : hidden;
  }
  // Doubles of the reserve: what it is good for, then per lane gates, extra values and outputs.
  int64_t kept_lane() const { return rows() * (gates() + 2) * hidden; }
  int64_t reserve() const { return 1 + lanes() * kept_lane(); }

  // `reversed`: with everything the other way round, biases first and gaps; otherwise without gaps, all matrices, then all biases.
  WeightPlaces places(bool reversed) const {
    WeightPlaces p;
    const int64_t count = lanes() * 2 * gates();
    p.matrix.resize(static_cast<size_t>(count));
    p.bias.resize(static_cast<size_t>(count));
    const size_t item = element(dtype);
    const auto take = [&](int64_t elements) {
      const size_t at = p.bytes;
      p.bytes += static_cast<size_t>(elements) * item;
      if (reversed) p.bytes = (p.bytes / 64 + 1) * 64;
      return at;
    };
    for (int pass = 0; pass < 2; ++pass) {
      for (int64_t i = 0; i < count; ++i) {
        const int64_t at = reversed ? count - 1 - i : i, lane = at / (2 * gates()), which = at % (2 * gates());
        if ((pass == 0) == reversed) p.bias[static_cast<size_t>(at)] = take(hidden);
        else p.matrix[static_cast<size_t>(at)] = take(hidden * columns_of(lane, which));
      }
    }
    return p;
  }
};

struct RnnWork {
  RnnShape s;
  WeightPlaces places;
  char *x = nullptr, *y = nullptr, *h = nullptr, *c = nullptr, *last_h = nullptr, *last_c = nullptr, *weights = nullptr;
  char *dx = nullptr, *dy = nullptr, *dh = nullptr, *dc = nullptr;  // last_h, last_c: their gradients, in backward
  double* reserve = nullptr;

  static double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }
  double load(const char* at, int64_t i) const { return placed(const_cast<char*>(at)).load(i); }
  void store(char* at, int64_t i, double v) const { placed(at).store(i, v); }

  // Kept of a lane, at a step and sample: gate values or their sums' gradients, extra (the cell, or the state's sum of n), output.
  double& gate(int64_t lane, int64_t row, int64_t g, int64_t j) const {
    return reserve[1 + lane * s.kept_lane() + (row * s.gates() + g) * s.hidden + j];
  }
  double& extra(int64_t lane, int64_t row, int64_t j) const {
    return reserve[1 + lane * s.kept_lane() + (s.rows() * s.gates() + row) * s.hidden + j];
  }
  double& output(int64_t lane, int64_t row, int64_t j) const {
    return reserve[1 + lane * s.kept_lane() + (s.rows() * (s.gates() + 1) + row) * s.hidden + j];
  }
  double layer_input(int64_t layer, int64_t row, int64_t k) const {
    if (layer == 0) return load(x, row * s.input + k);
    return output((layer - 1) * s.directions + k / s.hidden, row, k % s.hidden);
  }
  int64_t step(int64_t lane, int64_t i) const { return lane % s.directions == 1 ? s.steps - 1 - i : i; }
  // The state before the i-th step of a lane.
  double state(int64_t lane, int64_t i, int64_t b, int64_t j) const {
    if (i > 0) return output(lane, step(lane, i - 1) * s.batch + b, j);
    return h ? load(h, (lane * s.batch + b) * s.hidden + j) : 0;
  }
  double cell(int64_t lane, int64_t i, int64_t b, int64_t j) const {
    if (i > 0) return extra(lane, step(lane, i - 1) * s.batch + b, j);
    return c ? load(c, (lane * s.batch + b) * s.hidden + j) : 0;
  }
  double weight(int64_t lane, int64_t which, int64_t row, int64_t k) const {
    return load(weights + places.matrix[place(lane, which)], row * s.columns_of(lane, which) + k);
  }
  double bias(int64_t lane, int64_t which, int64_t row) const {
    return load(weights + places.bias[place(lane, which)], row);
  }

  void forward() const {
    for (int64_t lane = 0; lane < s.lanes(); ++lane) {
      for (int64_t i = 0; i < s.steps; ++i) {
        for (int64_t b = 0; b < s.batch; ++b) {
          for (int64_t j = 0; j < s.hidden; ++j) forward_element(lane, i, b, j);
        }
      }
      for (int64_t b = 0; b < s.batch; ++b) {
        for (int64_t j = 0; j < s.hidden; ++j) {
          const int64_t at = (lane * s.batch + b) * s.hidden + j;
          if (last_h) store(last_h, at, state(lane, s.steps, b, j));
          if (last_c && s.cell == cell_lstm) store(last_c, at, cell(lane, s.steps, b, j));
        }
      }
    }
    const int64_t first = (s.layers - 1) * s.directions;
    for (int64_t row = 0; row < s.rows(); ++row) {
      for (int64_t k = 0; k < s.width(); ++k)
        store(y, row * s.width() + k, output(first + k / s.hidden, row, k % s.hidden));
    }
  }

  void forward_element(int64_t lane, int64_t i, int64_t b, int64_t j) const {
    const int64_t gates = s.gates(), row = step(lane, i) * s.batch + b, layer = lane / s.directions;
    double in[4], from_state[4];
    for (int64_t g = 0; g < gates; ++g) {
      in[g] = bias(lane, g, j);
      from_state[g] = bias(lane, gates + g, j);
      for (int64_t k = 0; k < s.columns(layer); ++k) in[g] += weight(lane, g, j, k) * layer_input(layer, row, k);
      for (int64_t k = 0; k < s.hidden; ++k) from_state[g] += weight(lane, gates + g, j, k) * state(lane, i, b, k);
    }
    const auto sum = [&](int g) { return in[g] + from_state[g]; };
    double value = 0;
    if (s.cell == cell_lstm) {
      const double v[] = {sigmoid(sum(0)), sigmoid(sum(1)), std::tanh(sum(2)), sigmoid(sum(3))};
      const double now = v[1] * cell(lane, i, b, j) + v[0] * v[2];
      for (int64_t g = 0; g < 4; ++g) gate(lane, row, g, j) = v[g];
      extra(lane, row, j) = now;
      value = v[3] * std::tanh(now);
    } else if (s.cell == cell_gru) {
      const double r = sigmoid(sum(0)), z = sigmoid(sum(1)), n = std::tanh(in[2] + r * from_state[2]);
      const double v[] = {r, z, n};
      for (int64_t g = 0; g < 3; ++g) gate(lane, row, g, j) = v[g];
      extra(lane, row, j) = from_state[2];
      value = (1 - z) * n + z * state(lane, i, b, j);
    } else value = s.cell == cell_relu ? std::fmax(0, sum(0)) : std::tanh(sum(0));
    output(lane, row, j) = value;
  }

  // Leaves the gradients of the gates' sums in their places; of a GRU's n, the state's sum has its own, in `extra`.
  void backward_data() const {
    std::vector<double> above(static_cast<size_t>(s.rows() * s.width()));
    for (size_t i = 0; i < above.size(); ++i) above[i] = load(dy, static_cast<int64_t>(i));
    for (int64_t layer = s.layers - 1; layer >= 0; --layer) {
      std::vector<double> below(static_cast<size_t>(s.rows() * s.columns(layer)), 0);
      for (int64_t d = 0; d < s.directions; ++d) lane_back(layer * s.directions + d, above, below);
      above = below;
    }
    for (size_t i = 0; i < above.size(); ++i) store(dx, static_cast<int64_t>(i), above[i]);
  }

  void lane_back(int64_t lane, const std::vector<double>& above, std::vector<double>& below) const {
    const int64_t n = s.hidden, layer = lane / s.directions, columns = s.columns(layer), first = lane * s.batch * n;
    std::vector<double> d_state(static_cast<size_t>(s.batch * n)), d_cell(d_state.size());
    for (size_t e = 0; e < d_state.size(); ++e) {
      d_state[e] = last_h ? load(last_h, first + static_cast<int64_t>(e)) : 0;
      d_cell[e] = last_c ? load(last_c, first + static_cast<int64_t>(e)) : 0;
    }
    for (int64_t i = s.steps - 1; i >= 0; --i) {
      for (int64_t b = 0; b < s.batch; ++b) {
        const int64_t row = step(lane, i) * s.batch + b;
        std::vector<double> before(static_cast<size_t>(n), 0);
        for (int64_t j = 0; j < n; ++j) {
          const auto e = static_cast<size_t>(b * n + j);
          const double top = above[static_cast<size_t>(row * s.width() + lane % s.directions * n + j)] + d_state[e];
          before[static_cast<size_t>(j)] = element_back(lane, i, b, j, top, d_cell[e]);
        }
        for (int64_t j = 0; j < n; ++j) {
          for (int64_t g = 0; g < s.gates(); ++g) {
            const double in = gate(lane, row, g, j), of_state = state_sum(lane, row, g, j);
            for (int64_t k = 0; k < columns; ++k)
              below[static_cast<size_t>(row * columns + k)] += in * weight(lane, g, j, k);
            for (int64_t k = 0; k < n; ++k)
              before[static_cast<size_t>(k)] += of_state * weight(lane, s.gates() + g, j, k);
          }
        }
        for (int64_t j = 0; j < n; ++j) d_state[static_cast<size_t>(b * n + j)] = before[static_cast<size_t>(j)];
      }
    }
    for (size_t e = 0; e < d_state.size(); ++e) {
      if (dh) store(dh, first + static_cast<int64_t>(e), d_state[e]);
      if (dc) store(dc, first + static_cast<int64_t>(e), d_cell[e]);
    }
  }

  // Gives what goes straight to the state before.
  double element_back(int64_t lane, int64_t i, int64_t b, int64_t j, double top, double& d_cell) const {
    const int64_t row = step(lane, i) * s.batch + b;
    if (s.cell == cell_lstm) {
      const double in = gate(lane, row, 0, j), forget = gate(lane, row, 1, j), fresh = gate(lane, row, 2, j),
                   out = gate(lane, row, 3, j), squashed = std::tanh(extra(lane, row, j));
      const double inner = d_cell + top * out * (1 - squashed * squashed);
      gate(lane, row, 0, j) = inner * fresh * in * (1 - in);
      gate(lane, row, 1, j) = inner * cell(lane, i, b, j) * forget * (1 - forget);
      gate(lane, row, 2, j) = inner * in * (1 - fresh * fresh);
      gate(lane, row, 3, j) = top * squashed * out * (1 - out);
      d_cell = inner * forget;
      return 0;
    }
    if (s.cell == cell_gru) {
      const double r = gate(lane, row, 0, j), z = gate(lane, row, 1, j), n = gate(lane, row, 2, j);
      const double dn = top * (1 - z) * (1 - n * n);
      gate(lane, row, 0, j) = dn * extra(lane, row, j) * r * (1 - r);
      gate(lane, row, 1, j) = top * (state(lane, i, b, j) - n) * z * (1 - z);
      gate(lane, row, 2, j) = dn;
      extra(lane, row, j) = dn * r;
      return top * z;
    }
    const double value = output(lane, row, j);
    gate(lane, row, 0, j) = s.cell == cell_relu ? (value > 0 ? top : 0) : top * (1 - value * value);
    return 0;
  }
  double state_sum(int64_t lane, int64_t row, int64_t g, int64_t j) const {
    return s.cell == cell_gru && g == 2 ? extra(lane, row, j) : gate(lane, row, g, j);
  }

  // Adds to `weights`, which is the gradient here.
  void backward_weights() const {
    for (int64_t lane = 0; lane < s.lanes(); ++lane) {
      for (int64_t which = 0; which < 2 * s.gates(); ++which) {
        for (int64_t j = 0; j < s.hidden; ++j) gate_back(lane, which, j);
      }
    }
  }
  void gate_back(int64_t lane, int64_t which, int64_t j) const {
    const int64_t g = which % s.gates(), columns = s.columns_of(lane, which);
    const bool of_state = which >= s.gates();
    std::vector<double> sums(static_cast<size_t>(columns), 0);
    double sum = 0;
    for (int64_t i = 0; i < s.steps; ++i) {
      for (int64_t b = 0; b < s.batch; ++b) {
        const int64_t row = step(lane, i) * s.batch + b;
        const double d = of_state ? state_sum(lane, row, g, j) : gate(lane, row, g, j);
        sum += d;
        for (int64_t k = 0; k < columns; ++k)
          sums[static_cast<size_t>(k)] +=
              d * (of_state ? state(lane, i, b, k) : layer_input(lane / s.directions, row, k));
      }
    }
    char* const matrix = weights + places.matrix[place(lane, which)];
    char* const bias_at = weights + places.bias[place(lane, which)];
    for (int64_t k = 0; k < columns; ++k)
      store(matrix, j * columns + k, load(matrix, j * columns + k) + sums[static_cast<size_t>(k)]);
    store(bias_at, j, load(bias_at, j) + sum);
  }

 private:
  size_t place(int64_t lane, int64_t which) const { return static_cast<size_t>(lane * 2 * s.gates() + which); }
  Placed placed(char* at) const {
    Placed p;
    p.t.dtype = s.dtype;
    p.at = at;
    return p;
  }
};

}  // namespace stand_in
