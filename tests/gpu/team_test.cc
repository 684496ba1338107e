// Threads that work together on an emulated GPU's kernels.
#if defined(MIXNET_GPU_EMULATED)
#include "device/emulated/emulated_team.h"

#include <doctest/doctest.h>

#include <cstring>

namespace mixnet::test {
namespace {

// Every member hands a number to its neighbour, again and again; what all have got in the end.
std::vector<int> handed_on(EmulatedTeam& team, int rounds) {
  std::vector<int> got(static_cast<size_t>(team.size()));
  const auto show = [&](int rank, int value) { std::memcpy(team.place(rank).bytes, &value, sizeof value); };
  team.run([&](int rank) {
    int mine = rank;
    for (int round = 0; round < rounds; ++round) {
      team.wait();  // nobody shows another before all have read the one before
      show(rank, mine);
      team.wait();
      std::memcpy(&mine, team.place((rank + 1) % team.size()).bytes, sizeof mine);
    }
    got[static_cast<size_t>(rank)] = mine;
  });
  return got;
}

}  // namespace

TEST_CASE("gpu: members of a team wait for one another, run after run") {
  for (const int size : {1, 2, 5, 16}) {
    EmulatedTeam team(size);
    for (int rounds = 0; rounds < 40; ++rounds) {
      std::vector<int> expected(static_cast<size_t>(size));
      for (int rank = 0; rank < size; ++rank) expected[static_cast<size_t>(rank)] = (rank + rounds) % size;
      CHECK(handed_on(team, rounds) == expected);
    }
  }
}

}  // namespace mixnet::test
#endif
