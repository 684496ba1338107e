// One time step of each cell, elementwise: gates from their sums, and the sums' gradients from the gates. One row is one
// sample. Loops are free of dependencies although some arrays may be the same.
#pragma once
#include "base/independent.h"
#include "op/core/exponential.h"
#include "op/rnn/rnn.h"

namespace mixnet::op::rnn {

template <class T>
T sigmoid(T x) {
  return 1 / (1 + functions::exponential(-x));
}

// gates: sums in, gates out. cell and previous may be one array.
template <class T>
void lstm_row(int64_t n, const T* bias, const T* previous, T* gates, T* cell, T* h) {
  T *input = gates, *forget = gates + n, *fresh = gates + 2 * n, *output = gates + 3 * n;
  MIXNET_INDEPENDENT
  for (int64_t j = 0; j < n; ++j) {
    const T i = sigmoid(input[j] + bias[j]), f = sigmoid(forget[j] + bias[n + j]);
    const T g = functions::hyperbolic_tangent(fresh[j] + bias[2 * n + j]), o = sigmoid(output[j] + bias[3 * n + j]);
    const T c = f * previous[j] + i * g;
    input[j] = i;
    forget[j] = f;
    fresh[j] = g;
    output[j] = o;
    cell[j] = c;
    h[j] = o * functions::hyperbolic_tangent(c);
  }
}

// gates: sums of the input in, gates out; part: sums of the state. bias: of r, z, n's input and n's state.
template <class T>
void gru_row(int64_t n, const T* bias, const T* part, const T* previous, T* gates, T* kept, T* h) {
  T *reset = gates, *update = gates + n, *fresh = gates + 2 * n;
  MIXNET_INDEPENDENT
  for (int64_t j = 0; j < n; ++j) {
    const T r = sigmoid(reset[j] + part[j] + bias[j]), z = sigmoid(update[j] + part[n + j] + bias[n + j]);
    const T state = part[2 * n + j] + bias[3 * n + j];
    const T fresh_value = functions::hyperbolic_tangent(fresh[j] + bias[2 * n + j] + r * state);
    const T y = (1 - z) * fresh_value + z * previous[j];
    reset[j] = r;
    update[j] = z;
    fresh[j] = fresh_value;
    kept[j] = state;
    h[j] = y;
  }
}

template <class T>
void plain_row(int64_t n, bool relu, const T* bias, const T* sums, T* h) {
  if (relu) {
    MIXNET_INDEPENDENT
    for (int64_t j = 0; j < n; ++j) {
      const T x = sums[j] + bias[j];
      h[j] = x > 0 ? x : (x != x ? x : T(0));
    }
    return;
  }
  MIXNET_INDEPENDENT
  for (int64_t j = 0; j < n; ++j) h[j] = functions::hyperbolic_tangent(sums[j] + bias[j]);
}

//[full
// dy: the output's gradient; dh: the one from the next step; dc: the cell's, moved to the step before.
template <class T>
void lstm_row_backward(int64_t n, const T* gates, const T* previous, const T* cell, const T* dy, const T* dh, T* dc,
                       T* sums) {
  const T *input = gates, *forget = gates + n, *fresh = gates + 2 * n, *output = gates + 3 * n;
  MIXNET_INDEPENDENT
  for (int64_t j = 0; j < n; ++j) {
    const T i = input[j], f = forget[j], g = fresh[j], o = output[j], d = dy[j] + dh[j];
    const T squashed = functions::hyperbolic_tangent(cell[j]);
    const T inner = dc[j] + d * o * (1 - squashed * squashed);
    sums[j] = inner * g * i * (1 - i);
    sums[n + j] = inner * previous[j] * f * (1 - f);
    sums[2 * n + j] = inner * i * (1 - g * g);
    sums[3 * n + j] = d * squashed * o * (1 - o);
    dc[j] = inner * f;
  }
}

// dh: in the gradient from the next step, out the share that goes straight to the step before.
template <class T>
void gru_row_backward(int64_t n, const T* gates, const T* kept, const T* previous, const T* dy, T* dh, T* sums,
                      T* state_sums) {
  const T *reset = gates, *update = gates + n, *fresh = gates + 2 * n;
  MIXNET_INDEPENDENT
  for (int64_t j = 0; j < n; ++j) {
    const T r = reset[j], z = update[j], g = fresh[j], d = dy[j] + dh[j];
    const T dn = d * (1 - z) * (1 - g * g), dr = dn * kept[j] * r * (1 - r), dz = d * (previous[j] - g) * z * (1 - z);
    sums[j] = state_sums[j] = dr;
    sums[n + j] = state_sums[n + j] = dz;
    sums[2 * n + j] = dn;
    state_sums[2 * n + j] = dn * r;
    dh[j] = d * z;
  }
}

template <class T>
void plain_row_backward(int64_t n, bool relu, const T* y, const T* dy, const T* dh, T* sums) {
  MIXNET_INDEPENDENT
  for (int64_t j = 0; j < n; ++j) {
    const T d = dy[j] + dh[j];
    sums[j] = relu ? (y[j] > 0 ? d : T(0)) : d * (1 - y[j] * y[j]);
  }
}
//]

}  // namespace mixnet::op::rnn
