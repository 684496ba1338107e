#include "op/core/gpu/divider.h"

#include <doctest/doctest.h>

#include <random>

using mixnet::gpu::Divider;

TEST_CASE("a divider divides as the machine does") {
  std::mt19937 random(1);
  const auto check = [](uint32_t i, uint32_t d) {
    if (Divider(d).quotient(i) != i / d) FAIL(i, " / ", d, ": ", Divider(d).quotient(i));
  };
  constexpr uint32_t last = Divider::most - 1;
  for (const uint32_t d :
       {1u, 2u, 3u, 7u, 641u, 65535u, 65536u, 65537u, (1u << 30) - 1, 1u << 30, (1u << 30) + 1, last}) {
    for (const uint32_t i : {0u, 1u, d - 1, d, last / d * d - 1, last / d * d, last - 1, last}) check(i & last, d);
  }
  for (int k = 0; k < 1000000; ++k) {
    const uint32_t d = (random() & last) >> (random() % 31);
    check(random() & last, d == 0 ? 1 : d);
  }
  CHECK(Divider(5).divisor() == 5);
}
