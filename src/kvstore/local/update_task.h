// Runs an updater on what was received for a key, on the engine's callback lane.
#pragma once
#include <memory>
#include <string>

#include "kvstore/kvstore.h"

namespace mixnet {

class UpdateTask : public Task {
 public:
  UpdateTask(std::shared_ptr<const KVStore::Updater> updater, std::string key, NDArray received, NDArray stored);
  void run() override;
  std::string describe() const override { return "updater of key " + key_; }

 private:
  std::shared_ptr<const KVStore::Updater> updater_;
  std::string key_;
  NDArray received_, stored_;
};

// Pushes a task that updates a stored value and reads what `reads` says. `order`: one for all keys of a store; `update`: see StoredValue. The
// value is not among what is written, though it is: its variable must not take the updater's failure.
void push_update(std::unique_ptr<Task> task, Span<Variable* const> reads, const NDArray& order, const NDArray& update,
                 int priority);

// Calls the updater and waits for what it started. The task that runs this must hold the memory of both arrays, whose engine variables are
// then not its own: see borrow.
void run_updater(const KVStore::Updater& updater, const std::string& key, const NDArray& received,
                 const NDArray& stored);

// The same memory under an engine variable of its own. A task that holds `array` may hand it to foreign code, which then
// waits and computes on it as on any array, without waiting for the task itself.
NDArray borrow(const NDArray& array);

}  // namespace mixnet
