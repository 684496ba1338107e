// The store between machines: "dist_sync", "dist_async", "dist_async:N" (bounded staleness of N rounds), and MXNet's other spellings.
//
// push sums the devices' values and sends the sum; pull receives. Both return at once. A key's requests leave in the order of the calls;
// the array that is sent stays as it is until the servers have it, the array that is pulled is written when the answer is there. Errors of the group
// (Code::net) are raised by what was pulled, by wait_all, and by every later call.
#pragma once
#include <memory>
#include <string>

#include "kvstore/kvstore.h"

namespace mixnet {

// Joins the group that the environment names and blocks until it is together. Throws Code::invalid for types and settings that make no
// sense, Code::net when the group does not come together, Code::unsupported without ZeroMQ.
std::shared_ptr<KVStore> make_dist_store(const std::string& type);

}  // namespace mixnet
