#include "kvstore/reduce.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#if defined(__AVX__)
#include <immintrin.h>
#endif

#include "base/half_rows.h"
#include "base/thread_pool.h"

namespace mixnet {
namespace {

constexpr int64_t block = 1024;              // elements that go through all values at a time
constexpr int64_t grain = 128 * block;       // elements that are worth a thread
constexpr int64_t least_streamed = 8 << 20;  // bytes of a sum that would only push other things out of the caches

// Copies past the caches: a line that is written whole need not be read first.
void stream(char* to, const char* from, int64_t bytes) {
#if defined(__AVX__)
  const int64_t head = std::min(bytes, static_cast<int64_t>(-reinterpret_cast<uintptr_t>(to) & 31));
  std::memcpy(to, from, static_cast<size_t>(head));
  int64_t at = head;
  for (; at + 128 <= bytes; at += 128) {
    const auto* source = reinterpret_cast<const __m256i*>(from + at);
    const __m256i a = _mm256_loadu_si256(source), b = _mm256_loadu_si256(source + 1);
    const __m256i c = _mm256_loadu_si256(source + 2), d = _mm256_loadu_si256(source + 3);
    auto* target = reinterpret_cast<__m256i*>(to + at);
    _mm256_stream_si256(target, a);
    _mm256_stream_si256(target + 1, b);
    _mm256_stream_si256(target + 2, c);
    _mm256_stream_si256(target + 3, d);
  }
  std::memcpy(to + at, from + at, static_cast<size_t>(bytes - at));
#else
  std::memcpy(to, from, static_cast<size_t>(bytes));
#endif
}

void end_streams() {
#if defined(__AVX__)
  _mm_sfence();
#endif
}

// Runs of n elements. Those of 16 bits lie in float32 while they are summed.
template <class T>
struct Run {
  using Sum = T;
  static void load(const T* x, T* sum, int64_t n) { std::memcpy(sum, x, static_cast<size_t>(n) * sizeof(T)); }
  static void load_two(const T* x, const T* y, T* __restrict sum, int64_t n) {
    for (int64_t i = 0; i < n; ++i) sum[i] = static_cast<T>(x[i] + y[i]);
  }
  static void add(const T* x, T* __restrict sum, int64_t n) {
    for (int64_t i = 0; i < n; ++i) sum[i] = static_cast<T>(sum[i] + x[i]);
  }
};
template <>
struct Run<bool> {
  using Sum = bool;
  static void load(const bool* x, bool* sum, int64_t n) { std::memcpy(sum, x, static_cast<size_t>(n)); }
  static void load_two(const bool* x, const bool* y, bool* __restrict sum, int64_t n) {
    for (int64_t i = 0; i < n; ++i) sum[i] = x[i] | y[i];
  }
  static void add(const bool* x, bool* __restrict sum, int64_t n) {
    for (int64_t i = 0; i < n; ++i) sum[i] = sum[i] | x[i];
  }
};
template <class H>
struct HalfRun {
  using Sum = float;
  static void load(const H* x, float* sum, int64_t n) { widen(x, sum, n); }
  static void load_two(const H* x, const H* y, float* sum, int64_t n) {
    widen(x, sum, n);
    add(y, sum, n);
  }
  static void add(const H* x, float* sum, int64_t n) {
    float wide[block];
    widen(x, wide, n);
    for (int64_t i = 0; i < n; ++i) sum[i] += wide[i];
  }
};
template <>
struct Run<f16> : HalfRun<f16> {};
template <>
struct Run<bf16> : HalfRun<bf16> {};

template <class T>
void sum_block(Span<const void* const> values, int64_t at, int64_t n, typename Run<T>::Sum* sum) {
  auto value = [&](size_t k) { return static_cast<const T*>(values[k]) + at; };
  if (values.size() == 1) return Run<T>::load(value(0), sum, n);
  Run<T>::load_two(value(0), value(1), sum, n);
  for (size_t k = 2; k < values.size(); ++k) Run<T>::add(value(k), sum, n);
}

template <class T>
void sum_range(Span<const void* const> values, T* out, int64_t first, int64_t last, bool streamed) {
  using Sum = typename Run<T>::Sum;
  alignas(64) Sum sum[block];
  alignas(64) T narrowed[block];
  for (int64_t at = first; at < last; at += block) {
    const int64_t n = std::min(block, last - at);
    if constexpr (std::is_same_v<T, Sum>) {
      sum_block<T>(values, at, n, streamed ? sum : out + at);
      if (streamed) stream(reinterpret_cast<char*>(out + at), reinterpret_cast<char*>(sum), n * int64_t{sizeof(T)});
    } else {
      sum_block<T>(values, at, n, sum);
      narrow(sum, streamed ? narrowed : out + at, n);
      if (streamed)
        stream(reinterpret_cast<char*>(out + at), reinterpret_cast<char*>(narrowed), n * int64_t{sizeof(T)});
    }
  }
}

void copy_range(const char* from, char* to, int64_t first, int64_t last, bool streamed) {
  if (from == to) return;
  if (streamed) stream(to + first, from + first, last - first);
  else std::memcpy(to + first, from + first, static_cast<size_t>(last - first));
}

// Integers as their unsigned twins, which wrap.
template <class F>
void dispatch_sum(DType dtype, F&& f) {
  switch (dtype) {
    case DType::i8: return f(TypeTag<uint8_t>{});
    case DType::i32: return f(TypeTag<uint32_t>{});
    case DType::i64: return f(TypeTag<uint64_t>{});
    default: return dispatch_all(dtype, "kvstore sum", std::forward<F>(f));
  }
}

}  // namespace

void sum_values(DType dtype, Span<const void* const> values, void* out, int64_t count) {
  const int64_t bytes = count * dtype_size(dtype);
  const bool streamed = bytes >= least_streamed;
  if (values.size() == 1) {
    parallel_for(bytes, grain * 4, [&](int64_t first, int64_t last) {
      copy_range(static_cast<const char*>(values[0]), static_cast<char*>(out), first, last, streamed);
      if (streamed) end_streams();
    });
    return;
  }
  dispatch_sum(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    parallel_for(count, grain, [&](int64_t first, int64_t last) {
      sum_range(values, static_cast<T*>(out), first, last, streamed);
      if (streamed) end_streams();
    });
  });
}

void add_to(DType dtype, void* sum, const void* value, int64_t count) {
  dispatch_sum(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto* to = static_cast<T*>(sum);
    const auto* from = static_cast<const T*>(value);
    if constexpr (std::is_same_v<T, typename Run<T>::Sum>) {
      Run<T>::add(from, to, count);
    } else {
      float wide[block];
      for (int64_t at = 0; at < count; at += block) {
        const int64_t n = std::min(block, count - at);
        Run<T>::load_two(to + at, from + at, wide, n);
        narrow(wide, to + at, n);
      }
    }
  });
}

}  // namespace mixnet
