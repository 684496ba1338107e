// The passes that run on a bound graph after inference, in the order in which they help each other; each has a
// switch in the environment (docs/guide/environment.md).
#pragma once
#include "device/device_id.h"
#include "pass/typed.h"

namespace mixnet {

struct RewriteOptions {
  bool training = false;
  DeviceId device;
  std::vector<const Node*> inputs;  // variables whose arrays change without the engine knowing
};

// The heads of the new graph, in the order of the old ones.
std::vector<Entry> rewrite(Typed typed, const RewriteOptions& options);

}  // namespace mixnet
