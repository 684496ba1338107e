// The JSON parser: what it accepts must survive writing and reading.
#include <cstdlib>

#include "base/error.h"
#include "base/json.h"
#include "target.h"

using mixnet::Json;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Json value;
  try {
    value = Json::parse(std::string(reinterpret_cast<const char*>(data), size), "fuzz");
  } catch (const mixnet::Error& e) {
    if (e.code() != mixnet::Code::io) std::abort();
    return 0;
  }
  const std::string text = value.dump();
  if (Json::parse(text, "again").dump() != text) std::abort();
  if (Json::parse(value.dump(true), "again").dump() != text) std::abort();
  return 0;
}

namespace mixnet::fuzz {

std::vector<std::string> seeds() {
  Json object = Json::object();
  object.set("name", "conv\n\"0\"\t\x01 \xC3\xA9");
  object.set("shape", Json::array({Json(3), Json(int64_t{1} << 40), Json(-1)}));
  object.set("lr", 1e-3);
  object.set("on", true);
  object.set("none", Json());
  Json nested = Json::array();
  for (int i = 0; i < 6; ++i) nested = Json::array({nested, object});
  return {object.dump(),
          object.dump(true),
          Json::array({object, Json(false)}).dump(),
          nested.dump().substr(0, 400),
          "\"\\u00e9\\ud83d\\ude00\\/\"",
          "[1.5e300,-0,0.1,123456789012345678901234567890]",
          "{}",
          "[]",
          "null",
          "-1e-5"};
}

std::vector<std::string> dictionary() {
  return {"{",
          "}",
          "[",
          "]",
          ",",
          ":",
          "\"",
          "\\",
          "\\u",
          "\\ud800",
          "\\udc00",
          "\\u0000",
          "true",
          "false",
          "null",
          "1e999",
          "-",
          "e",
          ".",
          "9223372036854775807",
          "9223372036854775808",
          "-9223372036854775808",
          "\"a\":",
          "[[[[[[[[",
          "{\"\":{\"\":",
          "\n",
          "1e-400"};
}

}  // namespace mixnet::fuzz
