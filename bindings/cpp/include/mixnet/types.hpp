/// Element types, devices and shapes.
#pragma once

#include <mixnet/error.hpp>

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace mixnet {

/// Extents, outermost first.
using Shape = std::vector<int64_t>;

enum class DType : int32_t {
  float32 = MXN_FLOAT32,
  float64 = MXN_FLOAT64,
  float16 = MXN_FLOAT16,
  uint8 = MXN_UINT8,
  int32 = MXN_INT32,
  int8 = MXN_INT8,
  int64 = MXN_INT64,
  boolean = MXN_BOOL,
  bfloat16 = MXN_BFLOAT16
};

/// "float32", as operators' dtype parameters have it.
inline const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::float32: return "float32";
    case DType::float64: return "float64";
    case DType::float16: return "float16";
    case DType::uint8: return "uint8";
    case DType::int32: return "int32";
    case DType::int8: return "int8";
    case DType::int64: return "int64";
    case DType::boolean: return "bool";
    case DType::bfloat16: return "bfloat16";
  }
  fail("[dtype] expected a DType, got " + std::to_string(static_cast<int32_t>(dtype)));
}

/// The DType of a C++ type. float16 and bfloat16 have none: read and write them as float.
template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) return DType::float32;
  else if constexpr (std::is_same_v<T, double>) return DType::float64;
  else if constexpr (std::is_same_v<T, bool>) return DType::boolean;
  else if constexpr (std::is_same_v<T, uint8_t>) return DType::uint8;
  else if constexpr (std::is_same_v<T, int8_t>) return DType::int8;
  else if constexpr (std::is_same_v<T, int32_t>) return DType::int32;
  else {
    static_assert(std::is_integral_v<T> && std::is_signed_v<T> && sizeof(T) == 8, "no array has elements of this type");
    return DType::int64;
  }
}

/// Where an array lies and operators run.
struct Device {
  int32_t kind = MXN_DEVICE_CPU;
  int32_t index = 0;
  friend bool operator==(Device a, Device b) { return a.kind == b.kind && a.index == b.index; }
  friend bool operator!=(Device a, Device b) { return !(a == b); }
};

inline Device cpu(int32_t index = 0) { return {MXN_DEVICE_CPU, index}; }
inline Device gpu(int32_t index = 0) { return {MXN_DEVICE_GPU, index}; }
/// Host memory that a GPU copies from fast.
inline Device pinned(int32_t index = 0) { return {MXN_DEVICE_PINNED, index}; }

/// Number of elements.
inline int64_t size_of(const Shape& shape) {
  int64_t size = 1;
  for (int64_t extent : shape) size *= extent;
  return size;
}

/// "(2, 3)", as operators' parameters have it.
inline std::string to_text(const Shape& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

namespace detail {

/// Names, ndims and extents one after another, as the C ABI takes several shapes.
struct NamedShapes {
  std::vector<const char*> names;
  std::vector<int32_t> ndims;
  std::vector<int64_t> dims;

  template <class Map>
  explicit NamedShapes(const Map& shapes) {
    for (const auto& [name, shape] : shapes) {
      names.push_back(name.c_str());
      ndims.push_back(static_cast<int32_t>(shape.size()));
      dims.insert(dims.end(), shape.begin(), shape.end());
    }
  }
  int32_t count() const { return static_cast<int32_t>(names.size()); }
};

}  // namespace detail
}  // namespace mixnet
