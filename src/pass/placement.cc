#include "pass/placement.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/contains.h"
#include "pass/rewriter.h"

namespace mixnet {
namespace {

bool reads(const Node& node, size_t i) { return !contains(node.op->shape_only, static_cast<int>(i)); }

// The input that says where a node is: the first whose bytes it reads, or else the first; -1 when it has none.
int leading_input(const Node& node) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (reads(node, i)) return static_cast<int>(i);
  }
  return node.inputs.empty() ? -1 : 0;
}

class CopyInserter {
 public:
  CopyInserter(const Graph& graph, const DeviceOf& on, DeviceId device)
      : g_(graph), on_(on), device_(device), rewriter_(graph), schema_(registry().at("_CrossDeviceCopy")) {}

  std::vector<Entry> run(const std::vector<DeviceId>& arrays) {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      const NodePtr& node = g_.node(id);
      devices_.push_back(device_of(*node));
      if (node->is_variable()) rewriter_.replace(id, 0, {node, 0});
      else if (node->inputs.empty()) pin(id);
      else move(id);
    }
    std::vector<Entry> heads;
    for (size_t i = 0; i < arrays.size(); ++i) {
      const Entry& head = g_.heads()[i];
      heads.push_back(device(head) == arrays[i] ? rewriter_.now(head) : make_copy(head, arrays[i]));
    }
    return heads;
  }

 private:
  DeviceId device(const Entry& e) const { return devices_[static_cast<size_t>(g_.id(e.node.get()))]; }

  DeviceId device_of(const Node& node) const {
    const auto it = on_.find(&node);
    if (it != on_.end()) return it->second;
    const int leading = node.is_variable() ? -1 : leading_input(node);
    return leading < 0 ? device_ : device(node.inputs[static_cast<size_t>(leading)]);
  }

  void pin(int id) {
    const NodePtr node = copy_node(g_.node(id), {});
    node->device = devices_.back();
    for (int i = 0; i < g_.num_outputs(id); ++i) rewriter_.replace(id, i, {node, i});
  }

  void move(int id) {
    const Node& node = *g_.node(id);
    const DeviceId here = devices_.back();
    const int leading = leading_input(node);
    std::vector<Entry> inputs = rewriter_.inputs(id);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Entry& input = node.inputs[i];
      if (device(input) == here || !(reads(node, i) || static_cast<int>(i) == leading)) continue;
      MIXNET_CHECK(!node.mutates_input(static_cast<int>(i)), device, "[bind] ", input.node->name,
                   ": expected an array on ", here.str(), ", got ", device(input).str());
      inputs[i] = copied(input, here);
    }
    rewriter_.keep(id, std::move(inputs));
  }

  Entry copied(const Entry& value, DeviceId to) {
    Entry& copy = copies_[{g_.entry(value), to.str()}];
    if (!copy) copy = make_copy(value, to);
    return copy;
  }

  Entry make_copy(const Entry& value, DeviceId to) {
    const std::string name = concat(value.node->name, "_", value.index, "_copy");
    const Entry copy = PlainNodeBuilder().make(schema_, schema_.make_params({}), {rewriter_.now(value)}, name)[0];
    copy.node->device = to;
    return copy;
  }

  const Graph& g_;
  const DeviceOf& on_;
  const DeviceId device_;
  Rewriter rewriter_;
  const OpSchema& schema_;
  std::vector<DeviceId> devices_;                        // by node
  std::map<std::pair<int, std::string>, Entry> copies_;  // by entry and device
};

}  // namespace

Placement::Placement(const Symbol& symbol, DeviceId device, const DeviceOf& arrays)
    : groups_(symbol.groups()), device_(device) {
  if (trivial()) return;
  const Graph graph(symbol.outputs());
  // A node of which nothing says where it is says nothing about its readers either.
  std::vector<bool> anywhere;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    std::optional<DeviceId> found;
    if (node.is_variable()) {
      const DeviceId* group = group_of(node);
      homes_[&node] = group ? *group : device_;
      const auto it = arrays.find(&node);
      found = it != arrays.end() ? it->second : home(node);
    } else if (const DeviceId* group = group_of(node)) {
      found = *group;
    }
    for (size_t i = 0; !found && i < node.inputs.size(); ++i) {
      const Node* input = node.inputs[i].node.get();
      if (!anywhere[static_cast<size_t>(graph.id(input))]) found = on_.at(input);
    }
    anywhere.push_back(!found);
    on_[&node] = found.value_or(device_);
  }
  bring_states(graph, arrays);
}

// States without a group belong where the node is that changes them.
void Placement::bring_states(const Graph& graph, const DeviceOf& arrays) {
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const Node& input = *node.inputs[i].node;
      if (!input.is_variable() || !node.is_state_input(static_cast<int>(i)) || group_of(input)) continue;
      homes_[&input] = of(node);
      if (!arrays.count(&input)) on_[&input] = of(node);
    }
  }
}

const DeviceId* Placement::group_of(const Node& node) const {
  auto it = node.attributes.find("ctx_group");
  if (it == node.attributes.end()) it = node.attributes.find("__ctx_group__");
  if (it == node.attributes.end()) return nullptr;
  const auto group = groups_.find(it->second);
  MIXNET_CHECK(group != groups_.end(), invalid, "[bind] group2ctx: no context for group '", it->second, "' of ",
               node.place());
  return &group->second;
}

std::vector<DeviceId> Placement::devices() const {
  std::vector<DeviceId> all{device_};
  for (const auto& [name, device] : groups_) {
    if (!contains(all, device)) all.push_back(device);
  }
  return all;
}

std::vector<Entry> Placement::insert_copies(const std::vector<Entry>& heads,
                                            const std::vector<DeviceId>& arrays) const {
  const Graph graph(heads);
  return CopyInserter(graph, on_, device_).run(arrays);
}

std::vector<DeviceId> devices_of(const Graph& graph, const DeviceOf& variables) {
  std::vector<DeviceId> devices;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    const int leading = node.is_variable() ? -1 : leading_input(node);
    const bool copy = leading >= 0 && node.op->name == "_CrossDeviceCopy";
    if (node.is_variable()) devices.push_back(variables.at(&node));
    else if (copy || leading < 0) devices.push_back(node.device);
    else
      devices.push_back(devices[static_cast<size_t>(graph.id(node.inputs[static_cast<size_t>(leading)].node.get()))]);
  }
  return devices;
}

}  // namespace mixnet
