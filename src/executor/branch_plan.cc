#include "executor/branch_plan.h"

#include <algorithm>
#include <functional>
#include <map>

namespace mixnet {
namespace {

constexpr int none = -1;
// In bytes that a GPU moves in the same time: a kernel that does nothing, and a fork with its join, which take as long as a small kernel.
constexpr int64_t launch = 4 << 20, crossing = launch + (1 << 19);

// Who wrote bytes last, and who has read them since.
class Memory {
 public:
  // Adds the steps that must be over before `step` touches this.
  void touch(const Touched& t, int step, std::vector<int>* before) {
    const auto begin = reinterpret_cast<uintptr_t>(t.begin);
    if (t.bytes <= 0) return;
    const uintptr_t end = begin + static_cast<uintptr_t>(t.bytes);
    split(begin);
    split(end);
    for (auto it = pieces_.lower_bound(begin); it != pieces_.end() && it->first < end; ++it) {
      Piece& piece = it->second;
      if (piece.writer != none) before->push_back(piece.writer);
      if (t.written) before->insert(before->end(), piece.readers.begin(), piece.readers.end());
    }
    if (t.written) {
      pieces_.erase(pieces_.lower_bound(begin), pieces_.lower_bound(end));
      pieces_[begin] = {end, step, {}};
    } else {
      read(begin, end, step);
    }
  }

 private:
  struct Piece {
    uintptr_t end;
    int writer = none;
    std::vector<int> readers;
  };

  // No piece goes across.
  void split(uintptr_t at) {
    auto it = pieces_.lower_bound(at);
    if (it == pieces_.begin()) return;
    Piece& piece = std::prev(it)->second;
    if (piece.end <= at) return;
    Piece second = piece;
    piece.end = at;
    pieces_.emplace_hint(it, at, std::move(second));
  }
  void read(uintptr_t begin, uintptr_t end, int step) {
    for (auto it = pieces_.lower_bound(begin); begin < end; ++it) {
      const uintptr_t next = it == pieces_.end() ? end : std::min(end, it->first);
      if (begin < next) it = pieces_.emplace_hint(it, begin, Piece{next, none, {}});
      it->second.readers.push_back(step);
      begin = it->second.end;
    }
  }

  std::map<uintptr_t, Piece> pieces_;  // apart from one another, by where they begin
};

class Planner {
 public:
  Planner(const std::vector<std::vector<Touched>>& steps, int branches)
      : steps_(steps), over_(steps.size()), ends_(steps.size()), tail_(static_cast<size_t>(branches), none) {
    plan_.steps.resize(steps.size());
  }

  BranchPlan run() {
    std::vector<int> needed(steps_.size()), put_so(steps_.size());
    for (size_t i = 0; i < steps_.size(); ++i) {
      const int step = static_cast<int>(i);
      const std::vector<int> before = find_before(step);
      const int branch = choose(before), tail = tail_[static_cast<size_t>(branch)];
      if (tail != none) put_so[i] = put_so[static_cast<size_t>(tail)];
      for (int b : before) {
        needed[i] = std::max(needed[i], needed[static_cast<size_t>(b)]);
        put_so[i] = std::max(put_so[i], put_so[static_cast<size_t>(b)]);
      }
      plan_.needed = std::max(plan_.needed, ++needed[i]);
      plan_.longest = std::max(plan_.longest, ++put_so[i]);
      put(step, branch, before);
    }
    plan_.branches =
        std::max(1, static_cast<int>(std::count_if(tail_.begin(), tail_.end(), [](int t) { return t != none; })));
    return std::move(plan_);
  }

 private:
  int branch_of(int step) const { return plan_.steps[static_cast<size_t>(step)].branch; }
  int64_t end_of(int step) const { return step == none ? 0 : ends_[static_cast<size_t>(step)]; }

  // Steps that this one follows, the latest first.
  std::vector<int> find_before(int step) {
    std::vector<int> before;
    // What a step reads and writes at once is not its own predecessor.
    for (const bool written : {false, true}) {
      for (const Touched& t : steps_[static_cast<size_t>(step)]) {
        if (t.written == written) memory_.touch(t, step, &before);
      }
    }
    std::sort(before.begin(), before.end(), std::greater<int>());
    before.erase(std::unique(before.begin(), before.end()), before.end());
    if (!before.empty() && before.front() == step) before.erase(before.begin());
    return before;
  }

  // Where it begins first; of equals, where the one that it follows has just been, else the first.
  int choose(const std::vector<int>& before) const {
    int64_t ready = 0;
    for (int b : before) ready = std::max(ready, end_of(b));
    int best = 0;
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < tail_.size(); ++i) {
      const int branch = static_cast<int>(i);
      const bool stays = before.empty()
                             ? branch == 0
                             : std::any_of(before.begin(), before.end(), [&](int b) { return branch_of(b) == branch; });
      const int64_t begin = std::max(ready, end_of(tail_[i])) + (stays ? 0 : crossing);
      if (begin < least || (begin == least && !before.empty() && tail_[i] == before.front())) {
        best = branch;
        least = begin;
      }
    }
    return best;
  }

  void put(int step, int branch, const std::vector<int>& before) {
    BranchPlan::Step& place = plan_.steps[static_cast<size_t>(step)];
    place.branch = branch;
    std::vector<int>& over = over_[static_cast<size_t>(step)];
    const int tail = tail_[static_cast<size_t>(branch)];
    if (tail == none) over.assign(tail_.size(), none);
    else over = over_[static_cast<size_t>(tail)];
    int64_t begin = end_of(tail), bytes = 0;
    for (int b : before) {
      begin = std::max(begin, end_of(b));
      if (over[static_cast<size_t>(branch_of(b))] >= b) continue;
      place.after.push_back(b);
      plan_.steps[static_cast<size_t>(b)].waited_for = true;
      const std::vector<int>& its = over_[static_cast<size_t>(b)];
      for (size_t i = 0; i < over.size(); ++i) over[i] = std::max(over[i], its[i]);
    }
    over[static_cast<size_t>(branch)] = step;
    for (const Touched& t : steps_[static_cast<size_t>(step)]) bytes += std::min<int64_t>(t.bytes, int64_t{1} << 40);
    ends_[static_cast<size_t>(step)] = begin + launch + bytes;
    tail_[static_cast<size_t>(branch)] = step;
    place.joint = over == tail_;
  }

  const std::vector<std::vector<Touched>>& steps_;
  Memory memory_;
  std::vector<std::vector<int>> over_;  // by step: of each branch, the last step that is over when this one is
  std::vector<int64_t> ends_;           // by step, if streams were never held up otherwise
  std::vector<int> tail_;               // by branch, its last step
  BranchPlan plan_;
};

}  // namespace

BranchPlan plan_branches(const std::vector<std::vector<Touched>>& steps, int branches) {
  return Planner(steps, branches).run();
}

}  // namespace mixnet
