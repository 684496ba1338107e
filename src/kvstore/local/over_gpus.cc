#include "kvstore/local/over_gpus.h"

#include <algorithm>

#include "engine/engine.h"

namespace mixnet {
namespace {

enum class Kind { all_reduce, reduce, broadcast };

// Arrays in the order of their GPUs, which is the group's.
class CollectiveTask : public Task {
 public:
  CollectiveTask(Kind kind, const OverGpus& how, int root, std::vector<NDArray> from, std::vector<NDArray> to)
      : kind_(kind), how_(how), root_(root), from_(std::move(from)), to_(std::move(to)) {}
  void run() override {
    Collectives::Arrays arrays{{}, {}, from_[0].size(), from_[0].dtype()};
    for (const NDArray& array : from_) arrays.from.push_back(array.view().data);
    for (const NDArray& array : to_) arrays.to.push_back(array.view().data);
    const std::shared_ptr<Completion> completion = engine().defer();
    auto done = [completion, from = from_, to = to_](const Error* error) {
      if (error) completion->fail(error->code(), error->what());
      else completion->end();
    };
    switch (kind_) {
      case Kind::all_reduce:
        return how_.group->all_reduce(Span<const Collectives::Arrays>(&arrays, 1), how_.what, std::move(done));
      case Kind::reduce: return how_.group->reduce(arrays, root_, how_.what, std::move(done));
      case Kind::broadcast: return how_.group->broadcast(arrays, root_, how_.what, std::move(done));
    }
  }
  std::string describe() const override { return how_.what; }

 private:
  const Kind kind_;
  const OverGpus how_;
  const int root_;
  const std::vector<NDArray> from_, to_;
};

std::vector<NDArray> by_gpu(Span<const NDArray> arrays) {
  std::vector<NDArray> sorted(arrays.begin(), arrays.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const NDArray& a, const NDArray& b) { return a.device().index < b.device().index; });
  return sorted;
}

int place_of(const NDArray& array, const std::vector<int>& gpus) {
  return static_cast<int>(std::find(gpus.begin(), gpus.end(), array.device().index) - gpus.begin());
}

void push(std::unique_ptr<Task> task, Span<Variable* const> reads, Span<Variable* const> writes, int priority) {
  PushOptions options;
  options.bounded = false;
  options.lane = Lane::io;
  options.priority = priority;
  engine().push(std::move(task), reads, writes, options);
}

std::vector<Variable*> variables(Span<const NDArray> arrays) {
  std::vector<Variable*> all;
  for (const NDArray& array : arrays) all.push_back(array.variable());
  return all;
}

}  // namespace

std::shared_ptr<Collectives> group_of(Span<const NDArray> arrays) {
  if (arrays.size() < 2) return nullptr;
  std::vector<int> gpus;
  for (const NDArray& array : arrays) {
    if (array.device().host() || !array.dense() || !Collectives::takes(array.dtype())) return nullptr;
    gpus.push_back(array.device().index);
  }
  std::sort(gpus.begin(), gpus.end());
  if (std::adjacent_find(gpus.begin(), gpus.end()) != gpus.end()) return nullptr;
  return Collectives::among(gpus);
}

void push_all_reduce(const OverGpus& how, Span<const NDArray> values, Span<const NDArray> targets,
                     Span<Variable* const> others) {
  std::vector<Variable*> writes = variables(targets);
  writes.insert(writes.end(), others.begin(), others.end());
  push(std::make_unique<CollectiveTask>(Kind::all_reduce, how, 0, by_gpu(values), by_gpu(targets)), variables(values),
       writes, how.priority);
}

void push_reduce(const OverGpus& how, Span<const NDArray> values, const NDArray& target) {
  const int root = place_of(target, how.group->gpus());
  // Only the root's is written.
  std::vector<NDArray> to(values.size(), target);
  Variable* writes[] = {target.variable()};
  push(std::make_unique<CollectiveTask>(Kind::reduce, how, root, by_gpu(values), std::move(to)), variables(values),
       writes, how.priority);
}

void push_broadcast(const OverGpus& how, const NDArray& value, Span<const NDArray> outputs,
                    Span<Variable* const> reads) {
  const int root = place_of(value, how.group->gpus());
  std::vector<Variable*> all_reads(reads.begin(), reads.end());
  all_reads.push_back(value.variable());
  // A view covers part of its chunk: the rest stays, errors included.
  for (const NDArray& out : outputs) {
    if (!out.whole()) all_reads.push_back(out.variable());
  }
  // Only the root's is read.
  std::vector<NDArray> from(outputs.size(), value);
  push(std::make_unique<CollectiveTask>(Kind::broadcast, how, root, std::move(from), by_gpu(outputs)), all_reads,
       variables(outputs), how.priority);
}

}  // namespace mixnet
