// The processes that are no workers: the scheduler and the servers. Each runs until its group is over.
#pragma once
#include <functional>

#include "kvstore/dist/group.h"
#include "kvstore/kvstore.h"

namespace mixnet {
namespace dist {

struct ServeOptions {
  KVStore::Updater updater;                          // of a server; without: optimizers by name
  std::function<void(const std::string& line)> log;  // what somebody should know: who came, who was lost or refused
  const CancelToken* cancel = nullptr;
};

// As settings.role says. Throws what ended it, when that was not in order.
void serve(const GroupSettings& settings, const ServeOptions& options);

}  // namespace dist
}  // namespace mixnet
