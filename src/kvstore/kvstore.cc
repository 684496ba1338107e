#include "kvstore/kvstore.h"

#include "kvstore/dist/dist.h"
#include "kvstore/local/local.h"
#include "kvstore/mpi/allreduce_store.h"
#include "optimizer/optimizer.h"

namespace mixnet {

void KVStore::set_optimizer(std::shared_ptr<Optimizer> optimizer) {
  auto step = [optimizer](const std::string& key, const NDArray& received, const NDArray& stored) {
    optimizer->update(key, stored, received);
  };
  set_row_updater(step, [optimizer](const std::string& key) { return optimizer->by_row(key); });
}

std::shared_ptr<KVStore> make_kvstore(const std::string& type) {
  if (auto store = make_local_store(type)) return store;
  if (type == "dist_allreduce" || type == "dist_sync_mpi") return make_allreduce_store(type);
  if (type.compare(0, 4, "dist") == 0) return make_dist_store(type);
  fail(Code::invalid, "[kvstore] type: expected local, device, dist_sync, dist_async or dist_allreduce, got '", type,
       "'");
}

}  // namespace mixnet
