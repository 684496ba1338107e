// What stands before and behind source in CUDA C so that this machine's C++ compiler takes it: the words of CUDA, for one thread at a time.
#pragma once

namespace mixnet {

constexpr char cuda_words[] = R"text(
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __constant__ static const
#define __shared__ static thread_local
#define __expf(x) expf(x)
#define __logf(x) logf(x)
#define __powf(x, y) powf(x, y)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)
#define __fdividef(x, y) ((x) / (y))
struct uint3 { unsigned x, y, z; };
struct dim3 { unsigned x, y, z; };
static thread_local uint3 threadIdx, blockIdx;
static thread_local dim3 blockDim, gridDim;
static inline float rsqrtf(float x) { return 1 / sqrtf(x); }
static inline float rsqrt(float x) { return 1 / sqrtf(x); }
static inline double rsqrt(double x) { return 1 / sqrt(x); }
static inline int min(int a, int b) { return b < a ? b : a; }
static inline int max(int a, int b) { return a < b ? b : a; }
static inline float min(float a, float b) { return fminf(a, b); }
static inline float max(float a, float b) { return fmaxf(a, b); }
static inline double min(double a, double b) { return fmin(a, b); }
static inline double max(double a, double b) { return fmax(a, b); }
template <class T> static inline T atomicAdd(T* at, T by) { const T old = *at; *at = old + by; return old; }
#define MIXNET_NO_WAIT __attribute__((error("an emulated GPU runs the threads of a block one after the other")))
extern "C" void __syncthreads() MIXNET_NO_WAIT;
extern "C" void __syncwarp(unsigned mask = 0xffffffffu) MIXNET_NO_WAIT;
)text";

constexpr char cuda_calls[] = R"text(
namespace mixnet_emulated {
template <class... P> struct Sizes { static constexpr size_t list[] = {sizeof(P)..., 0}; };
template <class... P, size_t... I>
void run(void (*kernel)(P...), const unsigned* s, const void* const* arguments, std::index_sequence<I...>) {
  gridDim = {s[0], s[1], s[2]};
  blockDim = {s[3], s[4], s[5]};
  for (blockIdx.z = 0; blockIdx.z < s[2]; ++blockIdx.z)
    for (blockIdx.y = 0; blockIdx.y < s[1]; ++blockIdx.y)
      for (blockIdx.x = 0; blockIdx.x < s[0]; ++blockIdx.x)
        for (threadIdx.z = 0; threadIdx.z < s[5]; ++threadIdx.z)
          for (threadIdx.y = 0; threadIdx.y < s[4]; ++threadIdx.y)
            for (threadIdx.x = 0; threadIdx.x < s[3]; ++threadIdx.x)
              kernel(*static_cast<const std::remove_cv_t<P>*>(arguments[I])...);
}
template <class... P> void call(void (*kernel)(P...), const unsigned* s, const void* const* arguments) {
  run(kernel, s, arguments, std::make_index_sequence<sizeof...(P)>());
}
template <class... P> const size_t* sizes(void (*)(P...)) { return Sizes<P...>::list; }
}
#define MIXNET_KERNEL(number, ...) \
  extern "C" __attribute__((visibility("default"))) void mixnet_call_##number(const unsigned* s, const void* const* a) { mixnet_emulated::call(&__VA_ARGS__, s, a); } \
  extern "C" __attribute__((visibility("default"))) const size_t* mixnet_sizes_##number() { return mixnet_emulated::sizes(&__VA_ARGS__); }
)text";

}  // namespace mixnet
