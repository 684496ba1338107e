// Sorting on GPUs: pairs of a key and a value in ascending order of their keys; equal ones stay in the order in which they came.
#pragma once
#include <cstddef>
#include <cstdint>

#include "device/stream.h"

namespace mixnet::gpu {

// Of n pairs, in a workspace which has two places for them. Made at preparation; n is below 2^31.
class PairSort {
 public:
  struct Pairs {
    uint64_t* key;
    int64_t* value;
  };

  explicit PairSort(int64_t n);
  int64_t size() const { return n_; }
  // A multiple of 8.
  size_t workspace() const { return 4 * place_ + scratch_; }
  // Place 0 or 1.
  Pairs place(void* workspace, int i) const;
  // Sorts what place 0 holds by the bits [low, high) of the keys and returns where it is then; the other place is free.
  Pairs run(Stream& stream, void* workspace, int low, int high) const { return run(stream, workspace, 0, low, high); }
  // Of place i.
  Pairs run(Stream& stream, void* workspace, int i, int low, int high) const;

 private:
  const int64_t n_;
  const size_t place_;  // bytes of n keys or values
  size_t scratch_ = 0;
};

// Bits that hold the numbers up to this one.
inline int bits_for(int64_t largest) {
  int bits = 0;
  while (bits < 63 && largest >> bits) ++bits;
  return bits;
}

}  // namespace mixnet::gpu
