#include "kvstore/mpi/batches.h"

#include <algorithm>
#include <map>

#include "kvstore/mpi/wire.h"

namespace mixnet::mpi {

std::vector<Batch> plan_batches(const std::vector<Item>& items) {
  std::vector<Batch> batches;
  std::map<Type, size_t> open;  // where small keys of a type still find room
  for (size_t i = 0; i < items.size(); ++i) {
    const auto& [count, type] = items[i];
    const int64_t size = wire_size(type), most = batch_bytes / size;
    if (count * size <= small_bytes) {
      if (count == 0) continue;
      const auto place = open.find(type);
      if (place == open.end() || batches[place->second].count + count > most) {
        open[type] = batches.size();
        batches.push_back({type, 0, {}});
      }
      Batch& batch = batches[open[type]];
      batch.parts.push_back({i, 0, count});
      batch.count += count;
      continue;
    }
    for (int64_t first = 0; first < count; first += most) {
      const int64_t n = std::min(most, count - first);
      batches.push_back({type, n, {{i, first, n}}});
    }
  }
  return batches;
}

}  // namespace mixnet::mpi
