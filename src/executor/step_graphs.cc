#include "executor/step_graphs.h"

#include <algorithm>
#include <atomic>

#include "base/environment.h"
#include "base/profile.h"

namespace mixnet {
namespace {

constexpr int none = -1;
constexpr int least_steps = 2;     // one kernel is as quickly launched as a graph, unlike one step that is many
constexpr size_t most_seen = 4;    // arrays that take turns
constexpr int64_t first_free = 8;  // captures before they have to pay
constexpr int64_t worth = 8;       // launches that pay for a capture

class Counter {
 public:
  explicit Counter(const char* name) : name_(name) {}
  void add(int64_t by = 1) {
    const int64_t count = count_.fetch_add(by, std::memory_order_relaxed) + by;
    if (profile::on(profile::Category::symbolic))
      profile::add_counter(profile::Category::symbolic, profile::now(), count, {name_, ""});
  }
  int64_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  const char* const name_;
  std::atomic<int64_t> count_{0};
};
Counter captured{"graphs captured"}, recaptured{"graphs captured again"}, launched{"graphs launched"},
    refused{"graphs refused"}, given_up{"graphs given up"}, branched{"graphs with branches"},
    steps_captured{"graphs' steps"}, longest_chains{"graphs' longest chains"};

}  // namespace

GraphCounts graph_counts() {
  return {captured.count(), recaptured.count(), launched.count(),       refused.count(),
          given_up.count(), branched.count(),   steps_captured.count(), longest_chains.count()};
}

StepGraphs::StepGraphs()
    : wanted_(environment_bool("GPU_GRAPHS", true)),
      branches_(
          static_cast<int>(std::clamp<int64_t>(environment_int("GPU_BRANCHES", Branches::most), 1, Branches::most))) {}

StepGraphs::Parts StepGraphs::cut(int first, int last, FunctionRef<bool(int)> repeatable, FunctionRef<bool(int)> many) {
  Parts parts;
  while (first < last) {
    const bool captures = repeatable(first);
    int end = first + 1;
    while (end < last && repeatable(end) == captures) ++end;
    parts.push_back({first, end, captures && (end - first >= least_steps || many(first)), {}});
    first = end;
  }
  return parts;
}

StepGraphs::Parts& StepGraphs::parts_of(int first, int last, const Steps& steps) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto [it, fresh] = parts_.try_emplace({first, last});
  if (fresh) it->second = cut(first, last, steps.repeatable, steps.many);
  return it->second;
}

void StepGraphs::run(int first, int last, StreamDevice& device, const Steps& steps) {
  Parts& parts = parts_of(first, last, steps);
  for (size_t i = 0; i < parts.size(); ++i) {
    const int from = parts[i].first, to = parts[i].last, refusing = run_part(parts[i], device, steps);
    if (refusing == none) continue;
    // The others are captured without it; where it is not known which one it was, none is.
    Parts pieces = cut(from, to, [&](int step) { return refusing < to && step != refusing; }, steps.many);
    const auto place = parts.erase(parts.begin() + static_cast<long>(i));
    parts.insert(place, std::make_move_iterator(pieces.begin()), std::make_move_iterator(pieces.end()));
    i += pieces.size() - 1;
  }
}

// Puts what was seen with these addresses first; false: it was not there.
bool StepGraphs::recall(Part& part, Addresses&& addresses) {
  std::vector<Sight>& seen = part.seen;
  const auto it = std::find_if(seen.begin(), seen.end(), [&](const Sight& s) { return s.addresses == addresses; });
  if (it != seen.end()) {
    std::rotate(seen.begin(), it, it + 1);
    return true;
  }
  if (seen.size() == most_seen) seen.pop_back();
  seen.insert(seen.begin(), Sight{std::move(addresses), nullptr});
  return false;
}

// `step` is the one that is being captured.
std::unique_ptr<StreamGraph> StepGraphs::capture(const Part& part, StreamDevice& device, const Steps& steps,
                                                 int* step) const {
  std::vector<std::vector<Touched>> touched;
  for (int i = part.first; i < part.last; ++i) touched.push_back(steps.touched(i));
  const BranchPlan plan = plan_branches(touched, branches_);
  std::vector<int> places(touched.size(), none);
  auto graph = device.capture_branches([&](Branches& branches) {
    for (*step = part.first; *step < part.last; ++*step) {
      const auto i = static_cast<size_t>(*step - part.first);
      const BranchPlan::Step& its = plan.steps[i];
      for (int before : its.after) branches.wait(its.branch, places[static_cast<size_t>(before)]);
      steps.launch(*step, branches.stream(its.branch));
      if (its.waited_for) places[i] = branches.mark(its.branch);
    }
  });
  captured.add();
  if (plan.branches > 1) branched.add();
  steps_captured.add(static_cast<int64_t>(touched.size()));
  longest_chains.add(plan.longest);
  return graph;
}

// Which step could not be captured: none, or its end where all were taken and the whole was not.
int StepGraphs::run_part(Part& part, StreamDevice& device, const Steps& steps) const {
  Stream& stream = *device.stream();
  if (!part.captures) {
    for (int i = part.first; i < part.last; ++i) {
      steps.refresh(i);
      steps.launch(i, stream);
    }
    return none;
  }
  Addresses addresses;
  for (int i = part.first; i < part.last; ++i) {
    steps.refresh(i);
    steps.addresses(i, &addresses);
  }
  const auto one_by_one = [&](int result) {
    for (int i = part.first; i < part.last; ++i) steps.launch(i, stream);
    return result;
  };
  if (!recall(part, std::move(addresses))) return one_by_one(none);
  std::unique_ptr<StreamGraph>& graph = part.seen.front().graph;
  if (!graph) {
    if (part.captured >= first_free && part.launched < worth * part.captured) {
      part.captures = false;
      part.seen.clear();
      given_up.add();
      return one_by_one(none);
    }
    int step = part.first;
    try {
      graph = capture(part, device, steps, &step);
    } catch (const Error&) {
      refused.add();
      return one_by_one(step);
    }
    if (part.captured++ > 0) recaptured.add();
  }
  const profile::Span span(profile::Category::symbolic, "graph");
  graph->launch(stream);
  launched.add();
  ++part.launched;
  return none;
}

}  // namespace mixnet
