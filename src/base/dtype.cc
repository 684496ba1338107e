#include "base/dtype.h"

#include <string>

namespace mixnet {
namespace {

struct Row {
  DType dtype;
  const char* name;
  int64_t size;
};

constexpr Row rows[] = {
    {DType::f32, "float32", 4}, {DType::f64, "float64", 8},  {DType::f16, "float16", 2},
    {DType::u8, "uint8", 1},    {DType::i32, "int32", 4},    {DType::i8, "int8", 1},
    {DType::i64, "int64", 8},   {DType::boolean, "bool", 1}, {DType::bf16, "bfloat16", 2},
};

const Row* find(DType dtype) {
  for (const Row& row : rows) {
    if (row.dtype == dtype) return &row;
  }
  return nullptr;
}

}  // namespace

int64_t dtype_size(DType dtype) {
  const Row* row = find(dtype);
  MIXNET_CHECK(row, type, "[dtype] code ", static_cast<int32_t>(dtype), " is not a dtype of this library");
  return row->size;
}

const char* dtype_name(DType dtype) {
  const Row* row = find(dtype);
  return row ? row->name : "?";
}

DType dtype_from_name(const std::string& name) {
  for (const Row& row : rows) {
    if (name == row.name || name == std::to_string(static_cast<int32_t>(row.dtype))) return row.dtype;
  }
  fail(Code::type, "[dtype] expected the name of a dtype such as float32, got '", name, "'");
}

bool dtype_valid(int32_t code) { return find(static_cast<DType>(code)) != nullptr; }

}  // namespace mixnet
