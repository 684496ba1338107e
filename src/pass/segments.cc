#include "pass/segments.h"

namespace mixnet {
namespace {

// By node, the bytes that nodes up to it hand to nodes after it.
std::vector<int64_t> crossing_bytes(const Typed& typed, const std::vector<bool>& may) {
  const Graph& g = typed.graph;
  std::vector<int> last(static_cast<size_t>(g.num_entries()), -1);
  for (int id = 0; id < g.num_nodes(); ++id) {
    if (!may[static_cast<size_t>(id)]) continue;
    for (const Entry& e : g.node(id)->inputs) last[static_cast<size_t>(g.entry(e))] = id;
  }
  std::vector<int64_t> crossing(static_cast<size_t>(g.num_nodes()) + 1, 0);
  for (int id = 0; id < g.num_nodes(); ++id) {
    for (int i = 0; may[static_cast<size_t>(id)] && i < g.num_outputs(id); ++i) {
      const int entry = g.entry(id, i), until = last[static_cast<size_t>(entry)];
      if (until < 0) continue;
      crossing[static_cast<size_t>(id)] += typed.bytes(entry);
      crossing[static_cast<size_t>(until)] -= typed.bytes(entry);
    }
  }
  for (size_t id = 1; id < crossing.size(); ++id) crossing[id] += crossing[id - 1];
  return crossing;
}

}  // namespace

std::vector<int> segments(const Typed& typed, const std::vector<bool>& may, const std::vector<int64_t>& stored,
                          int64_t bytes) {
  const std::vector<int64_t> crossing = crossing_bytes(typed, may);
  std::vector<int> segment(may.size(), 0);
  std::vector<int64_t> sum(may.size() + 1, 0);
  for (size_t id = 0; id < may.size(); ++id) sum[id + 1] = sum[id] + (may[id] ? stored[id] : 0);
  size_t begin = 0;
  int number = 0;
  for (size_t id = 0; id < may.size(); ++id) {
    segment[id] = number;
    if (sum[id + 1] - sum[begin] < bytes) continue;
    size_t cut = id;
    for (size_t at = id; at > begin && sum[at] - sum[begin] >= bytes / 2; --at) {
      if (may[at - 1] && crossing[at - 1] < crossing[cut]) cut = at - 1;
    }
    ++number;
    for (size_t at = cut + 1; at <= id; ++at) segment[at] = number;
    begin = cut + 1;
  }
  return segment;
}

}  // namespace mixnet
