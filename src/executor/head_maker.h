// Makes every head of a plan the only one in its place: a variable or a repeated entry is copied, so each has an array of its own.
#pragma once
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ndarray/ndarray.h"
#include "symbol/node.h"

namespace mixnet {

class HeadMaker {
 public:
  void add(Entry entry, const NDArray& array) {
    if (entry.node->is_variable() || !seen_.insert({entry.node.get(), entry.index}).second)
      entry = make("_copy", {entry}, "head");
    heads.push_back(entry);
    arrays.push_back(array);
  }
  Entry make(const char* op_name, std::vector<Entry> inputs, const std::string& name) {
    const OpSchema& op = registry().at(op_name);
    return builder_.make(op, op.make_params({}), std::move(inputs), name)[0];
  }
  std::vector<Entry> heads;
  std::vector<NDArray> arrays;

 private:
  PlainNodeBuilder builder_;
  std::set<std::pair<const Node*, int>> seen_;
};

}  // namespace mixnet
