// Symbols.
#include "c_api/handles.h"
#include "executor/infer.h"

namespace mixnet::c_api {

namespace {

const Symbol& symbol_of(const mxn_symbol_t* handle, const char* place) {
  return required(handle, place, "symbol").symbol;
}

// The inputs that were given want no gradient: they are the data.
SimpleBindArguments data_alone(std::vector<std::pair<std::string, Shape>> shapes) {
  SimpleBindArguments arguments;
  for (const auto& item : shapes) arguments.requests.emplace_back(item.first, GradRequest::null);
  arguments.shapes = std::move(shapes);
  return arguments;
}

mxn_shapes_t* make_shapes(const std::vector<Shape>& shapes) {
  auto list = std::make_unique<mxn_shapes>();
  for (const Shape& s : shapes) {
    list->ndims.push_back(s.ndim());
    list->items.emplace_back(s.begin(), s.end());
  }
  return list.release();
}

mxn_shapes_t* make_types(const std::vector<DType>& types) {
  auto list = std::make_unique<mxn_shapes>();
  list->items.emplace_back();
  for (DType t : types) list->items[0].push_back(static_cast<int64_t>(t));
  list->ndims.push_back(static_cast<int32_t>(types.size()));
  return list.release();
}

std::vector<std::pair<std::string, Symbol>> read_inputs(mxn_symbol_t* const* inputs, const char* const* names,
                                                        int32_t count, const char* place) {
  std::vector<std::pair<std::string, Symbol>> result;
  for (mxn_symbol_t* input : list(inputs, count, place, "inputs")) {
    const size_t i = result.size();
    result.emplace_back(names && names[i] ? names[i] : "", symbol_of(input, place));
  }
  return result;
}

StringMap read_attributes(const char* const* keys, const char* const* values, int32_t count, const char* place) {
  StringMap attributes;
  list(keys, count, place, "attr_keys");
  list(values, count, place, "attr_values");
  for (int32_t i = 0; i < count; ++i)
    attributes[&required(keys[i], place, "attr_keys")] = &required(values[i], place, "attr_values");
  return attributes;
}

std::vector<Symbol> read_symbols(mxn_symbol_t* const* symbols, int32_t count, const char* place, const char* name) {
  std::vector<Symbol> all;
  for (mxn_symbol_t* s : list(symbols, count, place, name)) all.push_back(symbol_of(s, place));
  return all;
}

}  // namespace
}  // namespace mixnet::c_api

using namespace mixnet;
using namespace mixnet::c_api;

int32_t mxn_symbol_variable(const char* name, mxn_symbol_t** out_symbol) {
  return guard([&] {
    clear(out_symbol, "symbol_variable", "out_symbol");
    *out_symbol = new mxn_symbol{Symbol::variable(&required(name, "symbol_variable", "name"))};
  });
}

int32_t mxn_symbol_create(const mxn_op_t* op, const mxn_arg_t* args, int32_t num_args, const char* const* attr_keys,
                          const char* const* attr_values, int32_t num_attrs, mxn_symbol_t* const* inputs,
                          const char* const* input_names, int32_t num_inputs, const char* name,
                          mxn_symbol_t** out_symbol) {
  return guard([&] {
    clear(out_symbol, "symbol_create", "out_symbol");
    const OpSchema& schema = schema_of(op, "symbol_create");
    required(name, schema.name.c_str(), "name");
    const Attributes params = make_attributes(schema, list(args, num_args, schema.name.c_str(), "args"));
    const StringMap attributes = read_attributes(attr_keys, attr_values, num_attrs, "symbol_create");
    *out_symbol = new mxn_symbol{Symbol::create(
        schema, params, attributes, read_inputs(inputs, input_names, num_inputs, schema.name.c_str()), name)};
  });
}

int32_t mxn_symbol_create_with(const mxn_op_t* op, mxn_symbol_t* const* graphs, int32_t num_graphs,
                               const mxn_arg_t* args, int32_t num_args, const char* const* attr_keys,
                               const char* const* attr_values, int32_t num_attrs, mxn_symbol_t* const* inputs,
                               int32_t num_inputs, const char* name, mxn_symbol_t** out_symbol) {
  return guard([&] {
    const char* place = "symbol_create_with";
    clear(out_symbol, place, "out_symbol");
    const OpSchema& schema = schema_of(op, place);
    required(name, place, "name");
    const std::vector<Symbol> bodies = read_symbols(graphs, num_graphs, place, "graphs");
    const Attributes params = make_attributes(schema, list(args, num_args, place, "args"));
    *out_symbol = new mxn_symbol{Symbol::create_with(schema, bodies, params,
                                                     read_attributes(attr_keys, attr_values, num_attrs, place),
                                                     read_symbols(inputs, num_inputs, place, "inputs"), name)};
  });
}

int32_t mxn_symbol_cut(const mxn_symbol_t* symbol, const char* key, const char* value, mxn_symbol_t** out_symbol,
                       mxn_symbol_t** out_outside) {
  return guard([&] {
    const char* place = "symbol_cut";
    clear(out_symbol, place, "out_symbol");
    clear(out_outside, place, "out_outside");
    Symbol outside;
    auto inner = std::make_unique<mxn_symbol>(mxn_symbol{
        symbol_of(symbol, place).cut(&required(key, place, "key"), &required(value, place, "value"), &outside)});
    if (!outside.outputs().empty()) *out_outside = new mxn_symbol{std::move(outside)};
    *out_symbol = inner.release();
  });
}

int32_t mxn_symbol_group(mxn_symbol_t* const* symbols, int32_t count, mxn_symbol_t** out_symbol) {
  return guard([&] {
    clear(out_symbol, "symbol_group", "out_symbol");
    *out_symbol = new mxn_symbol{Symbol::group(read_symbols(symbols, count, "symbol_group", "symbols"))};
  });
}

int32_t mxn_symbol_copy(const mxn_symbol_t* symbol, mxn_symbol_t** out_symbol) {
  return guard([&] {
    clear(out_symbol, "symbol_copy", "out_symbol");
    *out_symbol = new mxn_symbol{symbol_of(symbol, "symbol_copy").copy()};
  });
}

int32_t mxn_symbol_place(const mxn_symbol_t* symbol, const char* const* names, const int32_t* device_kinds,
                         const int32_t* device_indices, int32_t count, mxn_symbol_t** out_symbol) {
  return guard([&] {
    const char* place = "symbol_place";
    clear(out_symbol, place, "out_symbol");
    const auto kinds = list(device_kinds, count, place, "device_kinds");
    const auto indices = list(device_indices, count, place, "device_indices");
    Groups groups;
    size_t i = 0;
    for (const char* name : list(names, count, place, "names")) {
      groups[&required(name, place, "names")] = make_device(kinds[i], indices[i], place);
      ++i;
    }
    *out_symbol = new mxn_symbol{symbol_of(symbol, place).placed(std::move(groups))};
  });
}

int32_t mxn_symbol_compose(const mxn_symbol_t* symbol, const char* name, const char* const* keys,
                           mxn_symbol_t* const* replacements, int32_t count, mxn_symbol_t** out_symbol) {
  return guard([&] {
    clear(out_symbol, "symbol_compose", "out_symbol");
    const Symbol& s = symbol_of(symbol, "symbol_compose");
    *out_symbol = new mxn_symbol{s.compose(read_inputs(replacements, keys, count, "symbol_compose"), name ? name : "")};
  });
}

int32_t mxn_symbol_output(const mxn_symbol_t* symbol, int64_t i, mxn_symbol_t** out_symbol) {
  return guard([&] {
    clear(out_symbol, "symbol_output", "out_symbol");
    *out_symbol = new mxn_symbol{symbol_of(symbol, "symbol_output").output(i)};
  });
}

int32_t mxn_symbol_internals(const mxn_symbol_t* symbol, mxn_symbol_t** out_symbol) {
  return guard([&] {
    clear(out_symbol, "symbol_internals", "out_symbol");
    *out_symbol = new mxn_symbol{symbol_of(symbol, "symbol_internals").internals()};
  });
}

int32_t mxn_symbol_children(const mxn_symbol_t* symbol, mxn_symbol_t** out_symbol) {
  return guard([&] {
    clear(out_symbol, "symbol_children", "out_symbol");
    Symbol children = symbol_of(symbol, "symbol_children").children();
    if (!children.outputs().empty()) *out_symbol = new mxn_symbol{std::move(children)};
  });
}

void mxn_symbol_free(mxn_symbol_t* symbol) { delete symbol; }

int32_t mxn_symbol_name(const mxn_symbol_t* symbol, char** out_name) {
  return guard([&] {
    clear(out_name, "symbol_name", "out_name");
    const std::string name = symbol_of(symbol, "symbol_name").name();
    if (!name.empty()) *out_name = copy_text(name);
  });
}

int32_t mxn_symbol_list(const mxn_symbol_t* symbol, int32_t what, mxn_strings_t** out_names) {
  return guard([&] {
    clear(out_names, "symbol_list", "out_names");
    const Symbol& s = symbol_of(symbol, "symbol_list");
    MIXNET_CHECK(what >= 0 && what <= 2, invalid, "[symbol_list] what: expected 0 to 2, got ", what);
    *out_names = new mxn_strings{what == 0 ? s.list_arguments() : what == 1 ? s.list_outputs() : s.list_states()};
  });
}

int32_t mxn_symbol_get_attr(const mxn_symbol_t* symbol, const char* key, char** out_value) {
  return guard([&] {
    clear(out_value, "symbol_get_attr", "out_value");
    std::string value;
    const Symbol& s = symbol_of(symbol, "symbol_get_attr");
    if (s.get_attribute(&required(key, "symbol_get_attr", "key"), &value)) *out_value = copy_text(value);
  });
}

int32_t mxn_symbol_set_attr(mxn_symbol_t* symbol, const char* key, const char* value) {
  return guard([&] {
    required(symbol, "symbol_set_attr", "symbol")
        .symbol.set_attribute(&required(key, "symbol_set_attr", "key"), &required(value, "symbol_set_attr", "value"));
  });
}

int32_t mxn_symbol_attributes(const mxn_symbol_t* symbol, mxn_strings_t** out_triples) {
  return guard([&] {
    clear(out_triples, "symbol_attributes", "out_triples");
    auto triples = std::make_unique<mxn_strings>();
    for (const auto& [node, attributes] : symbol_of(symbol, "symbol_attributes").attribute_dict()) {
      for (const auto& [key, value] : attributes) triples->items.insert(triples->items.end(), {node, key, value});
    }
    *out_triples = triples.release();
  });
}

int32_t mxn_symbol_to_json(const mxn_symbol_t* symbol, char** out_json) {
  return guard([&] {
    clear(out_json, "symbol_to_json", "out_json");
    *out_json = copy_text(symbol_of(symbol, "symbol_to_json").to_json());
  });
}

int32_t mxn_symbol_from_json(const char* json, mxn_symbol_t** out_symbol) {
  return guard([&] {
    clear(out_symbol, "symbol_from_json", "out_symbol");
    *out_symbol = new mxn_symbol{Symbol::from_json(&required(json, "symbol_from_json", "json"))};
  });
}

int32_t mxn_symbol_debug(const mxn_symbol_t* symbol, char** out_text) {
  return guard([&] {
    clear(out_text, "symbol_debug", "out_text");
    *out_text = copy_text(symbol_of(symbol, "symbol_debug").debug_str());
  });
}

int32_t mxn_symbol_infer_shape(const mxn_symbol_t* symbol, const char* const* names, const int32_t* ndims,
                               const int64_t* dims, int32_t count, mxn_shapes_t** out_arguments,
                               mxn_shapes_t** out_outputs, mxn_shapes_t** out_states, int32_t* out_complete) {
  return guard([&] {
    clear(out_arguments, "infer_shape", "out_arguments");
    clear(out_outputs, "infer_shape", "out_outputs");
    clear(out_states, "infer_shape", "out_states");
    clear(out_complete, "infer_shape", "out_complete");
    const Inferred<Shape> r =
        infer_shape(symbol_of(symbol, "infer_shape"), read_shapes(names, ndims, dims, count, "infer_shape"));
    *out_arguments = make_shapes(r.arguments);
    *out_outputs = make_shapes(r.outputs);
    *out_states = make_shapes(r.states);
    *out_complete = r.complete();
  });
}

int32_t mxn_symbol_infer_type(const mxn_symbol_t* symbol, const char* const* names, const int32_t* dtypes,
                              int32_t count, mxn_shapes_t** out_arguments, mxn_shapes_t** out_outputs,
                              mxn_shapes_t** out_states, int32_t* out_complete) {
  return guard([&] {
    clear(out_arguments, "infer_type", "out_arguments");
    clear(out_outputs, "infer_type", "out_outputs");
    clear(out_states, "infer_type", "out_states");
    clear(out_complete, "infer_type", "out_complete");
    list(dtypes, count, "infer_type", "dtypes");
    std::vector<std::pair<std::string, DType>> known;
    for (const char* name : list(names, count, "infer_type", "names")) {
      known.emplace_back(&required(name, "infer_type", "names"), make_dtype(dtypes[known.size()], "infer_type"));
    }
    const Inferred<DType> r = infer_type(symbol_of(symbol, "infer_type"), known);
    *out_arguments = make_types(r.arguments);
    *out_outputs = make_types(r.outputs);
    *out_states = make_types(r.states);
    *out_complete = r.complete();
  });
}

int32_t mxn_symbol_memory(const mxn_symbol_t* symbol, const char* const* names, const int32_t* ndims,
                          const int64_t* dims, int32_t count, int32_t training, mxn_memory_info_t* out) {
  return guard([&] {
    const char* place = "symbol_memory";
    known_size(out, place, "out_info");
    const SimpleBindArguments arguments = data_alone(read_shapes(names, ndims, dims, count, place));
    give_memory(estimate_memory(symbol_of(symbol, place), arguments, training != 0), out, place);
  });
}

int32_t mxn_symbol_device_memory(const mxn_symbol_t* symbol, int32_t device_kind, int32_t device_index,
                                 const char* const* names, const int32_t* ndims, const int64_t* dims, int32_t count,
                                 int32_t training, mxn_memory_info_t* out) {
  return guard([&] {
    const char* place = "symbol_device_memory";
    known_size(out, place, "out_info");
    const DeviceId device = make_device(device_kind, device_index, place);
    const SimpleBindArguments arguments = data_alone(read_shapes(names, ndims, dims, count, place));
    const auto memory = estimate_device_memory(symbol_of(symbol, place), arguments, training != 0);
    give_memory(on_device(memory, device), out, place);
  });
}
