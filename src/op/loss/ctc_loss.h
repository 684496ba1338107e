// The states of CTC and how one leads to another; everything as logarithms.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/on_device.h"
#include "base/span.h"
#include "device/tensor_view.h"

namespace mixnet::op::ctc_loss {

enum class Blank { first, last };
struct Params {
  bool use_data_lengths = false, use_label_lengths = false;
  Blank blank_label = Blank::first;
};

template <class T>
MIXNET_ON_DEVICE T log_add(T a, T b) {
  const T top = std::max(a, b), low = std::min(a, b);
  return low == -std::numeric_limits<T>::infinity() ? top : top + std::log1p(std::exp(low - top));
}

// The sequences of a batch: scores (T, N, C), labels (N, L). Numbers are stored as In and computed in T.
template <class T, class In = T>
struct Batch {
  const In *scores, *labels, *data_lengths = nullptr, *label_lengths = nullptr;
  int64_t steps, count, classes, width;
  bool blank_first;

  Batch(const Params& p, Span<const TensorView> in)
      : scores(in[0].as<In>()), labels(in[1].as<In>()), blank_first(p.blank_label == Blank::first) {
    steps = in[0].shape[0];
    count = in[0].shape[1];
    classes = in[0].shape[2];
    width = in[1].shape[1];
    size_t next = 2;
    if (p.use_data_lengths) data_lengths = in[next++].as<In>();
    if (p.use_label_lengths) label_lengths = in[next].as<In>();
  }
  MIXNET_ON_DEVICE int64_t blank() const { return blank_first ? 0 : classes - 1; }
  MIXNET_ON_DEVICE static int64_t limited(T value, int64_t most) {
    return !(value > 0) ? 0 : value >= static_cast<T>(most) ? most : static_cast<int64_t>(value);
  }
  MIXNET_ON_DEVICE int64_t length(int64_t n) const { return data_lengths ? limited(data_lengths[n], steps) : steps; }
  MIXNET_ON_DEVICE T label(int64_t n, int64_t i) const { return labels[n * width + i]; }
  MIXNET_ON_DEVICE int64_t num_labels(int64_t n) const {
    if (label_lengths) return limited(label_lengths[n], width);
    int64_t k = 0;
    while (k < width && (blank_first ? label(n, k) > 0 : label(n, k) >= 0)) ++k;
    return k;
  }
  // Class of state s; odd states are labels. Classes that do not exist are clipped.
  MIXNET_ON_DEVICE int64_t state(int64_t n, int64_t s) const {
    return s % 2 == 0 ? blank() : limited(label(n, s / 2), classes - 1);
  }
  MIXNET_ON_DEVICE bool may_skip(int64_t n, int64_t s) const {
    return s % 2 == 1 && s > 1 && state(n, s) != state(n, s - 2);
  }
  MIXNET_ON_DEVICE const In* row(int64_t t, int64_t n) const { return scores + (t * count + n) * classes; }
};

// All ways to state s without this step's own score, from the row of alpha before; nullptr at the first time step.
template <class T, class In>
MIXNET_ON_DEVICE T reached(const Batch<T, In>& b, int64_t n, int64_t s, const T* before) {
  if (!before) return s < 2 ? T(0) : -std::numeric_limits<T>::infinity();
  T sum = before[s];
  if (s > 0) sum = log_add(sum, before[s - 1]);
  if (b.may_skip(n, s)) sum = log_add(sum, before[s - 2]);
  return sum;
}

// All ways on from state s, from the row of beta behind; nullptr at the last time step.
template <class T, class In>
MIXNET_ON_DEVICE T leads_on(const Batch<T, In>& b, int64_t n, int64_t s, int64_t states, const T* behind) {
  if (!behind) return s >= states - 2 ? T(0) : -std::numeric_limits<T>::infinity();
  T sum = behind[s];
  if (s + 1 < states) sum = log_add(sum, behind[s + 1]);
  if (s + 2 < states && b.may_skip(n, s + 2)) sum = log_add(sum, behind[s + 2]);
  return sum;
}

template <class T>
MIXNET_ON_DEVICE T log_likelihood(const T* alpha, int64_t states) {
  return states > 1 ? log_add(alpha[states - 1], alpha[states - 2]) : alpha[0];
}

}  // namespace mixnet::op::ctc_loss
