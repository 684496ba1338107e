// Puts the nodes of a graph on devices, and a copy wherever a value crosses from one device to another (docs/adr/0015-placement.md).
//
// A node is on the device of its group (attribute ctx_group). Without a group it is with the first of its inputs that is anywhere, and
// otherwise on the device that the graph is bound on; variables are where their arrays are. What a gradient rule makes is with the node
// whose gradient it is. A value is copied once for every other device on which it is read. From then on the inputs whose bytes a node reads are
// on its own device, whatever other passes make of the graph. Linear.
#pragma once
#include <unordered_map>
#include <vector>

#include "symbol/symbol.h"

namespace mixnet {

using DeviceOf = std::unordered_map<const Node*, DeviceId>;

class Placement {
 public:
  // Of a symbol bound on `device`. `arrays`: where variables are that are not at home. Throws Code::invalid for a group that has no device.
  Placement(const Symbol& symbol, DeviceId device, const DeviceOf& arrays = {});

  // There are no groups: everything is on one device, and nothing below need be asked.
  bool trivial() const { return groups_.empty(); }
  DeviceId device() const { return device_; }
  // All devices that something may be put on, each once; the one that the symbol is bound on first.
  std::vector<DeviceId> devices() const;
  // Where a node of the symbol is.
  DeviceId of(const Node& node) const { return trivial() ? device_ : on_.at(&node); }
  // Where a variable belongs: on the device of its group; a state with the node that changes it.
  DeviceId home(const Node& variable) const { return trivial() ? device_ : homes_.at(&variable); }

  // Another node that is on a device: a variable that binding makes, a node of the backward part.
  void put(const Node& node, DeviceId device) { on_[&node] = device; }
  // The same heads with the copies that are needed; head i is on device `arrays[i]` and nothing else is. Throws Code::device when a node changes a
  // variable of another device.
  std::vector<Entry> insert_copies(const std::vector<Entry>& heads, const std::vector<DeviceId>& arrays) const;

 private:
  const DeviceId* group_of(const Node& node) const;
  void bring_states(const Graph& graph, const DeviceOf& arrays);

  Groups groups_;
  DeviceId device_;
  DeviceOf on_, homes_;
};

// By node: the devices of a graph whose copies have been inserted. `variables`: where the variables are.
std::vector<DeviceId> devices_of(const Graph& graph, const DeviceOf& variables);

}  // namespace mixnet
