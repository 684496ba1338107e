// How rows of distinct numbers are drawn from an approximately log-uniform distribution.
#pragma once
#include <cmath>

#include "base/philox.h"
#include "base/shape.h"

namespace mixnet::op::unique_zipfian {

struct Params {
  int64_t range_max = 1;
  Shape shape;
};

// Number k has the probability log((k + 2) / (k + 1)) / log(range_max + 1).
MIXNET_ON_DEVICE inline int64_t candidate(const PhiloxKey& key, uint64_t draw, int64_t range_max) {
  const PhiloxBlock block = philox(key, draw);
  const double u = uniform_double(block.word[0], block.word[1]);
  const double v = std::floor(std::exp(u * std::log(static_cast<double>(range_max) + 1))) - 1;
  const int64_t k = v > 0 ? static_cast<int64_t>(v) : 0;
  return k < range_max ? k : range_max - 1;
}

// A table with open addressing of at least twice as many places as there are numbers.
inline int64_t places(int64_t count) {
  int64_t n = 2;
  while (n < 2 * count) n *= 2;
  return n;
}
MIXNET_ON_DEVICE inline bool insert(int64_t* table, int64_t size, int64_t value) {
  uint64_t at = static_cast<uint64_t>(value) * 0x9E3779B97F4A7C15u;
  for (at ^= at >> 32;; ++at) {
    int64_t& place = table[at & static_cast<uint64_t>(size - 1)];
    if (place == value) return false;
    if (place >= 0) continue;
    place = value;
    return true;
  }
}
// The last numbers of a nearly full range would take very many draws; after these many they are taken in order.
constexpr int64_t patience = 64;

// One row of distinct numbers. `table` has `size` places, all -1.
MIXNET_ON_DEVICE inline void row(int64_t range_max, const PhiloxKey& key, uint64_t stream, int64_t count,
                                 int64_t* table, int64_t size, int64_t* out, int64_t* tries) {
  int64_t found = 0, draws = 0, next = 0;
  const double limit = static_cast<double>(patience) * (static_cast<double>(range_max) + 16);
  while (found < count) {
    int64_t value = next;
    if (static_cast<double>(draws) < limit)
      value = candidate(key, stream << 40 | static_cast<uint64_t>(draws), range_max);
    else ++next;
    ++draws;
    if (insert(table, size, value)) out[found++] = value;
  }
  *tries = draws;
}

inline int64_t rows_of(const Shape& s) { return s.ndim() > 1 ? s[0] : 1; }
inline int64_t count_of(const Shape& s) { return s.ndim() > 0 ? s.back() : 1; }

}  // namespace mixnet::op::unique_zipfian
