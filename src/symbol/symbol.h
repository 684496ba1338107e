// Symbol: a multi-output expression that the user composes; a value type over shared nodes.
//
// Operators append missing inputs as variables NAME_ARG (states too), as MXNet does. Composition copies the nodes it
// changes, so symbols that share nodes are never surprised; only set_attribute writes to a shared node.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "symbol/graph.h"

namespace mixnet {

using StringMap = std::map<std::string, std::string>;
// Devices by the name of a group of nodes (attribute ctx_group).
using Groups = std::map<std::string, DeviceId>;

class Symbol {
 public:
  Symbol() = default;
  explicit Symbol(std::vector<Entry> outputs) : outputs_(std::move(outputs)) {}

  static Symbol variable(const std::string& name, const StringMap& attributes = {});
  // Applies an operator. `inputs` pairs a name ("" for the next in order) with a symbol of one output; missing inputs
  // become variables. The variadic count is filled in. Throws Code::invalid for unknown names, a symbol with several outputs, two values for one input.
  static Symbol create(const OpSchema& op, const Attributes& params, const StringMap& attributes,
                       const std::vector<std::pair<std::string, Symbol>>& inputs, const std::string& name);
  // The same for an operator that carries graphs; the inputs of each are its variables in post-order.
  static Symbol create_with(const OpSchema& op, const std::vector<Symbol>& graphs, const Attributes& params,
                            const StringMap& attributes, const std::vector<Symbol>& inputs, const std::string& name);
  static Symbol group(const std::vector<Symbol>& symbols);

  const std::vector<Entry>& outputs() const { return outputs_; }
  Symbol output(int64_t i) const;  // throws Code::invalid
  Symbol output(const std::string& name) const;
  std::string name() const;                         // of the only node among the outputs; empty for a group
  std::vector<std::string> list_arguments() const;  // variables in post-order, states left out
  std::vector<std::string> list_states() const;     // "auxiliary states"
  std::vector<std::string> list_outputs() const;    // NAME_output, or NAME_x for operators with several
  // Every entry of the graph as an output (visible outputs of each node).
  Symbol internals() const;
  // Inputs of the output nodes as a group; empty outputs for a variable.
  Symbol children() const;
  // Replaces variables by symbols of one output: by name, or by position among list_arguments ("" names).
  Symbol compose(const std::vector<std::pair<std::string, Symbol>>& replacements, const std::string& name = "") const;
  // The same symbol; what binds it puts each group of its nodes on its device (pass/placement.h).
  Symbol placed(Groups groups) const;
  const Groups& groups() const { return groups_; }
  // The part of the graph whose operators have this attribute, as a symbol of its own in which each value from outside is a variable; and
  // those values, in the order of the inner symbol's variables (in post-order), which come as they are. An output that is such a value is copied inside.
  Symbol cut(const std::string& key, const std::string& value, Symbol* outside) const;
  // A copy of every node that reaches the outputs.
  Symbol copy() const;

  // Attributes of the output's node. get: user attributes and operator parameters; false when absent.
  bool get_attribute(const std::string& key, std::string* value) const;
  void set_attribute(const std::string& key, const std::string& value);
  // By node name: user attributes and effective operator parameters.
  std::map<std::string, StringMap> attribute_dict() const;

  // Generation C of symbol.json; `load` reads generations A to C with MXNet's upgrades. Throws Code::io.
  std::string to_json() const;
  static Symbol from_json(const std::string& text);

  // One line per node.
  std::string debug_str() const;

 private:
  std::vector<Entry> outputs_;
  Groups groups_;
};

// "conv0_output"; a variable's own name.
std::string entry_name(const Entry& entry);

// Variables of a graph in post-order, arguments and states apart.
struct Variables {
  std::vector<NodePtr> arguments, states;
};
Variables find_variables(const std::vector<Entry>& heads);

}  // namespace mixnet
