// The store of one process. "local" and "device" differ in where devices' values are summed: on the CPU, or where the data is; on a
// machine without GPUs that is the same place.
//
// A key has two engine variables. That of its array carries what went wrong before an updater could run: there is no value then. That of
// `update` is held by everything that touches the value, and carries the failure of the last update: the array still has a value, so the
// next update runs on it and, when it succeeds, clears the error.
#include <map>
#include <mutex>
#include <set>

#include "base/profile.h"
#include "device/device.h"
#include "executor/invoke.h"
#include "kvstore/kvstore.h"
#include "kvstore/mpi/allreduce_store.h"
#include "op/core/registry.h"

namespace mixnet {
namespace {

// The same memory under an engine variable of its own. A task that holds `array` may hand it to foreign code, which then
// waits and computes on it as on any array, without waiting for the task itself.
NDArray borrow(const NDArray& array) {
  const TensorView view = array.view();
  auto chunk = std::make_shared<Chunk>(array.device(), view.data, static_cast<size_t>(view.bytes()), [array] {});
  return NDArray(std::move(chunk), array.shape(), array.dtype());
}

struct Entry {
  NDArray value;
  NDArray update{Shape{1}, DType::u8};  // never has memory
};

// Runs the updater on the engine's callback lane once the sum is there.
class UpdateTask : public Task {
 public:
  UpdateTask(std::shared_ptr<const KVStore::Updater> updater, std::string key, NDArray received, NDArray stored)
      : updater_(std::move(updater)),
        key_(std::move(key)),
        received_(std::move(received)),
        stored_(std::move(stored)) {}
  void run() override {
    const NDArray received = borrow(received_), stored = borrow(stored_);
    (*updater_)(key_, received, stored);
    // What the updater started on the two must be over before anybody else gets them.
    stored.wait_to_write();
    received.wait_to_write();
  }
  std::string describe() const override { return "updater of key " + key_; }

 private:
  std::shared_ptr<const KVStore::Updater> updater_;
  std::string key_;
  NDArray received_, stored_;
};

class LocalStore : public KVStore {
 public:
  explicit LocalStore(std::string type) : type_(std::move(type)) {}
  const std::string& type() const override { return type_; }
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void barrier() override {}

  void init(const std::vector<std::string>& keys, const std::vector<NDArray>& values) override {
    const std::set<std::string> distinct(keys.begin(), keys.end());
    MIXNET_CHECK(distinct.size() == keys.size(), invalid, "[kvstore init] a key is given twice");
    const std::map<std::string, Entry> old = among(keys);
    for (const auto& [key, entry] : old)
      MIXNET_CHECK(!usable(entry), invalid, "[kvstore init] key ", key, " exists already");
    std::lock_guard<std::mutex> lock(mutex_);
    for (const std::string& key : keys) {
      auto now = entries_.find(key);
      const bool same =
          now == entries_.end() || (old.count(key) && old.at(key).value.chunk() == now->second.value.chunk());
      MIXNET_CHECK(same, invalid, "[kvstore init] key ", key, " exists already");
    }
    for (size_t i = 0; i < keys.size(); ++i) {
      Entry entry;
      entry.value = NDArray(values[i].shape(), values[i].dtype(), values[i].device());
      copy(values[i], entry.value);
      entries_[keys[i]] = std::move(entry);
    }
  }

  void push(const std::vector<std::string>& keys, const std::vector<NDArray>& values, int priority) override {
    const profile::Span span(profile::Category::api, "kvstore push");
    std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [key, group] : grouped(keys, values, "push"))
      update(key, entries_.at(key), reduce(group, priority), priority);
  }

  void pull(const std::vector<std::string>& keys, const std::vector<NDArray>& outputs, int priority) override {
    const profile::Span span(profile::Category::api, "kvstore pull");
    std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [key, group] : grouped(keys, outputs, "pull")) {
      for (const NDArray& out : group) copy_out(key, entries_.at(key), out, priority);
    }
  }

  void push_pull(const std::vector<std::string>& keys, const std::vector<NDArray>& values,
                 const std::vector<NDArray>& outputs, int priority) override {
    push(keys, values, priority);
    pull(keys, outputs, priority);
  }

  void set_updater(Updater updater) override {
    std::lock_guard<std::mutex> lock(mutex_);
    updater_ = updater ? std::make_shared<const Updater>(std::move(updater)) : nullptr;
  }

 private:
  std::map<std::string, Entry> among(const std::vector<std::string>& keys) {
    std::lock_guard<std::mutex> lock(mutex_);
    std::map<std::string, Entry> found;
    for (const std::string& key : keys) {
      auto it = entries_.find(key);
      if (it != entries_.end()) found.insert(*it);
    }
    return found;
  }

  // Whether no error stands on an entry. Waits for what was pushed, so not with the lock: an updater may be using the store.
  static bool usable(const Entry& entry) {
    try {
      entry.update.wait_to_read();
      entry.value.wait_to_read();
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  // Values by key, in the order of the first appearance; checks that they fit what is stored.
  std::vector<std::pair<std::string, std::vector<NDArray>>> grouped(const std::vector<std::string>& keys,
                                                                    const std::vector<NDArray>& values,
                                                                    const char* what) const {
    std::vector<std::pair<std::string, std::vector<NDArray>>> groups;
    std::map<std::string, size_t> where;
    for (size_t i = 0; i < keys.size(); ++i) {
      auto stored = entries_.find(keys[i]);
      MIXNET_CHECK(stored != entries_.end(), invalid, "[kvstore ", what, "] key ", keys[i], " was not initialised");
      const NDArray& value = stored->second.value;
      MIXNET_CHECK(values[i].shape() == value.shape(), shape, "[kvstore ", what, "] key ", keys[i], ": expected ",
                   value.shape(), ", got ", values[i].shape());
      MIXNET_CHECK(values[i].dtype() == value.dtype(), type, "[kvstore ", what, "] key ", keys[i], ": expected ",
                   value.dtype(), ", got ", values[i].dtype());
      auto it = where.emplace(keys[i], groups.size()).first;
      if (it->second == groups.size()) groups.emplace_back(keys[i], std::vector<NDArray>());
      groups[it->second].second.push_back(values[i]);
    }
    return groups;
  }

  static NDArray reduce(const std::vector<NDArray>& group, int priority) {
    if (group.size() == 1) return group[0];
    const OpSchema& op = registry().at("add_n");
    std::vector<NDArray> out;
    InvokeOptions options;
    options.priority = priority;
    invoke(op, op.make_params({{"num_args", static_cast<int64_t>(group.size())}}), group, out, options);
    return out[0];
  }

  static void copy_task(const NDArray& from, const NDArray& to) {
    const TensorView source = from.view(), target = to.view();
    get_device(target.device.host() ? source.device : target.device)
        .copy_from(get_device(source.device), target.data, source.data, static_cast<size_t>(source.bytes()));
  }

  static void copy_out(const std::string& key, const Entry& entry, const NDArray& out, int priority) {
    std::vector<Variable*> reads{entry.value.variable(), entry.update.variable()}, writes{out.variable()};
    // A view covers part of its chunk: the rest stays, errors included.
    if (out.bytes() != static_cast<int64_t>(out.chunk()->bytes())) reads.push_back(out.variable());
    push_copy(entry.value, out, "pull of key " + key, reads, writes, priority);
  }

  static void push_copy(const NDArray& from, const NDArray& to, const std::string& what,
                        const std::vector<Variable*>& reads, const std::vector<Variable*>& writes, int priority) {
    PushOptions options;
    options.priority = priority;
    options.small = from.bytes() <= 65536;
    engine().push(make_task([from, to] { copy_task(from, to); }, what), reads, writes, options);
  }

  void update(const std::string& key, const Entry& entry, const NDArray& sum, int priority) {
    if (!updater_) {
      return push_copy(sum, entry.value, "push of key " + key, {sum.variable()},
                       {entry.value.variable(), entry.update.variable()}, priority);
    }
    PushOptions options;
    options.lane = Lane::callback;
    options.priority = priority;
    // The updates of one store run one after the other, as an optimizer with state expects. The value is not among what is written,
    // though it is: its variable must not take the updater's failure.
    Variable* reads[] = {sum.variable(), entry.value.variable()};
    Variable* writes[] = {order_.variable(), entry.update.variable()};
    engine().push(std::make_unique<UpdateTask>(updater_, key, sum, entry.value), reads, writes, options);
  }

  std::string type_;
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  std::shared_ptr<const Updater> updater_;
  NDArray order_{Shape{1}, DType::u8};
};

}  // namespace

std::shared_ptr<KVStore> make_kvstore(const std::string& type) {
  const bool local = type == "local" || type == "device" || type == "local_allreduce_cpu" ||
                     type == "local_allreduce_device" || type == "local_update_cpu" || type == "nccl";
  if (local) return std::make_shared<LocalStore>(type);
  if (type == "dist_allreduce" || type == "dist_sync_mpi") return make_allreduce_store(type);
  MIXNET_CHECK(type.compare(0, 4, "dist") != 0, unsupported, "[kvstore] ", type,
               ": this build has no store between machines");
  fail(Code::invalid, "[kvstore] type: expected local or device, got '", type, "'");
}

}  // namespace mixnet
