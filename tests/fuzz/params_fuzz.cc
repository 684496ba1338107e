// .params files of all generations: what is accepted must be written and read again with the same bytes.
#include <cstdlib>
#include <cstring>

#include "ndarray/serialize.h"
#include "target.h"

using namespace mixnet;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const std::string once = save_arrays_to_memory(load_arrays_from_memory(data, size, "fuzz"));
    if (save_arrays_to_memory(load_arrays_from_memory(once.data(), once.size(), "again")) != once) std::abort();
  } catch (const Error& e) {
    if (e.code() != Code::io) std::abort();
  }
  try {
    load_record(data, size, "fuzz");
  } catch (const Error& e) {
    if (e.code() != Code::io) std::abort();
  }
  return 0;
}

namespace mixnet::fuzz {
namespace {

template <class T> std::string number(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

NDArray counting(const Shape& shape, DType dtype) {
  const NDArray array(shape, dtype);
  const std::string bytes(static_cast<size_t>(array.bytes()), '\x2a');
  if (!bytes.empty()) array.copy_from_host(bytes.data(), array.bytes());
  return array;
}

// The list of one array of two floats, as the releases up to 0.11 wrote it.
std::string old_list(bool v1) {
  std::string s = number(uint64_t{0x112}) + number(uint64_t{0}) + number(uint64_t{1});
  if (v1) s += number(uint32_t{0xF993FAC8}) + number(int32_t{1}) + number(int64_t{2});
  else s += number(uint32_t{1}) + number(uint32_t{2});
  s += number(int32_t{1}) + number(int32_t{0}) + number(int32_t{0}) + number(1.5f) + number(2.5f);
  return s + number(uint64_t{1}) + number(uint64_t{5}) + "arg:w";
}

}  // namespace

std::vector<std::string> seeds() {
  NamedArrays named;
  named.arrays = {counting({2, 3}, DType::f32), counting({4}, DType::i64), counting({0, 5}, DType::u8), NDArray()};
  named.names = {"arg:weight", "aux:mean", "e", ""};
  NamedArrays plain;
  plain.arrays = {counting({1}, DType::f16)};
  std::string v3 = save_record(plain.arrays[0]);
  v3[0] = '\xCA';
  const std::string list = save_arrays_to_memory(plain);
  std::string v3_list = list;
  v3_list[24] = '\xCA';
  return {
      save_arrays_to_memory(named), list, v3_list, save_record(named.arrays[0]), v3, old_list(false), old_list(true),
      save_arrays_to_memory({})};
}

std::vector<std::string> dictionary() {
  return {number(uint32_t{0xF993FACA}), number(uint32_t{0xF993FAC9}), number(uint32_t{0xF993FAC8}),
          number(uint64_t{0x112}),      number(int64_t{1} << 60),     number(int64_t{1} << 31),
          number(int64_t{-1}),          number(int64_t{0}),           number(int32_t{0}),
          number(int32_t{1}),           number(int32_t{12}),          number(int32_t{32})};
}

}  // namespace mixnet::fuzz
