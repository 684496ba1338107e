#include "kvstore/mpi/wire.h"

#include <algorithm>
#include <cstring>

#include "base/half_rows.h"
#include "kvstore/reduce.h"

namespace mixnet::mpi {
namespace {

bool is_half(DType dtype) { return dtype == DType::f16 || dtype == DType::bf16; }

// Halves of one source, added to the floats on the wire (first: put there).
template <class T>
void widen_to(const T* source, int64_t count, bool first, float* wire) {
  if (first) return widen(source, wire, count);
  float row[1024];
  for (int64_t i = 0; i < count; i += 1024) {
    const int64_t n = std::min<int64_t>(1024, count - i);
    widen(source + i, row, n);
    for (int64_t k = 0; k < n; ++k) wire[i + k] += row[k];
  }
}

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
  const DType dtype = sources.front().dtype();
  std::vector<const void*> values;
  for (const NDArray& source : sources)
    values.push_back(static_cast<const char*>(source.view().data) + first * dtype_size(dtype));
  if (!is_half(dtype)) return sum_values(dtype, values, wire, count);
  for (const void* value : values) {
    const bool begins = value == values.front();
    if (dtype == DType::f16) widen_to(static_cast<const f16*>(value), count, begins, static_cast<float*>(wire));
    else widen_to(static_cast<const bf16*>(value), count, begins, static_cast<float*>(wire));
  }
}

void unpack(const void* wire, const NDArray& target, int64_t first, int64_t count) {
  void* to = static_cast<char*>(target.view().data) + first * dtype_size(target.dtype());
  const auto* floats = static_cast<const float*>(wire);
  switch (target.dtype()) {
    case DType::f16: return narrow(floats, static_cast<f16*>(to), count);
    case DType::bf16: return narrow(floats, static_cast<bf16*>(to), count);
    default: std::memcpy(to, wire, static_cast<size_t>(count * dtype_size(target.dtype())));
  }
}

}  // namespace mixnet::mpi
