// Rows of a tensor by number, and the way back: data as (outer, n, inner), indices choose along n.
#pragma once
#include <algorithm>
#include <cstring>

#include "op/core/builder.h"
#include "op/index/indices.h"

namespace mixnet::op {

enum class IndexMode { clip, raise, wrap };

struct Rows {
  int64_t outer, n, inner, count;
  IndexMode mode;

  Rows(const Shape& data, const TensorView& indices, int axis, IndexMode m)
      : outer(data.size(0, axis)),
        n(data[axis]),
        inner(data.size(axis + 1, data.ndim())),
        count(indices.size()),
        mode(m),
        index_(indices.data),
        read_(dispatch_all(indices.dtype, "indices", [](auto tag) { return &read<typename decltype(tag)::type>; })) {}
  // to[i] = the row that index first + i means; i < size.
  void resolve(int64_t first, int64_t size, int64_t* to) const {
    read_(index_, first, size, to);
    if (mode == IndexMode::clip) {
      for (int64_t i = 0; i < size; ++i) to[i] = std::clamp<int64_t>(to[i], 0, n - 1);
    } else if (mode == IndexMode::wrap) {
      for (int64_t i = 0; i < size; ++i) to[i] = to[i] % n + (to[i] % n < 0 ? n : 0);
    } else {
      for (int64_t i = 0; i < size; ++i) {
        MIXNET_CHECK(to[i] >= 0 && to[i] < n, invalid, "[take] indices: expected values in [0, ", n, "), got ", to[i]);
      }
    }
  }

 private:
  template <class T>
  static void read(const void* data, int64_t first, int64_t size, int64_t* to) {
    for (int64_t i = 0; i < size; ++i) to[i] = whole_number<T>(data, first + i);
  }
  const void* index_;
  void (*read_)(const void*, int64_t, int64_t, int64_t*);
};

constexpr int64_t rows_ahead = 8;  // rows come from anywhere: they are asked for in advance

// to[i] = the row[i]-th element, or the row[i]-th `bytes` bytes.
template <class T>
void gather_elements(const void* data, const int64_t* row, int64_t size, char* to) {
  for (int64_t i = 0; i < size; ++i) reinterpret_cast<T*>(to)[i] = static_cast<const T*>(data)[row[i]];
}
inline void gather(const char* data, int64_t bytes, const int64_t* row, int64_t size, char* to) {
  if (bytes == 1) return gather_elements<uint8_t>(data, row, size, to);
  if (bytes == 2) return gather_elements<uint16_t>(data, row, size, to);
  if (bytes == 4) return gather_elements<uint32_t>(data, row, size, to);
  if (bytes == 8) return gather_elements<uint64_t>(data, row, size, to);
  for (int64_t i = 0; i < size; ++i, to += bytes) {
    if (i + rows_ahead < size) {
      const char* next = data + row[i + rows_ahead] * bytes;
      for (int64_t at = 0; at < std::min<int64_t>(bytes, 512); at += 64) __builtin_prefetch(next + at);
    }
    std::memcpy(to, data + row[i] * bytes, static_cast<size_t>(bytes));
  }
}

// out (outer, count, inner).
inline void gather_rows(const Rows& s, const TensorView& data, const TensorView& out) {
  if (out.size() == 0) return;
  const int64_t bytes = s.inner * dtype_size(data.dtype);
  parallel_for(s.outer * s.count, std::max<int64_t>(1, 32768 / bytes), [&](int64_t first, int64_t last) {
    int64_t row[512];
    while (first < last) {
      const int64_t o = first / s.count, i = first % s.count;
      const int64_t size = std::min<int64_t>({last - first, s.count - i, 512});
      s.resolve(i, size, row);
      gather(data.as<char>() + o * s.n * bytes, bytes, row, size, out.as<char>() + first * bytes);
      first += size;
    }
  });
}

//[full
// What add_rows needs besides.
inline size_t add_rows_workspace(const TensorView& indices) { return static_cast<size_t>(indices.size()) * 8; }

// Adds the rows of dy to zeros at where they were taken from. Columns are shared out among threads, by whole cache lines,
// so that the sums do not depend on their number.
template <class T>
void add_rows(const Rows& s, int64_t* row, const T* dy, T* dx) {
  parallel_for(s.outer * s.n * s.inner, 1 << 16, [=](int64_t first, int64_t last) {
    std::memset(static_cast<void*>(dx + first), 0, static_cast<size_t>(last - first) * sizeof(T));
  });
  if (s.n == 0 || s.count == 0) return;
  parallel_for(s.count, 1 << 14, [&](int64_t first, int64_t last) { s.resolve(first, last - first, row + first); });
  constexpr int64_t line = 64 / static_cast<int64_t>(sizeof(T));
  const int64_t lines = (s.inner + line - 1) / line, threads = parallel_threads();
  const int64_t grain = std::max((lines + threads - 1) / threads, 1024 / (s.outer * s.count));
  parallel_for(lines, grain, [&](int64_t first, int64_t last) {
    const int64_t begin = first * line, width = std::min(s.inner, last * line) - begin;
    for (int64_t o = 0; o < s.outer; ++o) {
      const T* __restrict from = dy + o * s.count * s.inner + begin;
      T* const table = dx + o * s.n * s.inner + begin;
      for (int64_t i = 0; i < s.count; ++i, from += s.inner) {
        if (i + rows_ahead < s.count) __builtin_prefetch(table + row[i + rows_ahead] * s.inner, 1);
        T* __restrict to = table + row[i] * s.inner;
        for (int64_t c = 0; c < width; ++c) to[c] = static_cast<T>(to[c] + from[c]);
      }
    }
  });
}
//]

}  // namespace mixnet::op
