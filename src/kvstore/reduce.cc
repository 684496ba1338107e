#include "kvstore/reduce.h"

#include "base/error.h"

namespace mixnet {
namespace {

template <class T, class Sum = T>
void add(void* sum, const void* value, int64_t count) {
  T* s = static_cast<T*>(sum);
  const T* v = static_cast<const T*>(value);
  for (int64_t i = 0; i < count; ++i) s[i] = static_cast<T>(static_cast<Sum>(s[i]) + static_cast<Sum>(v[i]));
}

}  // namespace

void add_to(DType dtype, void* sum, const void* value, int64_t count) {
  switch (dtype) {
    case DType::f32: return add<float>(sum, value, count);
    case DType::f64: return add<double>(sum, value, count);
    case DType::f16: return add<f16, float>(sum, value, count);
    case DType::bf16: return add<bf16, float>(sum, value, count);
    case DType::i64: return add<int64_t>(sum, value, count);
    case DType::i32: return add<int32_t>(sum, value, count);
    case DType::i8: return add<int8_t>(sum, value, count);
    case DType::u8: return add<uint8_t>(sum, value, count);
    default: fail(Code::type, "[reduce] dtype: expected numbers, got ", dtype);
  }
}

}  // namespace mixnet
