#include "op/core/gpu/split.h"

#include <doctest/doctest.h>

#include <initializer_list>

using mixnet::gpu::Divider;
using mixnet::gpu::Split;

TEST_CASE("gpu: stretches of one length by index, in 32 bits and in 64") {
  const int64_t all = Divider::most;
  for (const int64_t size : {int64_t{1000}, all - 1, all, all + 1, 5 * all}) {
    for (const int64_t length : {int64_t{1}, int64_t{3}, int64_t{1000}, all - 1, all, all + 1}) {
      const Split split(length, size);
      CHECK(split.length() == length);
      for (const int64_t i : {int64_t{0}, int64_t{999}, size / 2, length - 1, length, size - 1}) {
        if (i < size) CHECK(split.number(i) == i / length);
      }
    }
  }
}
