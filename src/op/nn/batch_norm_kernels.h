// What BatchNorm's kernels do with a channel on a GPU, for data with channels second (planes) and last (a table); see batch_norm.cu.
#pragma once
#include <cmath>

#include "op/core/gpu/columns.h"
#include "op/core/gpu/reduction.h"
#include "op/core/gpu/sums.h"
#include "op/nn/batch_norm.h"

namespace mixnet::op::batch_norm {

// Where the values of channels are. With channels last `inner` is 1.
struct Places {
  int64_t outer, channels, inner;
  Places(const Shape& shape, const Params& p, bool last) {
    const Sizes s(shape, p);
    outer = last ? s.count() : s.outer;
    channels = s.channels;
    inner = last ? 1 : s.inner;
  }
  MIXNET_ON_DEVICE int64_t count() const { return outer * inner; }
  MIXNET_ON_DEVICE double parts() const { return static_cast<double>(count() < 1 ? 1 : count()); }
  gpu::Table table() const { return {outer, channels}; }
};

// f(place) of elements first, first + step, ... of a channel; a division for all of them, not for each.
template <class F>
MIXNET_ON_DEVICE void for_steps(const Places& s, int64_t c, int64_t first, int64_t step, F f) {
  if (s.count() == 0) return;
  int64_t image = first / s.inner, pixel = first - image * s.inner;
  const int64_t images = step / s.inner, pixels = step - images * s.inner;
  while (image < s.outer) {
    f((image * s.channels + c) * s.inner + pixel);
    image += images;
    pixel += pixels;
    if (pixel < s.inner) continue;
    pixel -= s.inner;
    ++image;
  }
}

template <class S>
struct Line {
  S scale, shift;
  MIXNET_ON_DEVICE S operator()(S x) const { return x * scale + shift; }
};

// What a relu behind BatchNorm lets through, by its result, which is computed again as it was stored.
template <class T, class S>
struct Gate {
  bool relu;
  MIXNET_ON_DEVICE S operator()(S dy, S x, const Line<S>& line) const {
    return !relu || static_cast<S>(static_cast<T>(line(x))) > 0 ? dy : S(0);
  }
};
template <class S>
struct Centred {
  S mean;
  Line<S> line;
};

// The statistics that data are normalised with: of type S, by channel.
template <class S>
struct Statistics {
  const S *gamma, *beta, *mean;
  const S* spread;  // 1 / sqrt(variance + eps); fixed: the variance
  double eps;
  bool fix_gamma, fixed;
  static MIXNET_ON_DEVICE S inverse_of(double variance, double eps) {
    return static_cast<S>(1 / std::sqrt(variance + eps));
  }
  MIXNET_ON_DEVICE S inverse(int64_t c) const {
    return fixed ? inverse_of(static_cast<double>(spread[c]), eps) : spread[c];
  }
  // y = scale x + shift.
  MIXNET_ON_DEVICE Line<S> line(int64_t c) const { return line_if(true, c); }
  // Without beta, the scale alone.
  MIXNET_ON_DEVICE Line<S> line_if(bool whole, int64_t c) const {
    Line<S> line;
    line.scale = (fix_gamma ? S(1) : gamma[c]) * inverse(c);
    line.shift = S(0);
    if (whole) line.shift = beta[c] - mean[c] * line.scale;
    return line;
  }
};

// Hands out the fixed ones.
template <class S>
struct HandOut {
  Statistics<S> statistics;
  S *mean, *inverse;
  MIXNET_ON_DEVICE void operator()(int64_t c) const {
    if (mean) mean[c] = statistics.mean[c];
    if (inverse) inverse[c] = statistics.inverse(c);
  }
};

// Mean and 1 / sqrt(variance + eps) by sums of distances from the channel's first value and of their squares, in double. What cancels out between
// them is bounded: the square of one value's distance from the mean is at most the number of values times the variance.
template <class T, class S>
struct Moments {
  using Own = double;
  using Value = gpu::Pair<double>;
  Places s;
  const T* x;
  S *mean, *inverse;
  double eps;
  static MIXNET_ON_DEVICE double wide(T v) { return static_cast<double>(static_cast<S>(v)); }
  MIXNET_ON_DEVICE double own(int64_t c) const { return s.count() > 0 ? wide(x[c * s.inner]) : 0; }
  template <int V> MIXNET_ON_DEVICE void add(int64_t at, const double (&from)[V], Value (&sums)[V]) const {
    const auto values = gpu::load<V>(x + at);
    for (int i = 0; i < V; ++i) {
      const double distance = wide(values.at[i]) - from[i];
      sums[i] = sums[i] + Value{distance, distance * distance};
    }
  }
  MIXNET_ON_DEVICE void finish(int64_t c, const Value& sums) const {
    const double distance = sums.first / s.parts(), variance = (sums.second - sums.first * distance) / s.parts();
    mean[c] = static_cast<S>(own(c) + distance);
    inverse[c] = Statistics<S>::inverse_of(variance < 0 ? 0 : variance, eps);
  }
};

template <class T, class S>
struct Normalise {
  using Own = Line<S>;
  Statistics<S> statistics;
  bool relu;
  const T *x, *residual;  // which is added before relu; null: nothing is
  T* y;
  MIXNET_ON_DEVICE Line<S> own(int64_t c) const { return statistics.line(c); }
  template <int V> MIXNET_ON_DEVICE void run(int64_t at, const Line<S> (&lines)[V]) const {
    auto values = gpu::load<V>(x + at);
    S results[V];
    for (int i = 0; i < V; ++i) results[i] = lines[i](static_cast<S>(values.at[i]));
    if (residual) {
      const auto more = gpu::load<V>(residual + at);
      for (int i = 0; i < V; ++i) results[i] += static_cast<S>(more.at[i]);
    }
    for (int i = 0; i < V; ++i) values.at[i] = static_cast<T>(relu && results[i] < 0 ? S(0) : results[i]);
    gpu::store<V>(y + at, values);
  }
};

// Sums of dy and of dy (x - mean), and what follows from them for a channel.
template <class T, class S>
struct Slopes {
  using Own = Centred<S>;
  using Value = gpu::Pair<double>;
  Places s;
  Statistics<S> statistics;
  Gate<T, S> gate;
  const T *dy, *x;
  S *mean_dy, *slope;  // for the data's gradient
  S *dgamma, *dbeta;   // may be null
  S *moving_mean, *moving_variance;
  double momentum;
  bool fixed;
  MIXNET_ON_DEVICE Centred<S> own(int64_t c) const { return {statistics.mean[c], statistics.line_if(gate.relu, c)}; }
  template <int V> MIXNET_ON_DEVICE void add(int64_t at, const Centred<S> (&own)[V], Value (&sums)[V]) const {
    const auto gradients = gpu::load<V>(dy + at), values = gpu::load<V>(x + at);
    for (int i = 0; i < V; ++i) {
      const S value = static_cast<S>(values.at[i]), d = gate(static_cast<S>(gradients.at[i]), value, own[i].line);
      sums[i] = sums[i] + Value{static_cast<double>(d), static_cast<double>(d * (value - own[i].mean))};
    }
  }
  MIXNET_ON_DEVICE void finish(int64_t c, const Value& sums) const {
    const S own_inverse = statistics.spread[c];
    if (dgamma) dgamma[c] = statistics.fix_gamma ? S(0) : static_cast<S>(sums.second) * own_inverse;
    if (dbeta) dbeta[c] = static_cast<S>(sums.first);
    // With fixed statistics the normalisation is a plain scale.
    mean_dy[c] = fixed ? S(0) : static_cast<S>(sums.first / s.parts());
    slope[c] = fixed ? S(0) : static_cast<S>(sums.second / s.parts()) * own_inverse * own_inverse;
    if (fixed) return;
    const double deviation = static_cast<double>(own_inverse), variance = 1 / (deviation * deviation) - statistics.eps;
    moving_mean[c] = moved(moving_mean[c], static_cast<double>(statistics.mean[c]));
    moving_variance[c] = moved(moving_variance[c], variance);
  }
  MIXNET_ON_DEVICE S moved(S before, double now) const {
    return static_cast<S>(static_cast<double>(before) * momentum + now * (1 - momentum));
  }
};

template <class S>
struct Tilt {
  S mean, mean_dy, slope;
  Line<S> line;
};

template <class T, class S>
struct DataGradient {
  using Own = Tilt<S>;
  Statistics<S> statistics;
  Gate<T, S> gate;
  const T *dy, *x;
  const S *mean_dy, *slope;
  T* dx;
  MIXNET_ON_DEVICE Tilt<S> own(int64_t c) const {
    return {statistics.mean[c], mean_dy[c], slope[c], statistics.line_if(gate.relu, c)};
  }
  template <int V> MIXNET_ON_DEVICE void run(int64_t at, const Tilt<S> (&tilts)[V]) const {
    auto gradients = gpu::load<V>(dy + at);
    const auto values = gpu::load<V>(x + at);
    for (int i = 0; i < V; ++i) {
      const Tilt<S>& t = tilts[i];
      const S value = static_cast<S>(values.at[i]), d = gate(static_cast<S>(gradients.at[i]), value, t.line);
      gradients.at[i] = static_cast<T>(t.line.scale * (d - t.mean_dy - (value - t.mean) * t.slope));
    }
    gpu::store<V>(dx + at, gradients);
  }
};

// The sums of R for rows of values that lie in planes.
template <class R>
struct InPlanes {
  using Value = typename R::Value;
  R r;
  static MIXNET_ON_DEVICE Value start() { return {}; }
  MIXNET_ON_DEVICE Value over(int64_t c, int64_t first, int64_t step) const {
    const typename R::Own own[1] = {r.own(c)};
    Value sums[1] = {};
    for_steps(r.s, c, first, step, [&](int64_t at) { r.template add<1>(at, own, sums); });
    return sums[0];
  }
  static MIXNET_ON_DEVICE Value join(Value a, Value b) { return a + b; }
  MIXNET_ON_DEVICE void finish(int64_t c, Value v) const { r.finish(c, v); }
};

// A group of threads per plane.
template <class F>
struct OverPlanes {
  F f;
  int64_t channels, inner;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t plane, const G& group) const {
    const typename F::Own own[1] = {f.own(plane % channels)};
    for (int64_t k = group.rank(); k < inner; k += group.size()) f.template run<1>(plane * inner + k, own);
  }
};

// Both by one group of threads per channel; what `finish` leaves, F finds.
template <class R, class F>
struct SumAndWrite {
  InPlanes<R> r;
  F f;
  bool writes;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t c, const G& group) const {
    const auto sum = group.reduce(r.over(c, group.rank(), group.size()), gpu::Plus());
    if (group.rank() == 0) r.finish(c, sum);
    if (!writes) return;
    group.wait();
    const typename F::Own own[1] = {f.own(c)};
    for_steps(r.r.s, c, group.rank(), group.size(), [&](int64_t at) { f.template run<1>(at, own); });
  }
};

// Sums over channels, and work on every value, in either layout. In planes, channels that are many or short have a group of threads each; others are
// cut into parts, so that few of them keep a whole GPU busy.
class Sweep {
 public:
  explicit Sweep(const Places& s) : s_(s), planes_(s.channels, s.count(), false), columns_(s.table()) {}
  size_t workspace() const { return table() ? columns_.workspace() : at_once() ? 0 : planes_.workspace(); }

  // Sums, then `f` of every value if it `writes`. `addresses` are all those of values, which are of type T.
  template <class T, class R, class F>
  void sum_and_map(Stream& stream, const R& r, const F& f, bool writes, std::initializer_list<const void*> addresses,
                   void* workspace) const {
    if (!table() && at_once())
      return gpu::for_each_row(stream, s_.channels, s_.count(), SumAndWrite<R, F>{{r}, f, writes});
    if (table()) columns_.run<T>(stream, r, addresses, workspace);
    else planes_.run(stream, InPlanes<R>{r}, workspace);
    if (writes) map<T>(stream, f, addresses);
  }
  template <class T, class F>
  void map(Stream& stream, const F& f, std::initializer_list<const void*> addresses) const {
    if (table()) gpu::map_table<T>(stream, s_.table(), f, addresses);
    else gpu::for_each_row(stream, s_.outer * s_.channels, s_.inner, OverPlanes<F>{f, s_.channels, s_.inner});
  }

 private:
  bool table() const { return s_.inner == 1; }
  bool at_once() const { return s_.count() <= 8192 || s_.channels >= 512; }

  Places s_;
  gpu::Reduction planes_;
  gpu::ColumnSums columns_;
};

}  // namespace mixnet::op::batch_norm
