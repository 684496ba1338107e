// Symbols whose layers run on 8-bit numbers.
#include "pass/quantize.h"

#include "base/json.h"
#include "c_api/handles.h"

namespace mixnet::c_api {
namespace {

constexpr const char* place = "symbol_quantize";

std::vector<std::string> texts(const Json& list) {
  std::vector<std::string> all;
  for (const Json& item : list.items()) all.push_back(item.as_string());
  return all;
}
// Whether the member is `second`; neither of the two is an error.
bool is_second(const std::string& key, const Json& value, const char* first, const char* second) {
  MIXNET_CHECK(value.is_string() && (value.as_string() == first || value.as_string() == second), invalid, "[", place,
               "] ", key, ": expected '", first, "' or '", second, "', got ", value.dump());
  return value.as_string() == second;
}
void set_dtype(const Json& value, QuantizeOptions& options) {
  const std::string type = value.is_string() ? value.as_string() : "";
  MIXNET_CHECK(type == "int8" || type == "uint8" || type == "auto", invalid, "[", place,
               "] quantized_dtype: expected 'int8', 'uint8' or 'auto', got ", value.dump());
  options.signed_only = type == "int8";
  options.unsigned_data = type == "uint8";
}
QuantizeOptions read_options(const Json& json) {
  QuantizeOptions options;
  for (const auto& [key, value] : json.members()) {
    if (key == "excluded_names") options.excluded_names = texts(value);
    else if (key == "excluded_operators") options.excluded_operators = texts(value);
    else if (key == "quantized_dtype") set_dtype(value, options);
    else if (key == "quantize_mode") options.everything = is_second(key, value, "smart", "full");
    else if (key == "quantize_granularity") options.per_channel = is_second(key, value, "tensor-wise", "channel-wise");
    else fail(Code::invalid, "[", place, "] options: unknown member '", key, "'");
  }
  for (std::string& name : options.excluded_operators) name = registry().at(name).name;
  return options;
}
ValueRanges read_ranges(const Json& json) {
  ValueRanges ranges;
  for (const auto& [name, limits] : json.members()) {
    MIXNET_CHECK(limits.is_array() && limits.items().size() == 2, invalid, "[", place, "] ranges: ", name,
                 ": expected [lowest, highest], got ", limits.dump());
    ranges[name] = {limits.items()[0].as_double(), limits.items()[1].as_double()};
  }
  return ranges;
}

}  // namespace
}  // namespace mixnet::c_api

using namespace mixnet;
using namespace mixnet::c_api;

int32_t mxn_symbol_quantize(const mxn_symbol_t* symbol, const char* options, mxn_symbol_t** out_symbol,
                            mxn_symbol_t** out_parameters, mxn_strings_t** out_names) {
  return guard([&] {
    clear(out_symbol, place, "out_symbol");
    clear(out_parameters, place, "out_parameters");
    clear(out_names, place, "out_names");
    const Graph graph(required(symbol, place, "symbol").symbol.outputs());
    const Json json = Json::parse(&required(options, place, "options"), "[symbol_quantize] options");
    auto names = std::make_unique<mxn_strings>();
    if (const Json* ranges = json.find("ranges")) {
      auto known = std::make_unique<mxn_symbol>(mxn_symbol{Symbol(calibrate(graph, read_ranges(*ranges)))});
      *out_parameters = new mxn_symbol{Symbol()};
      *out_symbol = known.release();
    } else {
      Quantized made = quantize(graph, read_options(json));
      std::vector<Entry> values;
      for (auto& [name, value] : made.parameters) {
        names->items.push_back(name);
        values.push_back(value);
      }
      auto result = std::make_unique<mxn_symbol>(mxn_symbol{Symbol(std::move(made.heads))});
      *out_parameters = new mxn_symbol{Symbol(std::move(values))};
      *out_symbol = result.release();
    }
    *out_names = names.release();
  });
}
