// Which server holds which part of a key.
//
// The same on every worker: it depends on the key's text, its size and the number of servers only. Arrays are cut into parts of at most `part_bytes`,
// between rows where a row is not larger; the first part's server is given by a hash of the key (FNV-1a), the others follow in order, so that
// small keys spread and large ones are everywhere.
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

// What is cut: `width` elements make a row.
struct Extent {
  int64_t count = 0, width = 1;
  DType dtype = DType::f32;
};

std::vector<Slice> slices_of(const std::string& key, const Extent& extent, int64_t part_bytes, int servers);
// Whether every part begins and ends with a row.
bool cut_between_rows(const Extent& extent, int64_t part_bytes);

}  // namespace dist
}  // namespace mixnet
