#include "symbol/symbol.h"

#include <algorithm>
#include <unordered_set>

#include "op/core/custom.h"
#include "symbol/body.h"

namespace mixnet {
namespace {

// Visible outputs of a node as entries.
std::vector<Entry> visible_entries(const NodePtr& node) {
  const int count = node->op ? node->op->visible_outputs(node->params.get()) : 1;
  std::vector<Entry> entries;
  for (int i = 0; i < count; ++i) entries.push_back({node, i});
  return entries;
}

Entry single_output(const OpSchema& op, const std::string& node, const std::string& input, const Symbol& symbol) {
  MIXNET_CHECK(symbol.outputs().size() == 1, invalid, "[", op.place(node), "] ", input,
               ": expected a symbol with one output, got ", symbol.outputs().size());
  return symbol.outputs()[0];
}

// Where a node's inputs are given by name and by order: one slot per input of the operator.
std::vector<Entry> place_inputs(const OpSchema& op, const std::vector<std::string>& names, const std::string& node,
                                const std::vector<std::pair<std::string, Symbol>>& inputs) {
  std::vector<Entry> slots(names.size());
  size_t next = 0;
  for (const auto& [key, symbol] : inputs) {
    size_t slot = next;
    if (key.empty()) {
      ++next;
      MIXNET_CHECK(slot < names.size(), invalid, "[", op.place(node), "] expected at most ", names.size(),
                   " inputs, got ", inputs.size());
    } else {
      slot = static_cast<size_t>(std::find(names.begin(), names.end(), key) - names.begin());
      std::string all;
      for (const std::string& n : names) all += (all.empty() ? "" : ", ") + n;
      MIXNET_CHECK(slot < names.size(), invalid, "[", op.place(node), "] unknown input '", key, "', expected one of ",
                   all);
    }
    MIXNET_CHECK(!slots[slot], invalid, "[", op.place(node), "] ", names[slot], ": given twice");
    slots[slot] = single_output(op, node, names[slot], symbol);
  }
  return slots;
}

// Attributes such as weight_lr_mult on an operator belong to the variable that feeds `weight`.
bool move_to_variable(const std::string& input, const StringMap& attributes, Node& variable) {
  bool moved = false;
  for (const char* key : {"lr_mult", "wd_mult"}) {
    auto it = attributes.find(input + "_" + key);
    if (it == attributes.end()) continue;
    variable.attributes[std::string("__") + key + "__"] = it->second;
    moved = true;
  }
  return moved;
}

// A variable that an operator makes for one of its inputs is in the operator's group.
NodePtr make_input(const std::string& name, const StringMap& attributes) {
  NodePtr variable = make_variable(name);
  for (const char* key : {"ctx_group", "__ctx_group__"}) {
    const auto it = attributes.find(key);
    if (it != attributes.end()) variable->attributes.insert(*it);
  }
  return variable;
}

// Copies of all nodes that reach `heads`, with `replace` deciding what stands for a node instead (null: a copy).
class Copier {
 public:
  explicit Copier(std::map<const Node*, Entry> replace) : replace_(std::move(replace)) {}

  std::vector<Entry> run(const std::vector<Entry>& heads) {
    const Graph graph(heads);
    for (int id = 0; id < graph.num_nodes(); ++id) {
      const NodePtr& node = graph.node(id);
      if (replace_.count(node.get())) continue;
      NodePtr fresh = std::make_shared<Node>(*node);
      if (node->op && runs_foreign_code(*node->op)) fresh->params = node->op->clone(node->params.get());
      for (Entry& e : fresh->inputs) e = moved(e);
      copies_[node.get()] = fresh;
    }
    std::vector<Entry> result;
    for (const Entry& e : heads) result.push_back(moved(e));
    return result;
  }

 private:
  Entry moved(const Entry& e) const {
    auto it = replace_.find(e.node.get());
    return it != replace_.end() ? it->second : Entry{copies_.at(e.node.get()), e.index};
  }

  std::map<const Node*, Entry> replace_;
  std::unordered_map<const Node*, NodePtr> copies_;
};

}  // namespace

Symbol Symbol::variable(const std::string& name, const StringMap& attributes) {
  MIXNET_CHECK(!name.empty(), invalid, "[Variable] name: expected a non-empty text");
  NodePtr node = make_variable(name);
  node->attributes = attributes;
  return Symbol({{node, 0}});
}

Symbol Symbol::create(const OpSchema& op, const Attributes& params, const StringMap& attributes,
                      const std::vector<std::pair<std::string, Symbol>>& inputs, const std::string& name) {
  auto node = std::make_shared<Node>();
  node->op = &op;
  node->name = name;
  node->attributes = attributes;
  Attributes all = params;
  if (!op.variadic.empty()) {
    const bool given = std::any_of(all.begin(), all.end(), [&](const auto& a) { return a.first == op.variadic; });
    if (!given) all.emplace_back(op.variadic, op.variadic_count(inputs.size()));
  }
  node->params = op.make_params(all, name);
  const std::vector<std::string> names = op.input_names(node->params.get());
  node->inputs = place_inputs(op, names, name, inputs);
  for (size_t i = 0; i < names.size(); ++i) {
    if (!node->inputs[i]) node->inputs[i] = {make_input(name + "_" + names[i], attributes), 0};
    Node& feeder = *node->inputs[i].node;
    if (feeder.is_variable() && move_to_variable(names[i], attributes, feeder)) {
      for (const char* key : {"_lr_mult", "_wd_mult"}) node->attributes.erase(names[i] + key);
    }
  }
  return Symbol(visible_entries(node));
}

Symbol Symbol::create_with(const OpSchema& op, const std::vector<Symbol>& graphs, const Attributes& params,
                           const StringMap& attributes, const std::vector<Symbol>& inputs, const std::string& name) {
  auto node = std::make_shared<Node>();
  node->op = &op;
  node->name = name;
  node->attributes = attributes;
  std::vector<SubgraphPtr> bodies;
  for (const Symbol& graph : graphs) bodies.push_back(std::make_shared<GraphBody>(graph.copy().outputs()));
  node->params = op.with_subgraphs(op.make_params(params, name), std::move(bodies), name);
  const std::vector<std::string> names = op.input_names(node->params.get());
  MIXNET_CHECK(inputs.size() == names.size(), invalid, "[", op.place(name), "] expected ", names.size(),
               " inputs, got ", inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) node->inputs.push_back(single_output(op, name, names[i], inputs[i]));
  return Symbol(visible_entries(node));
}

Symbol Symbol::group(const std::vector<Symbol>& symbols) {
  std::vector<Entry> outputs;
  for (const Symbol& s : symbols) outputs.insert(outputs.end(), s.outputs_.begin(), s.outputs_.end());
  MIXNET_CHECK(!outputs.empty(), invalid, "[Group] expected at least one symbol");
  return Symbol(std::move(outputs));
}

Symbol Symbol::output(int64_t i) const {
  const int64_t n = static_cast<int64_t>(outputs_.size());
  MIXNET_CHECK(i >= -n && i < n, invalid, "[Symbol] output: expected an index below ", n, ", got ", i);
  return Symbol({outputs_[static_cast<size_t>(i < 0 ? i + n : i)]});
}

Symbol Symbol::output(const std::string& name) const {
  for (const Entry& e : outputs_) {
    if (entry_name(e) == name) return Symbol({e});
  }
  fail(Code::invalid, "[Symbol] no output is called '", name, "'");
}

std::string Symbol::name() const {
  for (const Entry& e : outputs_) {
    if (e.node != outputs_[0].node) return "";
  }
  return outputs_.empty() ? "" : outputs_[0].node->name;
}

std::string entry_name(const Entry& entry) {
  const Node& node = *entry.node;
  if (node.is_variable()) return node.name;
  const std::vector<std::string> names = node.op->output_names(node.params.get());
  return node.name + "_" + names[static_cast<size_t>(entry.index)];
}

Variables find_variables(const std::vector<Entry>& heads) {
  const Graph graph(heads);
  std::unordered_set<const Node*> states;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.is_state_input(static_cast<int>(i))) states.insert(node.inputs[i].node.get());
    }
  }
  Variables found;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const NodePtr& node = graph.node(id);
    if (node->is_variable()) (states.count(node.get()) ? found.states : found.arguments).push_back(node);
  }
  return found;
}

namespace {
std::vector<std::string> names_of(const std::vector<NodePtr>& nodes) {
  std::vector<std::string> names;
  for (const NodePtr& node : nodes) names.push_back(node->name);
  return names;
}
}  // namespace

std::vector<std::string> Symbol::list_arguments() const { return names_of(find_variables(outputs_).arguments); }
std::vector<std::string> Symbol::list_states() const { return names_of(find_variables(outputs_).states); }

std::vector<std::string> Symbol::list_outputs() const {
  std::vector<std::string> names, of_node;
  const Node* last = nullptr;
  for (const Entry& e : outputs_) {
    if (e.node->is_variable()) {
      names.push_back(e.node->name);
      continue;
    }
    if (e.node.get() != last) of_node = e.node->op->output_names(e.node->params.get());
    last = e.node.get();
    names.push_back(last->name + "_" + of_node[static_cast<size_t>(e.index)]);
  }
  return names;
}

Symbol Symbol::internals() const {
  const Graph graph(outputs_);
  std::vector<Entry> all;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    for (const Entry& e : visible_entries(graph.node(id))) all.push_back(e);
  }
  return Symbol(std::move(all));
}

Symbol Symbol::children() const {
  std::vector<Entry> all;
  std::unordered_set<const Node*> seen;
  for (const Entry& e : outputs_) {
    if (!seen.insert(e.node.get()).second) continue;
    all.insert(all.end(), e.node->inputs.begin(), e.node->inputs.end());
  }
  return Symbol(std::move(all));
}

Symbol Symbol::compose(const std::vector<std::pair<std::string, Symbol>>& replacements, const std::string& name) const {
  const Variables variables = find_variables(outputs_);
  std::map<const Node*, Entry> replace;
  size_t next = 0;
  for (const auto& [key, symbol] : replacements) {
    MIXNET_CHECK(symbol.outputs_.size() == 1, invalid, "[compose] '", key, "': expected a symbol with one output");
    bool found = false;
    for (size_t i = 0; i < variables.arguments.size() + variables.states.size(); ++i) {
      const bool argument = i < variables.arguments.size();
      const NodePtr& v = argument ? variables.arguments[i] : variables.states[i - variables.arguments.size()];
      if (key.empty() ? i != next : v->name != key) continue;
      replace[v.get()] = symbol.outputs_[0];
      found = true;
    }
    MIXNET_CHECK(found, invalid, "[compose] ", key.empty() ? "too many inputs" : "no argument is called '" + key + "'");
    if (key.empty()) ++next;
  }
  Symbol composed(Copier(std::move(replace)).run(outputs_));
  if (!name.empty() && !composed.outputs_.empty()) composed.outputs_[0].node->name = name;
  return composed;
}

Symbol Symbol::placed(Groups groups) const {
  Symbol symbol(outputs_);
  symbol.groups_ = std::move(groups);
  return symbol;
}

Symbol Symbol::copy() const { return Symbol(Copier({}).run(outputs_)); }

bool Symbol::get_attribute(const std::string& key, std::string* value) const {
  if (outputs_.empty()) return false;
  const Node& node = *outputs_[0].node;
  auto it = node.attributes.find(key);
  if (it == node.attributes.end()) it = node.attributes.find("__" + key + "__");
  if (it != node.attributes.end()) {
    *value = it->second;
    return true;
  }
  if (!node.op) return false;
  for (auto& [name, text] : node.op->params_text(node.params.get())) {
    if (name != key) continue;
    *value = text;
    return true;
  }
  return false;
}

void Symbol::set_attribute(const std::string& key, const std::string& value) {
  MIXNET_CHECK(!outputs_.empty(), invalid, "[Symbol] an empty symbol has no attributes");
  for (const Entry& e : outputs_) e.node->attributes[key] = value;
}

std::map<std::string, StringMap> Symbol::attribute_dict() const {
  const Graph graph(outputs_);
  std::map<std::string, StringMap> dict;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    StringMap all = node.attributes;
    if (node.op) {
      for (auto& [key, value] : node.op->params_text(node.params.get())) all.emplace(key, value);
    }
    if (!all.empty()) dict[node.name] = std::move(all);
  }
  return dict;
}

std::string Symbol::debug_str() const {
  const Graph graph(outputs_);
  std::string text = "Outputs:\n";
  for (const Entry& e : outputs_) text += "  " + entry_name(e) + "\n";
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    text += (node.op ? node.op->name : std::string("Variable")) + " " + node.name;
    for (size_t i = 0; i < node.inputs.size(); ++i) text += (i ? ", " : " <- ") + entry_name(node.inputs[i]);
    if (node.op) {
      for (auto& [key, value] : node.op->params_text(node.params.get())) text += " " + key + "=" + value;
    }
    text += "\n";
  }
  return text;
}

}  // namespace mixnet
