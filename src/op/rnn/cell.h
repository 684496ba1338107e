// One time step of each cell, elementwise: gates from their sums, and the sums' gradients from the gates. One row is one
// sample, of which *_element does element j, on any device. Loops are free of dependencies although some arrays may be the same.
#pragma once
#include "base/independent.h"
#include "base/on_device.h"
#include "op/core/exponential.h"
#include "op/rnn/rnn.h"

namespace mixnet::op::rnn {

template <class T>
MIXNET_ON_DEVICE T sigmoid(T x) {
  return 1 / (1 + functions::exponential(-x));
}

// gates: sums in, gates out. cell and previous may be one array.
template <class T>
MIXNET_INLINE MIXNET_ON_DEVICE void lstm_element(int64_t n, int64_t j, const T* bias, const T* previous, T* gates,
                                                 T* cell, T* h) {
  const T i = sigmoid(gates[j] + bias[j]), f = sigmoid(gates[n + j] + bias[n + j]);
  const T g = functions::hyperbolic_tangent(gates[2 * n + j] + bias[2 * n + j]),
          o = sigmoid(gates[3 * n + j] + bias[3 * n + j]);
  const T c = f * previous[j] + i * g;
  gates[j] = i;
  gates[n + j] = f;
  gates[2 * n + j] = g;
  gates[3 * n + j] = o;
  cell[j] = c;
  h[j] = o * functions::hyperbolic_tangent(c);
}
template <class T>
void lstm_row(int64_t n, const T* bias, const T* previous, T* gates, T* cell, T* h) {
  MIXNET_INDEPENDENT
  for (int64_t j = 0; j < n; ++j) lstm_element(n, j, bias, previous, gates, cell, h);
}

// gates: sums of the input in, gates out; part: sums of the state. bias: of r, z, n's input and n's state.
template <class T>
MIXNET_INLINE MIXNET_ON_DEVICE void gru_element(int64_t n, int64_t j, const T* bias, const T* part, const T* previous,
                                                T* gates, T* kept, T* h) {
  const T r = sigmoid(gates[j] + part[j] + bias[j]), z = sigmoid(gates[n + j] + part[n + j] + bias[n + j]);
  const T state = part[2 * n + j] + bias[3 * n + j];
  const T fresh = functions::hyperbolic_tangent(gates[2 * n + j] + bias[2 * n + j] + r * state);
  const T y = (1 - z) * fresh + z * previous[j];
  gates[j] = r;
  gates[n + j] = z;
  gates[2 * n + j] = fresh;
  kept[j] = state;
  h[j] = y;
}
template <class T>
void gru_row(int64_t n, const T* bias, const T* part, const T* previous, T* gates, T* kept, T* h) {
  MIXNET_INDEPENDENT
  for (int64_t j = 0; j < n; ++j) gru_element(n, j, bias, part, previous, gates, kept, h);
}

template <class T>
MIXNET_ON_DEVICE T plain_element(bool relu, T x) {
  if (!relu) return functions::hyperbolic_tangent(x);
  return x > 0 ? x : (x != x ? x : T(0));
}
template <class T>
void plain_row(int64_t n, bool relu, const T* bias, const T* sums, T* h) {
  if (relu) {
    MIXNET_INDEPENDENT
    for (int64_t j = 0; j < n; ++j) h[j] = plain_element(true, sums[j] + bias[j]);
    return;
  }
  MIXNET_INDEPENDENT
  for (int64_t j = 0; j < n; ++j) h[j] = plain_element(false, sums[j] + bias[j]);
}

//[full
// dy: the output's gradient; dh: the one from the next step; dc: the cell's, moved to the step before.
template <class T>
MIXNET_INLINE MIXNET_ON_DEVICE void lstm_element_backward(int64_t n, int64_t j, const T* gates, const T* previous,
                                                          const T* cell, const T* dy, const T* dh, T* dc, T* sums) {
  const T i = gates[j], f = gates[n + j], g = gates[2 * n + j], o = gates[3 * n + j], d = dy[j] + dh[j];
  const T squashed = functions::hyperbolic_tangent(cell[j]);
  const T inner = dc[j] + d * o * (1 - squashed * squashed);
  sums[j] = inner * g * i * (1 - i);
  sums[n + j] = inner * previous[j] * f * (1 - f);
  sums[2 * n + j] = inner * i * (1 - g * g);
  sums[3 * n + j] = d * squashed * o * (1 - o);
  dc[j] = inner * f;
}
template <class T>
void lstm_row_backward(int64_t n, const T* gates, const T* previous, const T* cell, const T* dy, const T* dh, T* dc,
                       T* sums) {
  MIXNET_INDEPENDENT
  for (int64_t j = 0; j < n; ++j) lstm_element_backward(n, j, gates, previous, cell, dy, dh, dc, sums);
}

// dh: in the gradient from the next step, out the share that goes straight to the step before.
template <class T>
MIXNET_INLINE MIXNET_ON_DEVICE void gru_element_backward(int64_t n, int64_t j, const T* gates, const T* kept,
                                                         const T* previous, const T* dy, T* dh, T* sums,
                                                         T* state_sums) {
  const T r = gates[j], z = gates[n + j], g = gates[2 * n + j], d = dy[j] + dh[j];
  const T dn = d * (1 - z) * (1 - g * g), dr = dn * kept[j] * r * (1 - r), dz = d * (previous[j] - g) * z * (1 - z);
  sums[j] = state_sums[j] = dr;
  sums[n + j] = state_sums[n + j] = dz;
  sums[2 * n + j] = dn;
  state_sums[2 * n + j] = dn * r;
  dh[j] = d * z;
}
template <class T>
void gru_row_backward(int64_t n, const T* gates, const T* kept, const T* previous, const T* dy, T* dh, T* sums,
                      T* state_sums) {
  MIXNET_INDEPENDENT
  for (int64_t j = 0; j < n; ++j) gru_element_backward(n, j, gates, kept, previous, dy, dh, sums, state_sums);
}

// y: the output, of which the slope is a function.
template <class T>
MIXNET_ON_DEVICE T plain_element_backward(bool relu, T y, T d) {
  return relu ? (y > 0 ? d : T(0)) : d * (1 - y * y);
}
template <class T>
void plain_row_backward(int64_t n, bool relu, const T* y, const T* dy, const T* dh, T* sums) {
  MIXNET_INDEPENDENT
  for (int64_t j = 0; j < n; ++j) sums[j] = plain_element_backward(relu, y[j], dy[j] + dh[j]);
}
//]

}  // namespace mixnet::op::rnn
