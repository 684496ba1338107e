#include "kvstore/mpi/wire.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "base/half_rows.h"

namespace mixnet::mpi {
namespace {

template <class T> constexpr bool is_half = std::is_same_v<T, f16> || std::is_same_v<T, bf16>;

// Sums wrap around, as the arrays' own do.
template <class T>
void add(T* sum, const T* value, int64_t count) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    using U = std::make_unsigned_t<T>;
    for (int64_t i = 0; i < count; ++i) sum[i] = static_cast<T>(static_cast<U>(sum[i]) + static_cast<U>(value[i]));
  } else {
    for (int64_t i = 0; i < count; ++i) sum[i] += value[i];
  }
}

template <class T>
void pack_source(const T* source, int64_t count, bool first, void* wire) {
  if constexpr (is_half<T>) {
    float* to = static_cast<float*>(wire);
    if (first) return widen(source, to, count);
    float row[1024];
    for (int64_t i = 0; i < count; i += 1024) {
      const int64_t n = std::min<int64_t>(1024, count - i);
      widen(source + i, row, n);
      add(to + i, row, n);
    }
  } else if (first) {
    std::memcpy(wire, source, static_cast<size_t>(count) * sizeof(T));
  } else if constexpr (!std::is_same_v<T, bool>) {
    add(static_cast<T*>(wire), source, count);
  }
}

// So much of every source is added while it is in the cache.
constexpr int64_t rows_at_once = 16384;

}  // namespace

Type wire_type(DType dtype, const char* place) {
  switch (dtype) {
    case DType::i8: return Type::i8;
    case DType::u8: return Type::u8;
    case DType::i32: return Type::i32;
    case DType::i64: return Type::i64;
    case DType::f64: return Type::f64;
    case DType::f16:
    case DType::bf16:
    case DType::f32: return Type::f32;
    default: fail(Code::type, "[", place, "] dtype: expected a number, got ", dtype);
  }
}

int64_t wire_size(Type type) {
  switch (type) {
    case Type::i8:
    case Type::u8: return 1;
    case Type::i32:
    case Type::f32: return 4;
    case Type::i64:
    case Type::f64: return 8;
  }
  return 0;
}

void pack(const std::vector<NDArray>& sources, int64_t first, int64_t count, void* wire) {
  dispatch_all(sources.front().dtype(), "allreduce", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto size = static_cast<int64_t>(is_half<T> ? sizeof(float) : sizeof(T));
    for (int64_t i = 0; i < count; i += rows_at_once) {
      const int64_t n = std::min(rows_at_once, count - i);
      for (size_t s = 0; s < sources.size(); ++s)
        pack_source(static_cast<const T*>(sources[s].view().data) + first + i, n, s == 0, static_cast<char*>(wire) + i * size);
    }
  });
}

void unpack(const void* wire, const NDArray& target, int64_t first, int64_t count) {
  dispatch_all(target.dtype(), "allreduce", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = static_cast<T*>(target.view().data) + first;
    if constexpr (is_half<T>) {
      narrow(static_cast<const float*>(wire), to, count);
    } else {
      std::memcpy(to, wire, static_cast<size_t>(count) * sizeof(T));
    }
  });
}

}  // namespace mixnet::mpi
