// Which of many stretches of one length an index is in, for kernels: no 64-bit division where 31 bits hold all indices.
#pragma once
#include "op/core/gpu/divider.h"

namespace mixnet::gpu {

class Split {
 public:
  Split() = default;
  // Of indices in [0, size).
  Split(int64_t length, int64_t size)
      : length_(length), short_(0 < length && length < Divider::most && size <= Divider::most) {
    if (short_) by_ = Divider(length);
  }
  MIXNET_ON_DEVICE int64_t length() const { return length_; }
  MIXNET_ON_DEVICE int64_t number(int64_t i) const {
    return short_ ? by_.quotient(static_cast<uint32_t>(i)) : i / length_;
  }

 private:
  int64_t length_ = 1;
  bool short_ = false;
  Divider by_;
};

}  // namespace mixnet::gpu
