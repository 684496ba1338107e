// Kernels whose threads read and write 16 bytes at a time. Where every element goes through one function:
//
//   struct Scaled { float by; MIXNET_ON_DEVICE float operator()(bf16 x) const { return static_cast<float>(x) * by; } };
//   map_values(stream, n, Scaled{2}, y, x);  // y[i] = f(x[i])
//
// Where there is more to it, an object says what is done with a piece:
//
//   template <class T>
//   struct Sum {
//     const T* x; T* y;
//     template <int V> MIXNET_ON_DEVICE void run(int64_t at) const { ... load<V>(x + at) ... }  // elements at, ..., at + V - 1
//   };
//   map_lanes<T>(stream, n, Sum<T>{x, y}, even({x, y}));
#pragma once
#include <algorithm>
#include <tuple>

#include "op/core/gpu/launch.h"
#include "op/core/lanes.h"

namespace mixnet::gpu {

using lanes::count_of;
using lanes::even;
using lanes::Lanes;
using lanes::load;
using lanes::store;
using lanes::take;

// As many elements as 16 bytes hold, but no more than 8; of several types, of the largest.
template <class... Ts>
constexpr int lanes_of = static_cast<int>(std::min<size_t>(8, 16 / std::max({sizeof(Ts)...})));

// to[k] = f(lanes.at[k]...).
template <int V, class To, class F, class... From>
MIXNET_ON_DEVICE void put_lanes(To* to, F f, const Lanes<From, V>&... lanes) {
  Lanes<To, V> made;
  MIXNET_UNROLL
  for (int k = 0; k < V; ++k) made.at[k] = static_cast<To>(f(lanes.at[k]...));
  store(to, made);
}
// to[at + k] = f(from[at + k]...) for k in [0, V). All is read before any is written.
template <int V, class To, class F, class... From>
MIXNET_ON_DEVICE void put(int64_t at, F f, To* to, const From*... from) {
  put_lanes<V>(to + at, f, load<V>(from + at)...);
}

template <int V, class F>
struct OverLanes {
  F f;
  int64_t whole;  // pieces of V elements; the elements behind them go one by one
  MIXNET_ON_DEVICE void operator()(int64_t k) const { run(f, whole, k); }
  MIXNET_ON_DEVICE static void run(const F& f, int64_t whole, int64_t k) {
    if (k < whole) f.template run<V>(k * V);
    else f.template run<1>(whole * V + (k - whole));
  }
};

// f.run<V>(at) over [0, n) with as many elements of these types as 16 bytes hold, and run<1> for the rest; for all, unless the pieces are even.
template <class... Ts, class F>
void map_lanes(Stream& stream, int64_t n, const F& f, bool even_pieces) {
  constexpr int V = lanes_of<Ts...>;
  const int64_t whole = even_pieces ? n / V : 0;
  map(stream, whole + (n - whole * V), OverLanes<V, F>{f, whole});
}

template <class F, class To, class... From>
struct OverValues {
  F f;
  To* to;
  std::tuple<const From*...> from;
  template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {
    std::apply([&](auto... x) { put<V>(at, f, to, x...); }, from);
  }
};

// to[i] = f(from[i]...) for i in [0, n); `to` may be one of `from`.
template <class F, class To, class... From>
void map_values(Stream& stream, int64_t n, F f, To* to, const From*... from) {
  map_lanes<To, From...>(stream, n, OverValues<F, To, From...>{f, to, {from...}}, even({to, from...}));
}

}  // namespace mixnet::gpu
