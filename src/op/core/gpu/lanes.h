// Kernels whose threads read and write 16 bytes at a time. What is done with the elements, an object says:
//
//   template <class T>
//   struct Scale {
//     const T* x; T* y; float by;
//     template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {  // elements at, ..., at + V - 1
//       put<V>(at, [this](T v) { return static_cast<float>(v) * by; }, y, x);
//     }
//   };
//   map_lanes<T>(stream, n, Scale<T>{x, y, 2}, {x, y});
#pragma once
#include <algorithm>
#include <initializer_list>

#include "op/core/gpu/launch.h"

namespace mixnet::gpu {

// Neighbours in memory, which are read and written at once.
template <class T, int V>
struct alignas(sizeof(T) * V) Lanes {
  T at[V];
};
template <int V, class T>
MIXNET_ON_DEVICE Lanes<T, V> load(const T* from) {
  return *reinterpret_cast<const Lanes<T, V>*>(from);
}
template <int V, class T>
MIXNET_ON_DEVICE void store(T* to, const Lanes<T, V>& lanes) {
  *reinterpret_cast<Lanes<T, V>*>(to) = lanes;
}

// As many elements as 16 bytes hold; of several types, of the largest.
template <class... Ts>
constexpr int lanes_of = static_cast<int>(16 / std::max({sizeof(Ts)...}));

// Whether every address is a multiple of 16.
inline bool even(std::initializer_list<const void*> addresses) {
  return std::all_of(addresses.begin(), addresses.end(),
                     [](const void* address) { return reinterpret_cast<uintptr_t>(address) % 16 == 0; });
}

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
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    if (k < whole) f.template run<V>(k * V);
    else f.template run<1>(whole * V + (k - whole));
  }
};

// f.run<V>(at) over [0, n), 16 bytes of type T at a time; one by one where an address is no multiple of 16.
template <class T, class F>
void map_lanes(Stream& stream, int64_t n, const F& f, std::initializer_list<const void*> addresses) {
  constexpr int V = lanes_of<T>;
  const int64_t whole = even(addresses) ? n / V : 0;
  map(stream, whole + (n - whole * V), OverLanes<V, F>{f, whole});
}

}  // namespace mixnet::gpu
