// Philox4x32-10 against the vectors that Random123 publishes, and how key and counter are laid out.
#include "base/philox.h"

#include <doctest/doctest.h>

#include <set>

namespace mixnet {
namespace {

void check_block(uint64_t counter_low, uint64_t counter_high, uint64_t key, const PhiloxBlock& expected) {
  const PhiloxBlock got = philox({key, counter_high}, counter_low);
  for (int i = 0; i < 4; ++i) CHECK(got.word[i] == expected.word[i]);
}

}  // namespace

TEST_CASE("philox: known answers") {
  check_block(0, 0, 0, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});
  check_block(~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}, {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}});
  // The digits of pi: counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0.
  check_block(0x85a308d3243f6a88u, 0x0370734413198a2eu, 0x299f31d0a4093822u,
              {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}});
}

TEST_CASE("philox: a draw depends on seed, operation and index, and on nothing else") {
  const PhiloxBlock a = philox({1, 2}, 3), b = philox({1, 2}, 3);
  for (int i = 0; i < 4; ++i) CHECK(a.word[i] == b.word[i]);
  std::set<uint32_t> first;
  for (uint64_t seed : {0, 1}) {
    for (uint64_t operation : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32}) {
      for (uint64_t index : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32, uint64_t{1} << 63})
        first.insert(philox({seed, operation}, index).word[0]);
    }
  }
  CHECK(first.size() == 24);
}

TEST_CASE("philox: uniform numbers stay below one and reach zero") {
  CHECK(uniform_float(0) == 0.0f);
  CHECK(uniform_float(0xffffffffu) < 1.0f);
  CHECK(uniform_float(0xffffffffu) == 1.0f - 0x1p-24f);
  CHECK(uniform_float(0x80000000u) == 0.5f);
  CHECK(uniform_double(0, 0) == 0.0);
  CHECK(uniform_double(0xffffffffu, 0xffffffffu) == 1.0 - 0x1p-53);
  double sum = 0;
  const int n = 40000;
  for (int i = 0; i < n; ++i) sum += uniform_float(philox({7, 0}, static_cast<uint64_t>(i)).word[i % 4]);
  CHECK(sum / n == doctest::Approx(0.5).epsilon(0.01));
}

}  // namespace mixnet
