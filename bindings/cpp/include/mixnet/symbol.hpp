/// A symbol: one or more outputs of a graph of operators that is not computed yet.
#pragma once

#include <mixnet/ndarray.hpp>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>
#include <sstream>

namespace mixnet {

/// Shapes of everything a symbol needs and gives, in the order of the name lists. Extents of -1 are unknown; empty `known` shapes too.
struct InferredShapes {
  std::vector<Shape> arguments, outputs, states;
  bool complete = false;
};

/// Codes of DType likewise, -1 where unknown.
struct InferredTypes {
  std::vector<int64_t> arguments, outputs, states;
  bool complete = false;
};

/// Moved, not copied; `copy()` is a deep copy. Does not change but for its attributes.
class Symbol {
 public:
  /// No symbol.
  Symbol() = default;
  explicit Symbol(mxn_symbol_t* handle) : handle_(handle) {}

  static Symbol variable(const std::string& name) {
    Symbol made;
    check(mxn_symbol_variable(name.c_str(), receive(made.handle_)));
    return made;
  }
  /// Several symbols as one with all their outputs.
  static Symbol group(const std::vector<const Symbol*>& symbols) {
    std::vector<mxn_symbol_t*> handles;
    for (const Symbol* symbol : symbols) handles.push_back(symbol->get());
    Symbol made;
    check(mxn_symbol_group(handles.data(), static_cast<int32_t>(handles.size()), receive(made.handle_)));
    return made;
  }
  /// From the JSON of any MXNet generation.
  static Symbol from_json(const std::string& json) {
    Symbol made;
    check(mxn_symbol_from_json(json.c_str(), receive(made.handle_)));
    return made;
  }
  static Symbol load(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) fail("[Symbol::load] path: expected a readable file, got " + path, Code::io);
    std::ostringstream content;
    content << file.rdbuf();
    return from_json(content.str());
  }

  explicit operator bool() const { return handle_ != nullptr; }
  mxn_symbol_t* get() const { return handle_.get(); }

  // ---- names and structure

  /// Name of the node; empty for a group of several.
  std::string name() const {
    detail::Text text;
    check(mxn_symbol_name(get(), receive(text)));
    return detail::text(text);
  }
  /// Names of the variables that must be given values, in order.
  std::vector<std::string> arguments() const { return list(0); }
  std::vector<std::string> outputs() const { return list(1); }
  /// Names of the states that operators keep, such as BatchNorm's moving statistics.
  std::vector<std::string> states() const { return list(2); }
  size_t size() const { return outputs().size(); }

  /// Output i as a symbol.
  Symbol operator[](int64_t i) const {
    Symbol made;
    check(mxn_symbol_output(get(), i, receive(made.handle_)));
    return made;
  }
  /// The output of this name.
  Symbol operator[](const std::string& output) const {
    const std::vector<std::string> names = outputs();
    const auto found = std::find(names.begin(), names.end(), output);
    if (found == names.end()) fail("[Symbol] output: expected one of its outputs, got " + output);
    return (*this)[found - names.begin()];
  }
  Symbol operator[](const char* output) const { return (*this)[std::string(output)]; }
  /// All inner outputs as one symbol.
  Symbol internals() const {
    Symbol made;
    check(mxn_symbol_internals(get(), receive(made.handle_)));
    return made;
  }
  /// The inputs of the output nodes; no symbol when there are none.
  Symbol children() const {
    Symbol made;
    check(mxn_symbol_children(get(), receive(made.handle_)));
    return made;
  }
  Symbol copy() const {
    Symbol made;
    check(mxn_symbol_copy(get(), receive(made.handle_)));
    return made;
  }
  /// The symbol with variables replaced, by name.
  Symbol compose(const std::map<std::string, const Symbol*>& replacements, const std::string& name = "") const {
    std::vector<const char*> keys;
    std::vector<mxn_symbol_t*> handles;
    for (const auto& [key, symbol] : replacements) {
      keys.push_back(key.c_str());
      handles.push_back(symbol->get());
    }
    Symbol made;
    check(mxn_symbol_compose(get(), name.empty() ? nullptr : name.c_str(), keys.data(), handles.data(),
                             static_cast<int32_t>(keys.size()), receive(made.handle_)));
    return made;
  }

  /// The same symbol for binding with its groups of nodes (attribute ctx_group) on devices, by group.
  Symbol placed(const std::map<std::string, Device>& groups) const {
    std::vector<const char*> names;
    std::vector<int32_t> kinds, indices;
    for (const auto& [name, device] : groups) {
      names.push_back(name.c_str());
      kinds.push_back(device.kind);
      indices.push_back(device.index);
    }
    Symbol made;
    check(mxn_symbol_place(get(), names.data(), kinds.data(), indices.data(), static_cast<int32_t>(names.size()),
                           receive(made.handle_)));
    return made;
  }

  // ---- attributes

  /// An attribute or parameter of the node; empty when it has none.
  std::string attr(const std::string& key) const {
    detail::Text text;
    check(mxn_symbol_get_attr(get(), key.c_str(), receive(text)));
    return detail::text(text);
  }
  void set_attr(const std::string& key, const std::string& value) {
    check(mxn_symbol_set_attr(get(), key.c_str(), value.c_str()));
  }
  /// Attributes of all nodes: {node: {key: value}}.
  std::map<std::string, std::map<std::string, std::string>> attributes() const {
    detail::Strings triples;
    check(mxn_symbol_attributes(get(), receive(triples)));
    const std::vector<std::string> texts = detail::list(triples);
    std::map<std::string, std::map<std::string, std::string>> found;
    for (size_t i = 0; i + 2 < texts.size(); i += 3) found[texts[i]][texts[i + 1]] = texts[i + 2];
    return found;
  }

  // ---- files

  /// JSON that MXNet 1.x reads.
  std::string to_json() const {
    detail::Text json;
    check(mxn_symbol_to_json(get(), receive(json)));
    return detail::text(json);
  }
  void save(const std::string& path) const {
    std::ofstream file(path, std::ios::binary);
    file << to_json();
    if (!file.flush()) fail("[Symbol::save] path: expected a writable file, got " + path, Code::io);
  }
  /// The nodes as text, a line each.
  std::string debug() const {
    detail::Text text;
    check(mxn_symbol_debug(get(), receive(text)));
    return detail::text(text);
  }

  // ---- inference

  InferredShapes infer_shape(const std::map<std::string, Shape>& known) const {
    const detail::NamedShapes shapes(known);
    detail::Shapes arguments, outputs, states;
    int32_t complete = 0;
    check(mxn_symbol_infer_shape(get(), shapes.names.data(), shapes.ndims.data(), shapes.dims.data(), shapes.count(),
                                 receive(arguments), receive(outputs), receive(states), &complete));
    return {all(arguments), all(outputs), all(states), complete != 0};
  }
  InferredTypes infer_type(const std::map<std::string, DType>& known) const {
    std::vector<const char*> names;
    std::vector<int32_t> codes;
    for (const auto& [name, dtype] : known) {
      names.push_back(name.c_str());
      codes.push_back(static_cast<int32_t>(dtype));
    }
    detail::Shapes arguments, outputs, states;
    int32_t complete = 0;
    check(mxn_symbol_infer_type(get(), names.data(), codes.data(), static_cast<int32_t>(names.size()),
                                receive(arguments), receive(outputs), receive(states), &complete));
    return {first(arguments), first(outputs), first(states), complete != 0};
  }

 private:
  friend class Invocation;

  std::vector<std::string> list(int32_t what) const {
    detail::Strings names;
    check(mxn_symbol_list(get(), what, receive(names)));
    return detail::list(names);
  }
  static std::vector<Shape> all(const detail::Shapes& shapes) {
    std::vector<Shape> found;
    for (int64_t i = 0; i < mxn_shapes_count(shapes.get()); ++i) {
      int32_t ndim = 0;
      const int64_t* dims = nullptr;
      check(mxn_shapes_get(shapes.get(), i, &ndim, &dims));
      found.push_back(ndim > 0 ? Shape(dims, dims + ndim) : Shape());
    }
    return found;
  }
  static std::vector<int64_t> first(const detail::Shapes& shapes) {
    const std::vector<Shape> found = all(shapes);
    return found.empty() ? std::vector<int64_t>() : found[0];
  }

  Handle<mxn_symbol_t, mxn_symbol_free> handle_;
};

inline Operand::Operand(const Symbol& symbol) : symbol_(symbol.get()) {}

inline Operand::Operand(const Invocation& inner) {
  if (inner.symbolic()) {
    auto made = std::make_shared<Symbol>(inner.symbol());
    symbol_ = made->get();
    owner_ = std::move(made);
  } else {
    auto made = std::make_shared<NDArray>(static_cast<NDArray>(inner));
    array_ = made->get();
    owner_ = std::move(made);
  }
}

namespace detail {

/// "convolution0", "convolution1", ...: names for nodes that were given none, counted per thread.
inline std::string automatic_name(const char* op) {
  static thread_local std::map<std::string, int> counters;
  std::string hint(op);
  for (char& letter : hint) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return hint + std::to_string(counters[hint]++);
}

}  // namespace detail

inline Symbol Invocation::symbol() const {
  std::vector<mxn_symbol_t*> inputs;
  std::vector<const char*> names, keys, values;
  for (size_t i = 0; i < operands_.size(); ++i) {
    if (operands_[i].array())
      fail(std::string("[") + op_.name() + "] inputs: expected symbols, got an array", Code::type);
    if (!operands_[i].symbol()) continue;
    inputs.push_back(operands_[i].symbol());
    names.push_back(i < op_.inputs().size() ? op_.inputs()[i] : nullptr);
  }
  for (const auto& [key, value] : attributes_) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  const std::vector<mxn_arg_t> args = arguments();
  const std::string name = name_.empty() ? detail::automatic_name(op_.name()) : name_;
  Symbol made;
  check(mxn_symbol_create(op_.get(), args.data(), static_cast<int32_t>(args.size()), keys.data(), values.data(),
                          static_cast<int32_t>(keys.size()), inputs.data(), names.data(),
                          static_cast<int32_t>(inputs.size()), name.c_str(), receive(made.handle_)));
  return made;
}

inline Invocation::operator Symbol() const { return symbol(); }

}  // namespace mixnet
