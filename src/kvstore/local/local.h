// The store of one process: "local" sums on the CPU, "device" where the data is.
#pragma once
#include <memory>
#include <string>

#include "kvstore/kvstore.h"

namespace mixnet {

// Null when the type is not one of a store in one process.
std::shared_ptr<KVStore> make_local_store(const std::string& type);

}  // namespace mixnet
