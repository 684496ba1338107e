#include "kvstore/dist/value.h"

#include <cstring>

namespace mixnet {
namespace dist {
namespace {

constexpr uintptr_t alignment = 16;

void check_size(const Record& record) {
  const bool coded = record.codes != Codes::none;
  MIXNET_CHECK(!coded || (record.dtype == DType::f32 && record.threshold > 0), net, "[kvstore] key ", record.key,
               ": expected codes of float32 with a threshold above 0, got codes of ", record.dtype);
  const auto count = static_cast<int64_t>(record.size);
  const bool sane = record.size <= (uint64_t{1} << 48);
  const int64_t bytes = !sane ? 0 : coded ? encoded_bytes(record.codes, count) : count * dtype_size(record.dtype);
  MIXNET_CHECK(sane && record.value.size == static_cast<uint64_t>(bytes), net, "[kvstore] key ", record.key,
               ": expected ", record.size, " elements of ", record.dtype, " in ", bytes, " bytes, got ",
               record.value.size, " bytes");
}

}  // namespace

void check_fits(const Record& record, const NDArray& value) {
  MIXNET_CHECK(record.size == static_cast<uint64_t>(value.size()), shape, "[kvstore] key ", record.key, ": expected ",
               value.size(), " elements, got ", record.size);
  MIXNET_CHECK(record.dtype == value.dtype(), type, "[kvstore] key ", record.key, ": expected ", value.dtype(),
               ", got ", record.dtype);
}

NDArray own_value(const Record& record) {
  check_size(record);
  NDArray array(Shape{static_cast<int64_t>(record.size)}, record.dtype);
  if (record.codes != Codes::none) {
    const Compression how{record.codes, record.threshold};
    mixnet::decode(how, record.value.data, array.size(), static_cast<float*>(array.view().data));
    return array;
  }
  if (record.value.size) std::memcpy(array.view().data, record.value.data, record.value.size);
  return array;
}

NDArray lent_value(const Record& record) {
  check_size(record);
  if (record.codes != Codes::none || !record.value.owner || record.value.size == 0 ||
      reinterpret_cast<uintptr_t>(record.value.data) % alignment != 0) {
    return own_value(record);
  }
  auto owner = record.value.owner;
  auto chunk =
      std::make_shared<Chunk>(DeviceId{}, const_cast<uint8_t*>(record.value.data), record.value.size, [owner] {});
  return NDArray(std::move(chunk), Shape{static_cast<int64_t>(record.size)}, record.dtype);
}

NDArray number_array(uint64_t number) {
  const NDArray array(Shape{1}, DType::i64);
  const auto value = static_cast<int64_t>(number);
  array.copy_from_host(&value, sizeof value);
  return array;
}

uint64_t array_number(const NDArray& array) {
  MIXNET_CHECK(array.dtype() == DType::i64 && array.size() == 1, io,
               "[kvstore restore] version: expected one int64, got ", array.shape(), " of ", array.dtype());
  int64_t value = 0;
  array.copy_to_host(&value, sizeof value);
  return static_cast<uint64_t>(value);
}

std::unique_ptr<Optimizer> make_optimizer(const Json& order) {
  auto optimizer = std::make_unique<Optimizer>(order.at("name").as_string(), Attributes{});
  configure(*optimizer, order);
  return optimizer;
}

void configure(Optimizer& optimizer, const Json& order) {
  for (const auto& [option, value] : order.at("options").members()) optimizer.set(option, Value(value.as_string()));
  for (const auto& [key, factors] : order.at("multipliers").members()) {
    MIXNET_CHECK(factors.is_array() && factors.items().size() == 2, net, "[kvstore] multipliers of ", key,
                 ": expected two numbers");
    optimizer.set_multipliers(key, factors.items()[0].as_double(), factors.items()[1].as_double());
  }
}

}  // namespace dist
}  // namespace mixnet
