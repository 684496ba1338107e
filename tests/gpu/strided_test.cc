#include "op/core/gpu/strided.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

namespace mixnet::test {
namespace {

struct Axis {
  int64_t extent;
  std::array<int64_t, 2> stride;
};

// At the ends and in between, of spaces far larger than memory.
void check_places(const std::vector<Axis>& axes) {
  StridedLoop<2> loop;
  for (const Axis& a : axes) loop.add(a.extent, a.stride);
  const gpu::Strided<2> strided(loop);
  REQUIRE(strided.size == loop.size());
  std::mt19937_64 random(1);
  for (int k = 0; k < 1000; ++k) {
    const int64_t index = k == 0 ? 0 : k == 1 ? loop.size() - 1 : static_cast<int64_t>(random() >> 1) % loop.size();
    int64_t rest = index, want[2] = {0, 0}, have[2];
    for (size_t d = axes.size(); d-- > 0; rest /= axes[d].extent) {
      for (size_t i = 0; i < 2; ++i) want[i] += rest % axes[d].extent * axes[d].stride[i];
    }
    strided.at(index, have);
    if (have[0] != want[0] || have[1] != want[1]) FAIL(index, ": ", have[0], ", ", have[1]);
  }
}

}  // namespace

TEST_CASE("gpu: operands of a strided loop by index, in 32 bits and in 64") {
  check_places({});
  check_places({{7, {1, -1}}});
  check_places({{5, {84, 1}}, {12, {7, 35}}, {7, {-1, 5}}});
  check_places({{3, {0, 1000}}, {641, {65537, 3}}, {1000, {1, 0}}});
  const int64_t all = int64_t{1} << 31;
  check_places({{all - 1, {1, 1}}});  // the last that 31 bits hold
  check_places({{all, {1, -1}}});
  check_places({{3, {-1073741773, 5}}, {100, {1, 7}}});  // offsets at their edge, and over it
  check_places({{3, {-1073741775, 5}}, {100, {1, 7}}});
  check_places({{3, {1, all}}, {100, {3, 7}}});  // few elements far apart
  check_places({{100000, {1, -99999}}, {100003, {100000, 7}}, {1001, {5, 1}}});
}

}  // namespace mixnet::test
