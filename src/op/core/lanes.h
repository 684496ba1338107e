// Neighbours in memory that are read, computed with and written together. What is done with them, an object says; one object serves CPUs and GPUs:
//
//   template <class T>
//   struct Sum {
//     const T* x; T* y;
//     template <int V> MIXNET_ON_DEVICE void run(int64_t at) const { ... load<V>(x + at) ... }  // elements at, ..., at + V - 1
//   };
//   lanes::each(n, Sum<T>{x, y});                                       // on all cores
//   gpu::map_lanes<T>(stream, n, Sum<T>{x, y}, lanes::even({x, y}));  // op/core/gpu/lanes.h
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "base/on_device.h"
#include "base/thread_pool.h"

namespace mixnet::lanes {

// What a GPU reads at once begins at a multiple of its size. Longer pieces, those of CPUs, begin anywhere.
template <class T, int V>
constexpr bool is_long = sizeof(T) * V > 64;

template <class T, int V>
struct alignas(is_long<T, V> ? alignof(T) : sizeof(T) * V) Lanes {
  T at[V];
};
template <int V, class T>
MIXNET_ON_DEVICE Lanes<T, V> load(const T* from) {
  if constexpr (V == 1) {
    return {{*from}};
  } else if constexpr (is_long<T, V>) {
    Lanes<T, V> lanes;
    std::memcpy(lanes.at, from, sizeof lanes.at);
    return lanes;
  } else {
    return *reinterpret_cast<const Lanes<T, V>*>(from);
  }
}
template <int V, class T>
MIXNET_ON_DEVICE void store(T* to, const Lanes<T, V>& lanes) {
  if constexpr (V == 1) *to = lanes.at[0];
  else if constexpr (is_long<T, V>) std::memcpy(to, lanes.at, sizeof lanes.at);
  else *reinterpret_cast<Lanes<T, V>*>(to) = lanes;
}

template <class T, int V>
MIXNET_ON_DEVICE constexpr int count_of(const Lanes<T, V>&) {
  return V;
}

// V neighbours, or V times one number.
template <int V, class T>
MIXNET_ON_DEVICE Lanes<T, V> take(const T* from, bool repeated) {
  if (!repeated) return load<V>(from);
  Lanes<T, V> lanes;
  MIXNET_UNROLL
  for (int k = 0; k < V; ++k) lanes.at[k] = *from;
  return lanes;
}

// Whether an address, or every one, is a multiple of 16.
inline bool even(const void* address) { return reinterpret_cast<uintptr_t>(address) % 16 == 0; }
inline bool even(std::initializer_list<const void*> addresses) {
  return std::all_of(addresses.begin(), addresses.end(), [](const void* address) { return even(address); });
}

// f.run<1> over [0, n) on all cores. Elements do not depend on each other, whatever arrays lie over each other.
template <class F>
void each(int64_t n, const F& f) {
  parallel_for(n, 8192, [&](int64_t first, int64_t last) {
    const F mine = f;
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC ivdep
#endif
    for (int64_t i = first; i < last; ++i) mine.template run<1>(i);
  });
}

}  // namespace mixnet::lanes
