// Which server holds which part of a key.
//
// The same on every worker: it depends on the key's text, its size and the number of servers only. Arrays are cut into parts of at most `part_bytes`;
// the first part's server is given by a hash of the key (FNV-1a), the others follow in order, so that small keys spread and large ones are everywhere.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/dtype.h"

namespace mixnet {
namespace dist {

struct Slice {
  int server;
  int64_t begin, count;  // elements
};

std::vector<Slice> slices_of(const std::string& key, int64_t count, DType dtype, int64_t part_bytes, int servers);

}  // namespace dist
}  // namespace mixnet
