// How keys that all ranks have ready are put on the wire: small ones together, large ones in parts.
//
// Depends on nothing but numbers of elements and types, which all ranks share: every rank plans the same. Many small keys cost as much as one
// of their joint size, and parts let a rank fill one while another is under way.
#pragma once
#include <cstddef>
#include <vector>

#include "kvstore/mpi/plugin.h"

namespace mixnet::mpi {

constexpr int64_t batch_bytes = int64_t{4} << 20;
constexpr int64_t small_bytes = int64_t{1} << 18;  // up to here keys travel together

struct Item {
  int64_t count;
  Type type;
};
// Elements [first, first + count) of an item.
struct Part {
  size_t item;
  int64_t first, count;
};
// One collective. A batch of one part need not be gathered in one place.
struct Batch {
  Type type;
  int64_t count = 0;
  std::vector<Part> parts;
};

// In the items' order but for those of other types, which go into batches of their own. Items without elements are in none.
std::vector<Batch> plan_batches(const std::vector<Item>& items);

}  // namespace mixnet::mpi
