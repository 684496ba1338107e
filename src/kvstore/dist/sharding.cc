#include "kvstore/dist/sharding.h"

#include <algorithm>
#include <numeric>

namespace mixnet {
namespace dist {
namespace {

// Codes of gradients can be cut at multiples of 8 elements.
constexpr int64_t code_unit = 8;

int64_t largest_part(const Extent& extent, int64_t part_bytes) {
  return std::max<int64_t>(1, part_bytes / dtype_size(extent.dtype));
}

// Whole rows and whole codes; 0 when they are larger than a part.
int64_t row_unit(const Extent& extent, int64_t part_bytes) {
  const int64_t most = largest_part(extent, part_bytes), width = std::max<int64_t>(1, extent.width);
  if (width > most) return 0;
  const int64_t unit = width / std::gcd(width, code_unit) * code_unit;
  return unit <= most ? unit : 0;
}

}  // namespace

std::vector<Slice> slices_of(const std::string& key, const Extent& extent, int64_t part_bytes, int servers) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : key) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  const int64_t count = extent.count, most = largest_part(extent, part_bytes), rows = row_unit(extent, part_bytes);
  const int64_t unit = rows ? rows : code_unit, units = (count + unit - 1) / unit,
                few = std::max<int64_t>(1, most / unit);
  // Equal parts, and where it takes several, one for each server at least.
  const int64_t parts = count <= most ? 1 : std::max<int64_t>((units + few - 1) / few, servers);
  auto cut = [&](int64_t i) { return std::min(count, units * i / parts * unit); };
  std::vector<Slice> slices;
  for (int64_t i = 0; i < parts; ++i) {
    const auto server = static_cast<int>((hash + static_cast<uint64_t>(i)) % static_cast<uint64_t>(servers));
    slices.push_back({server, cut(i), cut(i + 1) - cut(i)});
  }
  return slices;
}

bool cut_between_rows(const Extent& extent, int64_t part_bytes) {
  return extent.count <= largest_part(extent, part_bytes) || row_unit(extent, part_bytes) > 0;
}

}  // namespace dist
}  // namespace mixnet
