// Packed models as they are, and with the checksum made right so that their parts are read too.
#include <cstdlib>
#include <cstring>

#include "ndarray/serialize.h"
#include "predictor/packed.h"
#include "predictor/predictor.h"
#include "target.h"

using namespace mixnet;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    read_packed(data, size);
  } catch (const Error& e) {
    if (e.code() != Code::io) std::abort();
  }
  if (size < 32) return 0;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  const uint32_t sum = crc32(bytes.data() + 16, size - 16);
  std::memcpy(&bytes[12], &sum, 4);
  try {
    const PackedModel parts = read_packed(bytes.data(), size);
    Model(parts.symbol_json, parts.params, parts.params_bytes, {});
  } catch (const Error& e) {
    if (e.code() == Code::internal || e.what()[0] != '[') std::abort();
  }
  return 0;
}

namespace mixnet::fuzz {
namespace {

template <class T>
std::string number(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string packed(const std::string& json, const std::string& params) {
  std::string body = number(uint64_t{json.size()}) + number(uint64_t{params.size()}) + json;
  body.resize((16 + body.size() + 63) / 64 * 64 - 16);
  body += params;
  return "MXNMODEL" + number(uint32_t{1}) + number(crc32(body.data(), body.size())) + body;
}

}  // namespace

std::vector<std::string> seeds() {
  const char* json =
      R"({"nodes":[{"op":"null","name":"x","inputs":[]},{"op":"null","name":"w","inputs":[]},)"
      R"({"op":"elemwise_add","name":"y","inputs":[[0,0,0],[1,0,0]]}],"arg_nodes":[0,1],"heads":[[2,0,0]]})";
  const NDArray w(Shape{2}, DType::f32);
  const float values[] = {1, 2};
  w.copy_from_host(values, w.bytes());
  NamedArrays list;
  list.arrays = {w};
  list.names = {"arg:w"};
  return {packed(json, save_arrays_to_memory(list)), packed(json, ""), packed("{}", "")};
}

std::vector<std::string> dictionary() {
  return {"MXNMODEL", std::string("\0\0\0\0\0\0\0\0", 8), std::string("\xff\xff\xff\xff\xff\xff\xff\xff", 8),
          "\"heads\"", "arg:"};
}

}  // namespace mixnet::fuzz
