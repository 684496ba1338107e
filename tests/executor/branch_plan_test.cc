// Steps on streams, by hand-made bytes: whatever shares bytes is in order, nothing waits without need, and what is short stays where it is.
#include "executor/branch_plan.h"

#include <doctest/doctest.h>

#include <random>

namespace mixnet::test {
namespace {

using Steps = std::vector<std::vector<Touched>>;

constexpr int64_t large = 64 << 20;

// The n-th value of `bytes` bytes, apart from all others.
Touched value(int n, bool written, int64_t bytes = large) {
  return {reinterpret_cast<const char*>((int64_t{1} << 40) + n * (int64_t{1} << 32)), bytes, written};
}
Touched in(int n) { return value(n, false); }
Touched out(int n) { return value(n, true); }

bool meet(const Touched& a, const Touched& b) {
  return (a.written || b.written) && a.bytes > 0 && b.bytes > 0 && a.begin < b.begin + b.bytes &&
         b.begin < a.begin + a.bytes;
}
bool share(const std::vector<Touched>& a, const std::vector<Touched>& b) {
  for (const Touched& x : a) {
    for (const Touched& y : b) {
      if (meet(x, y)) return true;
    }
  }
  return false;
}

// Which steps are over when another begins, by streams and waits alone.
std::vector<std::vector<bool>> orders(const BranchPlan& plan) {
  std::vector<std::vector<bool>> over;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    over.emplace_back(plan.steps.size(), false);
    const auto add = [&](size_t before) {
      over[i][before] = true;
      for (size_t k = 0; k < before; ++k) over[i][k] = over[i][k] || over[before][k];
    };
    for (size_t k = 0; k < i; ++k) {
      if (plan.steps[k].branch == plan.steps[i].branch) add(k);
    }
    for (const int k : plan.steps[i].after) add(static_cast<size_t>(k));
  }
  return over;
}

// Pairs of steps that share bytes and may run at the same time.
int races(const Steps& steps, const BranchPlan& plan) {
  const auto over = orders(plan);
  int count = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    for (size_t k = 0; k < i; ++k) count += !over[i][k] && share(steps[i], steps[k]);
  }
  return count;
}

int waits(const BranchPlan& plan) {
  size_t count = 0;
  for (const BranchPlan::Step& step : plan.steps) count += step.after.size();
  return static_cast<int>(count);
}

std::vector<int> branches(const BranchPlan& plan) {
  std::vector<int> all;
  for (const BranchPlan::Step& step : plan.steps) all.push_back(step.branch);
  return all;
}

}  // namespace

TEST_CASE("branch plan: a chain stays a chain") {
  Steps steps;
  for (int i = 0; i < 9; ++i) steps.push_back({in(i), out(i + 1)});
  const BranchPlan plan = plan_branches(steps, 4);
  CHECK(plan.branches == 1);
  CHECK(plan.longest == 9);
  CHECK(plan.needed == 9);
  CHECK(waits(plan) == 0);
}

TEST_CASE("branch plan: a fork has a stream for each side, and its join waits once for each other") {
  const Steps steps{{in(0), out(1)},
                    {in(1), out(2)},
                    {in(2), out(3)},
                    {in(1), out(4)},
                    {in(4), out(5)},
                    {in(1), out(6)},
                    {in(3), in(5), in(6), out(7)},
                    {in(7), out(8)}};
  const BranchPlan plan = plan_branches(steps, 4);
  CHECK(races(steps, plan) == 0);
  CHECK(branches(plan)[1] == 0);
  CHECK(branches(plan)[3] == branches(plan)[4]);
  CHECK(plan.branches == 3);
  CHECK(plan.longest == 5);
  CHECK(waits(plan) == 4);  // two forks, two joins
  CHECK(plan.steps[0].waited_for);
  CHECK_FALSE(plan.steps[1].waited_for);
  CHECK(plan.steps[6].joint);
  CHECK_FALSE(plan.steps[4].joint);
  CHECK(branches(plan)[7] == branches(plan)[6]);
  const BranchPlan one = plan_branches(steps, 1);
  CHECK(one.branches == 1);
  CHECK(one.longest == 8);
  CHECK(one.needed == 5);
  CHECK(waits(one) == 0);
}

TEST_CASE("branch plan: reading and writing follow writing, writing follows reading, by the byte") {
  const auto piece = [](int64_t from, int64_t to, bool written) {
    return Touched{reinterpret_cast<const char*>((from + 1) << 30), (to - from) << 30, written};
  };
  const auto ordered = [&](const Touched& first, const Touched& second) {
    const Steps steps{{first}, {second}};
    const BranchPlan plan = plan_branches(steps, 2);
    CHECK(races(steps, plan) == 0);
    return plan.longest == 2;
  };
  CHECK(ordered(piece(0, 4, true), piece(3, 5, false)));
  CHECK(ordered(piece(0, 4, false), piece(3, 5, true)));
  CHECK(ordered(piece(0, 4, true), piece(1, 2, true)));
  CHECK_FALSE(ordered(piece(0, 4, false), piece(0, 4, false)));
  CHECK_FALSE(ordered(piece(0, 4, true), piece(4, 5, true)));
  CHECK_FALSE(ordered(piece(0, 4, true), piece(2, 2, true)));
  // Who read a part is waited for by who writes the whole.
  const Steps steps{{piece(0, 8, true)}, {piece(0, 4, false)}, {piece(4, 8, false)}, {piece(0, 8, true)}};
  const BranchPlan plan = plan_branches(steps, 2);
  CHECK(plan.longest == 3);
  CHECK(races(steps, plan) == 0);
}

TEST_CASE("branch plan: in place is no wait for oneself") {
  const Steps steps{{out(0)}, {in(0), out(0)}, {in(0), out(0), out(1)}};
  const BranchPlan plan = plan_branches(steps, 4);
  CHECK(plan.branches == 1);
  CHECK(plan.needed == 3);
  CHECK(waits(plan) == 0);
}

TEST_CASE("branch plan: who touches everything follows all and is followed by all") {
  const Steps steps{{out(0)}, {out(1)}, {Touched::everything()}, {out(2)}, {out(3)}};
  const BranchPlan plan = plan_branches(steps, 4);
  CHECK(plan.branches == 2);
  CHECK(plan.longest == 3);
  CHECK(races(steps, plan) == 0);
}

TEST_CASE("branch plan: one small step is not worth a stream, several are") {
  const auto small = [](int n, bool written) { return value(n, written, 1000); };
  const auto sides = [&](int length) {
    Steps steps{{small(0, true)}};
    for (int side = 0; side < 2; ++side) {
      for (int i = 0; i < length; ++i)
        steps.push_back({small(i == 0 ? 0 : 100 * side + i, false), small(100 * side + i + 1, true)});
    }
    return plan_branches(steps, 4).branches;
  };
  CHECK(sides(1) == 1);
  CHECK(sides(4) == 2);
}

TEST_CASE("branch plan: any steps at all are in order where they share bytes, and without any one wait they are not") {
  int all_waits = 0;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint32_t>(n)); };
    Steps steps(static_cast<size_t>(2 + below(30)));
    for (auto& step : steps) {
      for (int k = 1 + below(4); k > 0; --k) {
        const int64_t from = below(40), size = 1 + below(6);
        step.push_back({reinterpret_cast<const char*>((from + 1) << 24), size << 24, below(3) == 0});
      }
    }
    BranchPlan plan = plan_branches(steps, 1 + below(4));
    REQUIRE(races(steps, plan) == 0);
    CHECK(plan.needed <= plan.longest);
    for (BranchPlan::Step& step : plan.steps) {
      for (size_t i = 0; i < step.after.size(); ++i) {
        const std::vector<int> before = step.after;
        step.after.erase(step.after.begin() + static_cast<long>(i));
        CHECK(races(steps, plan) > 0);
        step.after = before;
        ++all_waits;
      }
    }
  }
  CHECK(all_waits > 500);
}

}  // namespace mixnet::test
