#include "kvstore/mpi/allreduce_store.h"

#include <map>
#include <mutex>

#include "base/profile.h"
#include "device/gpu.h"
#include "kvstore/local/devices.h"
#include "kvstore/local/local_store.h"
#include "kvstore/mpi/job.h"
#include "kvstore/push_sum.h"

namespace mixnet {
namespace {

struct Key {
  int32_t slot = 0;
  NDArray sum;   // what all workers' sum is put into for an updater, kept for the next push, where it was pushed from
  NDArray here;  // the sum over this worker's GPUs, if there are several
  NDArray order{Shape{1}, DType::u8};  // its engine variable keeps the pushes of the key in order
};

// Hands a sum to the communicator when the devices' values are there. Ends when all workers' sum is. Skipped, because a value failed, it tells
// the other workers, which otherwise would wait.
class SumTask : public Task {
 public:
  SumTask(std::shared_ptr<mpi::Communicator> workers, int32_t slot, mpi::Reduction sum)
      : workers_(std::move(workers)), slot_(slot), sum_(std::move(sum)) {
    workers_->announce();
    announced_ = true;
  }
  ~SumTask() override {
    if (announced_) workers_->reduce(slot_, {sum_.key, {}, sum_.target, 0, nullptr});
  }
  void run() override {
    // Takes memory here, where an error has a place to go.
    sum_.target.view();
    for (const NDArray& source : sum_.sources) source.view();
    sum_.completion = engine().defer();
    const DeviceId device = sum_.sources[0].device();
    if (device.host()) {
      announced_ = false;
      return workers_->reduce(slot_, std::move(sum_));
    }
    // Others are told of a value once it is there, so that none waits for a GPU's work.
    gpu_device(device.index).when_computed([workers = workers_, slot = slot_, sum = sum_](const Error* error) {
      if (!error) return workers->reduce(slot, sum);
      sum.completion->fail(error->code(), error->what());
      workers->reduce(slot, {sum.key, {}, sum.target, 0, nullptr});
    });
    announced_ = false;
  }
  std::string describe() const override { return "allreduce of key " + key_; }

 private:
  std::shared_ptr<mpi::Communicator> workers_;
  int32_t slot_;
  mpi::Reduction sum_;
  std::string key_ = sum_.key;
  bool announced_ = false;
};

class AllreduceStore : public KVStore {
 public:
  AllreduceStore(std::string type, std::shared_ptr<mpi::Communicator> workers)
      : type_(std::move(type)), workers_(std::move(workers)), local_(std::make_shared<LocalStore>("device")) {}
  ~AllreduceStore() override { workers_->leave(); }

  const std::string& type() const override { return type_; }
  int rank() const override { return workers_->rank(); }
  int size() const override { return workers_->size(); }
  void barrier() override { workers_->barrier(); }

  void init(const std::vector<std::string>& keys, const std::vector<NDArray>& values) override {
    std::vector<NDArray> first;
    for (const NDArray& value : values) {
      first.emplace_back(value.shape(), value.dtype());
      copy(value, first.back());
    }
    for (const NDArray& value : first) value.wait_to_read();
    int32_t slot = workers_->add_keys(keys, first);
    local_->init(keys, first);
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    for (size_t i = 0; i < keys.size(); ++i) {
      Key& key = keys_[keys[i]];
      key.slot = slot++;
      key.sum = NDArray(values[i].shape(), values[i].dtype());
    }
  }

  void push(const std::vector<std::string>& keys, const std::vector<NDArray>& values, int priority) override {
    const profile::Span span(profile::Category::api, "kvstore push");
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    const mpi::Communicator::Gathering together(*workers_);
    std::vector<std::string> names;
    std::vector<NDArray> sums;
    for (auto& [name, group] : grouped(keys, values, "push")) {
      Key& key = keys_.at(name);
      if (store_sum(name, key, group, priority)) continue;
      start(name, key, group, sum_on(key, group[0].device()), priority);
      names.push_back(name);
      sums.push_back(key.sum);
    }
    if (!names.empty()) local_->push(names, sums, priority);
  }

  void pull(const std::vector<std::string>& keys, const std::vector<NDArray>& outputs, int priority) override {
    local_->pull(keys, outputs, priority);
  }

  void push_pull(const std::vector<std::string>& keys, const std::vector<NDArray>& values,
                 const std::vector<NDArray>& outputs, int priority) override {
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    if (updating_) {
      push(keys, values, priority);
      return pull(keys, outputs, priority);
    }
    const profile::Span span(profile::Category::api, "kvstore push_pull");
    const mpi::Communicator::Gathering together(*workers_);
    const Groups out = grouped(keys, outputs, "push_pull");
    for (auto& [name, group] : grouped(keys, values, "push_pull")) sum_into(name, group, find(out, name), priority);
  }

  void pull_rows(const std::vector<std::string>& keys, const std::vector<NDArray>& outputs,
                 const std::vector<NDArray>& row_ids, int priority) override {
    local_->pull_rows(keys, outputs, row_ids, priority);
  }

  void set_updater(Updater updater) override {
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    updating_ = static_cast<bool>(updater);
    local_->set_updater(std::move(updater));
  }

 private:
  using Groups = std::vector<std::pair<std::string, std::vector<NDArray>>>;

  // The key's sum, there.
  static const NDArray& sum_on(Key& key, DeviceId device) {
    if (apart(key.sum.device(), device)) key.sum = NDArray(key.sum.shape(), key.sum.dtype(), device);
    return key.sum;
  }

  static const std::vector<NDArray>& find(const Groups& groups, const std::string& name) {
    for (const auto& [key, group] : groups) {
      if (key == name) return group;
    }
    fail(Code::invalid, "[kvstore push_pull] key ", name, ": expected an output, got none");
  }

  // Arrays by key, in the order of the first appearance; checks that they fit what was initialised.
  Groups grouped(const std::vector<std::string>& keys, const std::vector<NDArray>& values, const char* what) const {
    Groups groups;
    std::map<std::string, size_t> where;
    for (size_t i = 0; i < keys.size(); ++i) {
      const auto key = keys_.find(keys[i]);
      MIXNET_CHECK(key != keys_.end(), invalid, "[kvstore ", what, "] key ", keys[i], " was not initialised");
      const NDArray& like = key->second.sum;
      MIXNET_CHECK(values[i].shape() == like.shape(), shape, "[kvstore ", what, "] key ", keys[i], ": expected ",
                   like.shape(), ", got ", values[i].shape());
      MIXNET_CHECK(values[i].dtype() == like.dtype(), type, "[kvstore ", what, "] key ", keys[i], ": expected ",
                   like.dtype(), ", got ", values[i].dtype());
      const auto place = where.emplace(keys[i], groups.size()).first;
      if (place->second == groups.size()) groups.emplace_back(keys[i], std::vector<NDArray>());
      groups[place->second].second.push_back(values[i]);
    }
    return groups;
  }

  // Without an updater, and where no GPU is concerned, the sum is written where the value lies.
  bool store_sum(const std::string& name, Key& key, const std::vector<NDArray>& values, int priority) {
    if (updating_ || !values[0].device().host()) return false;
    const auto [value, failure] = local_->overwritten(name);
    if (!value.device().host()) return false;
    start(name, key, values, value, priority, failure.variable());
    return true;
  }

  // The sum of a key over all workers into its first output, and from there to the others.
  void sum_into(const std::string& name, const std::vector<NDArray>& values, const std::vector<NDArray>& outputs,
                int priority) {
    Key& key = keys_.at(name);
    const NDArray& first = outputs.front();
    bool aside = apart(values[0].device(), first.device());  // the output would be written while it is still read
    for (const NDArray& value : values)
      aside |= value.overlaps(first) && !(values.size() == 1 && value.same_memory(first));
    const NDArray target = aside ? sum_on(key, values[0].device()) : first;
    start(name, key, values, target, priority);
    for (const NDArray& out : outputs) copy(target, out, priority);
  }

  // `also_written`: ordered and ended with the target, or null.
  void start(const std::string& name, Key& key, std::vector<NDArray> values, const NDArray& target, int priority,
             Variable* also_written = nullptr) {
    const DeviceId device = values[0].device();
    for (NDArray& value : values) value = brought(value, device, priority);
    if (!device.host()) values = {reduce(values, key.here, priority)};
    std::vector<Variable*> reads, writes{key.order.variable(), target.variable()};
    if (also_written) writes.push_back(also_written);
    for (const NDArray& value : values) reads.push_back(value.variable());
    // A view covers part of its chunk: the rest stays, errors included.
    if (!target.whole()) reads.push_back(target.variable());
    PushOptions options;
    options.lane = Lane::io;
    options.small = true;
    options.priority = priority;
    auto task = std::make_unique<SumTask>(workers_, key.slot, mpi::Reduction{name, values, target, priority, nullptr});
    engine().push(std::move(task), reads, writes, options);
  }

  std::string type_;
  std::shared_ptr<mpi::Communicator> workers_;
  std::shared_ptr<LocalStore> local_;
  std::recursive_mutex
      mutex_;  // guards what follows, and the order of pushes; recursive, as the naive engine runs updaters inside of push
  std::map<std::string, Key> keys_;
  bool updating_ = false;
};

}  // namespace

std::shared_ptr<KVStore> make_allreduce_store(const std::string& type, std::shared_ptr<mpi::Communicator> workers) {
  return std::make_shared<AllreduceStore>(type, std::move(workers));
}

std::shared_ptr<KVStore> make_allreduce_store(const std::string& type) {
  const mpi::Job& job = mpi::job();
  return make_allreduce_store(
      type, mpi::Communicator::make(*job.plugin, job.rank, job.size, mpi::deadlines_from_environment()));
}

}  // namespace mixnet
