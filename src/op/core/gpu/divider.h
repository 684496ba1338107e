// Division by a number that all threads share: GPUs have no instruction for it, and 64 bits take about a hundred.
#pragma once
#include <cstdint>

#include "base/on_device.h"

namespace mixnet::gpu {

// i / d for i in [0, 2^31) and d in [1, 2^31), by a product (Granlund and Montgomery, "Division by invariant integers using multiplication", 1994).
class Divider {
 public:
  static constexpr int64_t most = int64_t{1} << 31;

  Divider() = default;
  explicit Divider(int64_t d) : d_(static_cast<uint32_t>(d)) {
    while ((uint64_t{1} << shift_) < d_) ++shift_;
    factor_ = static_cast<uint32_t>((((uint64_t{1} << shift_) - d_) << 32) / d_ + 1);
  }
  MIXNET_ON_DEVICE uint32_t divisor() const { return d_; }
  MIXNET_ON_DEVICE uint32_t quotient(uint32_t i) const {
    return (static_cast<uint32_t>((static_cast<uint64_t>(i) * factor_) >> 32) + i) >> shift_;
  }

 private:
  uint32_t d_ = 1, factor_ = 1, shift_ = 0;
};

}  // namespace mixnet::gpu
