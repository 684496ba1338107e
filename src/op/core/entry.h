// One output of a graph node. The node itself is defined in src/symbol; operators only hand entries on.
#pragma once
#include <memory>

namespace mixnet {

struct Node;

struct Entry {
  std::shared_ptr<Node> node;  // nullptr: no entry (a gradient that is zero)
  int index = 0;

  explicit operator bool() const { return node != nullptr; }
  bool operator==(const Entry& o) const { return node == o.node && index == o.index; }
};

}  // namespace mixnet
