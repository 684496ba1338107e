#include "kvstore/dist/sharding.h"

#include <algorithm>

namespace mixnet {
namespace dist {

std::vector<Slice> slices_of(const std::string& key, int64_t count, DType dtype, int64_t part_bytes, int servers) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : key) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  const int64_t most = std::max<int64_t>(1, part_bytes / dtype_size(dtype));
  // Equal parts, and where it takes several, one for each server at least.
  int64_t parts = std::max<int64_t>(1, (count + most - 1) / most);
  if (parts > 1) parts = std::max<int64_t>(parts, servers);
  // Codes of gradients can be cut at multiples of 8 elements.
  auto cut = [&](int64_t i) { return count * i / parts / 8 * 8; };
  std::vector<Slice> slices;
  for (int64_t i = 0; i < parts; ++i) {
    const int64_t begin = cut(i), end = i + 1 == parts ? count : cut(i + 1);
    const auto server = static_cast<int>((hash + static_cast<uint64_t>(i)) % static_cast<uint64_t>(servers));
    slices.push_back({server, begin, end - begin});
  }
  return slices;
}

}  // namespace dist
}  // namespace mixnet
