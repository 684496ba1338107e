// Parameters as text, as files and bindings give them, through mxn_symbol_create: what is accepted must be written as text that gives the
// same text again. Layout: operator (2 bytes), field, text.
#include <cstdlib>
#include <cstring>

#include "mixnet/c_api.h"
#include "random_call.h"
#include "target.h"

using namespace mixnet;
using namespace mixnet::fuzz;

namespace {

// The symbol's JSON, or empty when the text was refused.
std::string make(const mxn_op_t* op, int32_t field, const std::string& text) {
  mxn_arg_t a;
  std::memset(&a, 0, sizeof a);
  a.field = field;
  a.tag = MXN_TAG_TEXT;
  a.text = text.c_str();
  mxn_symbol_t* symbol = nullptr;
  char *json = nullptr, message[64] = "";
  if (mxn_symbol_create(op, &a, 1, nullptr, nullptr, 0, nullptr, nullptr, 0, "n", &symbol) != 0) {
    mxn_error_copy(message, sizeof message);
    if (message[0] != '[' || mxn_error_code() == MXN_ERROR_INTERNAL) std::abort();
    return "";
  }
  if (mxn_symbol_to_json(symbol, &json) != 0) std::abort();
  const std::string result = json;
  mxn_text_free(json);
  mxn_symbol_free(symbol);
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  const auto& all = offered_operators();
  const size_t high = bytes.byte();
  const OpSchema& schema = *all[(high * 256 + bytes.byte()) % all.size()];
  if (schema.fields.empty()) return 0;
  const size_t field = bytes.below(schema.fields.size());
  const mxn_op_t* op = nullptr;
  if (mxn_op_find(schema.name.c_str(), &op) != 0) std::abort();
  const std::string json = make(op, static_cast<int32_t>(field), bytes.rest());
  if (json.empty()) return 0;
  mxn_symbol_t* again = nullptr;
  char* text = nullptr;
  if (mxn_symbol_from_json(json.c_str(), &again) != 0 || mxn_symbol_to_json(again, &text) != 0 || json != text)
    std::abort();
  mxn_text_free(text);
  mxn_symbol_free(again);
  return 0;
}

namespace mixnet::fuzz {

std::vector<std::string> seeds() {
  std::vector<std::string> list;
  const auto& all = offered_operators();
  for (size_t id = 0; id < all.size(); ++id) {
    for (size_t f = 0; f < all[id]->fields.size(); ++f) {
      const std::string start{static_cast<char>(id / 256), static_cast<char>(id % 256), static_cast<char>(f)};
      list.push_back(start + all[id]->fields[f].default_text);
    }
  }
  return list;
}

std::vector<std::string> dictionary() {
  return {"(",
          ")",
          "[",
          "]",
          ",",
          "None",
          "True",
          "False",
          "(3, 3)",
          "1e18",
          "1e400",
          "nan",
          "inf",
          "-",
          "0x",
          "L",
          "f",
          ".",
          "'",
          "\"",
          " ",
          "9223372036854775807",
          "9223372036854775808",
          "-9223372036854775809",
          "float32",
          "2147483648",
          "(0,)",
          "(-1,)"};
}

}  // namespace mixnet::fuzz
