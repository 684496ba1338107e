// An operator of a plug-in as an OpSchema like any other.
#pragma once
#include "mixnet/plugin.h"
#include "op/core/registry.h"

namespace mixnet::c_api {

// Copies the description. Throws Code::invalid, naming operator and member, for one that says something impossible.
void add_plugin_operator(Registry& registry, const mxn_plugin_operator_t* op);

}  // namespace mixnet::c_api
