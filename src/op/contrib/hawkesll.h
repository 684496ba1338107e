// The sequences of _contrib_hawkesll, and what one of them adds.
#pragma once
#include <algorithm>
#include <cmath>

#include "base/on_device.h"
#include "base/span.h"
#include "device/tensor_view.h"

namespace mixnet::op::hawkesll {

enum Input { lda, alpha, beta, state, lags, marks, valid_length, max_time };

// What is known of a mark after its last point: s, its slopes along beta and along the first state, and the point's time.
template <class T>
struct Trace {
  T s, of_beta, of_state, time;
};
// One interval without points of a mark: the decay over it.
template <class T>
struct Interval {
  T length, decay;
  MIXNET_ON_DEVICE Interval(T b, T from, T to) : length(to - from), decay(std::exp(-b * length)) {}
};
// Gradients of one sequence, a number per mark; they are added to.
template <class T>
struct Slopes {
  T *lda, *alpha, *beta, *state;
};

// Reads (N, K), (K,), (K,), (N, K), (N, T), (N, T), (N,), (N,). Marks: get(i) is number i of them as a double.
template <class T, class Marks>
struct Sequences {
  const T *rates, *counts, *decays, *first, *gaps, *lengths, *ends;
  Marks marked;
  int64_t count, kinds, steps;
  Sequences(Span<const TensorView> in, const Marks& of_points)
      : rates(in[lda].as<T>()),
        counts(in[alpha].as<T>()),
        decays(in[beta].as<T>()),
        first(in[state].as<T>()),
        gaps(in[lags].as<T>()),
        lengths(in[valid_length].as<T>()),
        ends(in[max_time].as<T>()),
        marked(of_points),
        count(in[lda].shape[0]),
        kinds(in[lda].shape[1]),
        steps(in[lags].shape[1]) {}

  MIXNET_ON_DEVICE int64_t length(int64_t n) const {
    const T v = lengths[n];
    return !(v > 0) || kinds == 0 ? 0 : v >= static_cast<T>(steps) ? steps : static_cast<int64_t>(v);
  }
  // Marks that do not exist are clipped.
  MIXNET_ON_DEVICE int64_t mark(int64_t n, int64_t j) const {
    const double k = marked.get(n * steps + j);
    return k > 0 ? static_cast<int64_t>(std::min(k, static_cast<double>(kinds - 1))) : int64_t{0};
  }

  // The log likelihood of sequence n; `trace` has a place for every mark.
  MIXNET_ON_DEVICE T forward(int64_t n, Trace<T>* trace, T* out_state) const {
    const T* const rate = rates + n * kinds;
    T sum = 0, now = 0;
    for (int64_t k = 0; k < kinds; ++k) trace[k] = {first[n * kinds + k], 0, 1, 0};
    auto compensate = [&](int64_t k, const Interval<T>& i) {
      return rate[k] * i.length + counts[k] * trace[k].s * (1 - i.decay);
    };
    for (int64_t j = 0; j < length(n); ++j) {
      const int64_t k = mark(n, j);
      now += gaps[n * steps + j];
      const Interval<T> i(decays[k], trace[k].time, now);
      const T intensity = rate[k] + counts[k] * decays[k] * trace[k].s * i.decay;
      sum += std::log(intensity) - compensate(k, i);
      trace[k].s = 1 + trace[k].s * i.decay;
      trace[k].time = now;
    }
    for (int64_t k = 0; k < kinds; ++k) {
      const Interval<T> i(decays[k], trace[k].time, ends[n]);
      sum -= compensate(k, i);
      out_state[k] = trace[k].s * i.decay;
    }
    return sum;
  }

  // Slopes are carried forward with the traces.
  MIXNET_ON_DEVICE void backward(int64_t n, T dy, const T* dstate, Trace<T>* trace, const Slopes<T>& d) const {
    T now = 0;
    for (int64_t k = 0; k < kinds; ++k) trace[k] = {first[n * kinds + k], 0, 1, 0};
    auto compensate = [&](int64_t k, const Interval<T>& i) {
      const T a = counts[k], rest = 1 - i.decay;
      const Trace<T>& t = trace[k];
      d.lda[k] -= dy * i.length;
      d.alpha[k] -= dy * t.s * rest;
      d.beta[k] -= dy * a * (t.of_beta * rest + t.s * i.length * i.decay);
      d.state[k] -= dy * a * t.of_state * rest;
    };
    for (int64_t j = 0; j < length(n); ++j) {
      const int64_t k = mark(n, j);
      now += gaps[n * steps + j];
      Trace<T>& t = trace[k];
      const T a = counts[k], b = decays[k];
      const Interval<T> i(b, t.time, now);
      compensate(k, i);
      const T slope = (t.of_beta - i.length * t.s) * i.decay;  // of the decayed s along beta
      const T each = dy / (rates[n * kinds + k] + a * b * t.s * i.decay);
      d.lda[k] += each;
      d.alpha[k] += each * b * t.s * i.decay;
      d.beta[k] += each * a * (t.s * i.decay + b * slope);
      d.state[k] += each * a * b * t.of_state * i.decay;
      t = {1 + t.s * i.decay, slope, t.of_state * i.decay, now};
    }
    for (int64_t k = 0; k < kinds; ++k) {
      const Trace<T>& t = trace[k];
      const Interval<T> i(decays[k], t.time, ends[n]);
      compensate(k, i);
      d.beta[k] += dstate[k] * (t.of_beta - i.length * t.s) * i.decay;
      d.state[k] += dstate[k] * t.of_state * i.decay;
    }
  }
};

}  // namespace mixnet::op::hawkesll
