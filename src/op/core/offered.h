// Operators by names that come from outside, among them those that carry graphs (they are not called, but made with their graphs). The library's own backward operators trust what they are given and are refused.
#pragma once
#include <string>

#include "op/core/registry.h"

namespace mixnet {

// Throws Code::invalid for unknown names and for operators that are not offered.
inline const OpSchema& offered_operator(const std::string& name) {
  const OpSchema& schema = registry().at(name);
  MIXNET_CHECK(!schema.hidden || schema.num_subgraphs > 0, invalid, "[operator] expected an operator for users, got '",
               name, "', which the library keeps to itself");
  return schema;
}

}  // namespace mixnet
