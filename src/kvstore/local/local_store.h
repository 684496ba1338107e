// The store of one process. "local" and "device" differ in where devices' values are summed: on the CPU, or where the data is; on a
// machine without GPUs that is the same place. Only "device" compresses, as MXNet has it.
//
// Calls wait for room in the engine before they take the lock and push without waiting while they have it: updaters may use the store.
//
// Without an updater the sum of a push is written where the value lies, and a pull is one copy of it. Where values lie on several GPUs and there is
// NCCL, "device" and "nccl" sum them by it (over_gpus.h), which leaves the sum on all of them; what an updater has made of one is
// broadcast to those which pull together.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "kvstore/kvstore.h"
#include "kvstore/local/rows.h"
#include "kvstore/local/stored_value.h"

namespace mixnet {

class Collectives;

class LocalStore : public KVStore {
 public:
  using Keys = std::vector<std::string>;
  using Arrays = std::vector<NDArray>;

  explicit LocalStore(std::string type) : type_(std::move(type)) {}
  const std::string& type() const override { return type_; }
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void barrier() override;

  void init(const Keys& keys, const Arrays& values) override;
  void replace(const Keys& keys, const Arrays& values) override;
  void push(const Keys& keys, const Arrays& values, int priority) override;
  void pull(const Keys& keys, const Arrays& outputs, int priority) override;
  void push_pull(const Keys& keys, const Arrays& values, const Arrays& outputs, int priority) override {
    push(keys, values, priority);
    pull(keys, outputs, priority);
  }
  // Of a key: where its value lies, and what carries the failure of its last update, for who overwrites both in one operation. It must fit.
  std::pair<NDArray, NDArray> overwritten(const std::string& key);
  void pull_rows(const Keys& keys, const Arrays& outputs, const Arrays& row_ids, int priority) override;
  void push_rows(const Keys& keys, const Arrays& row_ids, const Arrays& values, int priority) override;

  void set_updater(Updater updater) override { set_row_updater(std::move(updater), nullptr); }
  void set_row_updater(Updater updater, ByRow by_row) override;
  void set_compression(const Compression& how) override;
  void set_consistency(Consistency consistency) override {
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    consistency_ = consistency;
  }

 private:
  // What one call gives for a key.
  template <class T>
  struct Group {
    const std::string& key;
    StoredValue& entry;
    std::vector<T> items;
    std::shared_ptr<Collectives> together;  // by which GPUs carry it out, or null
  };

  // Then values move to the GPU where they are pushed from.
  bool sums_on_devices() const { return type_.find("device") != std::string::npos || type_ == "nccl"; }
  std::unordered_map<std::string, StoredValue> among(const Keys& keys);
  static bool usable(const StoredValue& entry);
  StoredValue& find(const std::string& key, const char* what);
  // Items by key, in the order of the first appearance.
  template <class T>
  std::vector<Group<T>> grouped(const Keys& keys, const std::vector<T>& items, const char* what);

  std::shared_ptr<Collectives> collectives(const Arrays& items) const;
  void push_together(const Group<NDArray>& group, int priority);
  Span<const Residual> residuals(StoredValue& entry, size_t count);
  void push_any_sum(Span<const NDArray> values, Span<const Residual> residuals, const NDArray& target,
                    Span<Variable* const> writes, const std::string& what, int priority);
  void store_sum(const std::string& key, StoredValue& entry, Span<const NDArray> values, int priority);
  NDArray sum(StoredValue& entry, Span<const NDArray> values, int priority);
  void update(const std::string& key, const StoredValue& entry, const NDArray& received, int priority);
  void update_rows(const std::string& key, StoredValue& entry, const std::vector<PushedRows>& pushed, int priority);
  void update_one_by_one(const std::string& key, StoredValue& entry, Span<const NDArray> values, int priority);

  std::string type_;
  std::recursive_mutex mutex_;  // guards the rest; recursive, as the naive engine runs updaters inside of push
  std::unordered_map<std::string, StoredValue> entries_;
  uint64_t call_ = 0;
  std::shared_ptr<const Updater> updater_;
  ByRow by_row_;
  Compression compression_;
  Consistency consistency_ = Consistency::sequential;
  NDArray order_{Shape{1}, DType::u8};  // its variable: the updates of one store run one after the other
};

template <class T>
std::vector<LocalStore::Group<T>> LocalStore::grouped(const Keys& keys, const std::vector<T>& items, const char* what) {
  std::vector<Group<T>> groups;
  groups.reserve(keys.size());
  ++call_;
  for (size_t i = 0; i < keys.size(); ++i) {
    StoredValue& entry = find(keys[i], what);
    if (entry.call != call_) {
      entry.call = call_;
      entry.place = groups.size();
      groups.push_back({keys[i], entry, {}, nullptr});
    }
    groups[entry.place].items.push_back(items[i]);
  }
  return groups;
}

}  // namespace mixnet
