// symbol.json: writes generation C, reads A (to 0.8), B (0.9 to 0.12) and C (from 1.0) with the upgrades MXNet makes.
//
// Files are untrusted: indices are checked, inputs must precede their node, so cycles cannot be said.
#include <algorithm>
#include <limits>
#include <unordered_map>

#include "base/json.h"
#include "op/core/custom.h"
#include "op/core/offered.h"
#include "symbol/body.h"
#include "symbol/symbol.h"

namespace mixnet {
namespace {

constexpr int64_t written_version = 10901;  // MXNet 1.9.1 reads what we write
const char* const hidden_keys[] = {"ctx_group",       "lr_mult",      "wd_mult",
                                   "force_mirroring", "mirror_stage", "profiler_scope"};

bool starts_with(const std::string& s, const std::string& prefix) { return s.compare(0, prefix.size(), prefix) == 0; }

std::string hidden(const std::string& key) { return "__" + key + "__"; }

Json entry_json(const Graph& graph, const Entry& e) {
  Json j = Json::array();
  j.push_back(static_cast<int64_t>(graph.id(e.node.get())));
  j.push_back(static_cast<int64_t>(e.index));
  j.push_back(0);
  return j;
}

Json graph_json(const Graph& graph);

Json node_json(const Graph& graph, const Node& node) {
  Json j = Json::object();
  j.set("op", node.op ? node.op->name : "null");
  j.set("name", node.name);
  Json attributes = Json::object();
  if (node.op) {
    for (auto& [key, value] : node.op->params_text(node.params.get())) attributes.set(key, value);
  }
  // MXNet refuses unknown plain attributes, but takes __anything__. In the order that they are read in again, and each once.
  StringMap written;
  for (auto& [key, value] : node.attributes) {
    if (starts_with(key, "__")) written[key] = value;
    else written.emplace(hidden(key), value);
  }
  for (auto& [key, value] : written) attributes.set(key, value);
  if (!attributes.members().empty()) j.set("attrs", attributes);
  Json inputs = Json::array();
  for (const Entry& e : node.inputs) inputs.push_back(entry_json(graph, e));
  j.set("inputs", inputs);
  if (!node.op || node.op->num_subgraphs == 0) return j;
  Json subgraphs = Json::array();
  for (const SubgraphPtr& body : node.op->subgraphs(node.params.get()))
    subgraphs.push_back(graph_json(body_of(*body).graph()));
  j.set("subgraphs", subgraphs);
  return j;
}

Json graph_json(const Graph& graph) {
  Json nodes = Json::array(), arguments = Json::array(), rows = Json::array(), heads = Json::array();
  for (int id = 0; id < graph.num_nodes(); ++id) {
    nodes.push_back(node_json(graph, *graph.node(id)));
    if (graph.node(id)->is_variable()) arguments.push_back(static_cast<int64_t>(id));
    rows.push_back(static_cast<int64_t>(graph.entry(id, 0)));
  }
  rows.push_back(static_cast<int64_t>(graph.num_entries()));
  for (const Entry& e : graph.heads()) heads.push_back(entry_json(graph, e));
  Json root = Json::object();
  root.set("nodes", nodes);
  root.set("arg_nodes", arguments);
  root.set("node_row_ptr", rows);
  root.set("heads", heads);
  return root;
}

class GraphReader {
 public:
  explicit GraphReader(const Json& root) : root_(root), version_(find_version(root)) {}
  // A subgraph, which is of the version of the file.
  GraphReader(const Json& root, int64_t version) : root_(root), version_(version) {
    MIXNET_CHECK(root.is_object(), io, "[symbol.json] subgraphs: expected objects");
  }

  Symbol read() {
    for (const Json& item : root_.at("nodes").items()) nodes_.push_back(read_node(item));
    const Json& heads = root_.at("heads");
    std::vector<Entry> outputs;
    for (const Json& head : heads.items()) outputs.push_back(read_entry(head, nodes_.size()));
    MIXNET_CHECK(!outputs.empty(), io, "[symbol.json] heads: expected at least one");
    return Symbol(std::move(outputs));
  }

 private:
  static int64_t find_version(const Json& root) {
    MIXNET_CHECK(root.is_object(), io, "[symbol.json] expected an object at the top");
    const Json* attrs = root.find("attrs");
    const Json* version = attrs && attrs->is_object() ? attrs->find("mxnet_version") : nullptr;
    if (!version) return 800;
    MIXNET_CHECK(version->is_array() && version->items().size() == 2, io,
                 "[symbol.json] mxnet_version: expected [\"int\", n]");
    return version->items()[1].as_int();
  }

  Entry read_entry(const Json& j, size_t limit) {
    const bool good = j.is_array() && (j.items().size() == 2 || j.items().size() == 3);
    MIXNET_CHECK(good, io, "[symbol.json] expected an entry such as [0, 0, 0]");
    const int64_t node = j.items()[0].as_int(), index = j.items()[1].as_int();
    MIXNET_CHECK(node >= 0 && node < static_cast<int64_t>(limit), io, "[symbol.json] an input refers to node ", node,
                 ", expected one of the ", limit, " before it");
    const NodePtr& found = nodes_[static_cast<size_t>(node)];
    int& outputs = num_outputs_[found.get()];
    if (outputs == 0) outputs = found->num_outputs();
    MIXNET_CHECK(index >= 0 && index < outputs, io, "[symbol.json] ", found->place(), " has ", outputs,
                 " outputs, no output ", index);
    return {found, static_cast<int>(index)};
  }

  NodePtr read_node(const Json& j) {
    auto node = std::make_shared<Node>();
    node->name = j.at("name").as_string();
    const std::string op_name = j.at("op").as_string();
    StringMap attributes;
    for (const char* group : {"param", "attr", "attrs"}) {
      const Json* found = j.find(group);
      if (!found || found->is_null()) continue;
      for (auto& [key, value] : found->members()) attributes[key] = value.as_string();
    }
    for (const Json& e : j.at("inputs").items()) node->inputs.push_back(read_entry(e, nodes_.size()));
    const Json* subgraphs = j.find("subgraphs");
    MIXNET_CHECK(op_name != "null" || !subgraphs || subgraphs->items().empty(), io, "[symbol.json] variable ",
                 node->name, " has subgraphs");
    if (op_name == "null") {
      MIXNET_CHECK(node->inputs.empty(), io, "[symbol.json] variable ", node->name, " has inputs");
      for (auto& [key, value] : attributes) node->attributes[upgraded_key(key)] = value;
    } else {
      read_operator(*node, op_name, attributes, subgraphs ? subgraphs->items() : Json::Array());
    }
    return node;
  }

  static std::string upgraded_key(const std::string& key) {
    for (const char* k : hidden_keys) {
      if (key == k) return hidden(key);
    }
    return key;
  }

  void read_operator(Node& node, const std::string& op_name, const StringMap& attributes, const Json::Array& graphs) {
    node.op = &offered_operator(op_name);
    Attributes params;
    StringMap rest;
    for (auto& [key, value] : attributes) {
      if (key == "dtype" && (value == "None" || value == "-1"))
        continue;  // what the operator makes when it is not told
      if (is_parameter(*node.op, key)) params.emplace_back(key, upgraded_value(*node.op, key, value));
      else rest[key] = value;
    }
    add_changed_defaults(*node.op, params);
    if (!node.op->variadic.empty() && !attributes.count(node.op->variadic)) {
      params.emplace_back(node.op->variadic, node.op->variadic_count(node.inputs.size()));
    }
    std::vector<SubgraphPtr> bodies;
    for (const Json& graph : graphs)
      bodies.push_back(std::make_shared<GraphBody>(GraphReader(graph, version_).read().outputs()));
    node.params = node.op->with_subgraphs(node.op->make_params(params, node.name), std::move(bodies), node.name);
    add_missing_inputs(node);
    for (auto& [key, value] : rest) keep_attribute(node, key, value);
  }

  // Of the program's own operators everything is one but what MXNet knows on any node.
  static bool is_parameter(const OpSchema& op, const std::string& key) {
    if (!runs_foreign_code(op)) return op.field(key) != nullptr;
    const bool known = std::find(std::begin(hidden_keys), std::end(hidden_keys), key) != std::end(hidden_keys);
    return !known && !starts_with(key, "__");
  }

  std::string upgraded_value(const OpSchema& op, const std::string& key, const std::string& value) const {
    if ((op.name == "argmax" || op.name == "argmin") && key == "axis" && value == "-1" && version_ <= 904)
      return "None";
    return value;
  }

  // Defaults that changed over the years without being stored.
  void add_changed_defaults(const OpSchema& op, Attributes& params) const {
    auto given = [&params](const char* key) {
      return std::any_of(params.begin(), params.end(), [key](const auto& p) { return p.first == key; });
    };
    if (version_ < 800 && op.name == "BatchNorm" && !given("eps")) params.emplace_back("eps", 1e-10);
    if (version_ < 800 && op.name == "Pooling" && !given("pooling_convention"))
      params.emplace_back("pooling_convention", "full");
  }

  // Old files leave out auxiliary states, and sometimes more: MXNet names them NODE_input.
  void add_missing_inputs(Node& node) const {
    const std::vector<std::string> names = node.op->input_names(node.params.get());
    const bool graphs = node.op->num_subgraphs > 0;  // their inputs are never left out
    MIXNET_CHECK(graphs ? node.inputs.size() == names.size() : node.inputs.size() <= names.size(), io, "[symbol.json] ",
                 node.place(), ": expected ", names.size(), " inputs, got ", node.inputs.size());
    for (size_t i = node.inputs.size(); i < names.size(); ++i) {
      NodePtr variable = make_variable(node.name + "_" + names[i]);
      if (names[i] == "moving_mean") variable->attributes["__init__"] = "[\"zero\", {}]";
      if (names[i] == "moving_var") variable->attributes["__init__"] = "[\"one\", {}]";
      node.inputs.push_back({variable, 0});
    }
  }

  // lr_mult and the like become hidden keys; weight_lr_mult belongs to the variable that feeds `weight`.
  static void keep_attribute(Node& node, const std::string& key, const std::string& value) {
    const std::vector<std::string> names = node.op->input_names(node.params.get());
    for (size_t i = 0; i < names.size(); ++i) {
      for (const char* k : hidden_keys) {
        if (key != names[i] + "_" + k || !node.inputs[i].node->is_variable()) continue;
        node.inputs[i].node->attributes[hidden(k)] = value;
        return;
      }
    }
    node.attributes[upgraded_key(key)] = value;
  }

  const Json& root_;
  int64_t version_;
  std::vector<NodePtr> nodes_;
  std::unordered_map<const Node*, int>
      num_outputs_;  // of nodes whose outputs were read: counting may take as long as there are outputs
};

}  // namespace

std::string Symbol::to_json() const {
  Json version = Json::array();
  version.push_back("int");
  version.push_back(written_version);
  Json attrs = Json::object();
  attrs.set("mxnet_version", version);
  Json root = graph_json(Graph(outputs_));
  root.set("attrs", attrs);
  return root.dump(true);
}

Symbol Symbol::from_json(const std::string& text) {
  const Json root = Json::parse(text, "symbol.json");
  try {
    return GraphReader(root).read();
  } catch (const Error& e) {
    // A parameter that is wrong in a file is the file's fault.
    if (e.code() == Code::invalid) throw Error(Code::io, std::string("[symbol.json] ") + e.what());
    throw;
  }
}

}  // namespace mixnet
