// The random numbers of one example in one epoch: a function of (seed, epoch, number of the example), whoever asks on whatever thread.
#pragma once
#include <cmath>

#include "base/philox.h"

namespace mixnet {

class Draws {
 public:
  Draws(uint64_t seed, uint64_t epoch, uint64_t number) : key_{seed ^ (epoch * 0x9E3779B97F4A7C15u), number} {}

  uint32_t word() {
    if (used_ == 4) {
      block_ = philox(key_, next_++);
      used_ = 0;
    }
    return block_.word[used_++];
  }
  // In [0, 1).
  double uniform() {
    const uint32_t high = word();
    return uniform_double(high, word());
  }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  // In 0 .. n - 1; n must be above 0.
  int64_t below(int64_t n) { return static_cast<int64_t>(uniform() * static_cast<double>(n)); }
  bool chance(double probability) { return uniform() < probability; }
  // Mean 0, deviation 1 (Box and Muller).
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(6.283185307179586 * uniform());
  }

 private:
  PhiloxKey key_;
  uint64_t next_ = 0;
  PhiloxBlock block_{};
  int used_ = 4;
};

}  // namespace mixnet
