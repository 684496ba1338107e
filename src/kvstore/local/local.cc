// The store of one process. "local" and "device" differ in where devices' values are summed: on the CPU, or where the data is; on a
// machine without GPUs that is the same place. Only "device" compresses, as MXNet has it.
//
// Without an updater the sum of a push is written where the value lies, and a pull is one copy of it.
#include <mutex>
#include <set>
#include <unordered_map>

#include "base/profile.h"
#include "device/device.h"
#include "kvstore/local/compressed_sum.h"
#include "kvstore/local/entry.h"
#include "kvstore/local/local.h"
#include "kvstore/local/rows.h"
#include "kvstore/local/update_task.h"
#include "kvstore/reduce.h"

namespace mixnet {
namespace {

using Keys = std::vector<std::string>;
using Arrays = std::vector<NDArray>;

// What one call gives for a key.
template <class T>
struct Group {
  const std::string& key;
  Entry& entry;
  std::vector<T> items;
};

class LocalStore : public KVStore {
 public:
  explicit LocalStore(std::string type) : type_(std::move(type)) {}
  const std::string& type() const override { return type_; }
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void barrier() override {}

  void init(const Keys& keys, const Arrays& values) override;
  void push(const Keys& keys, const Arrays& values, int priority) override;
  void pull(const Keys& keys, const Arrays& outputs, int priority) override;
  void push_pull(const Keys& keys, const Arrays& values, const Arrays& outputs, int priority) override {
    push(keys, values, priority);
    pull(keys, outputs, priority);
  }
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
  std::unordered_map<std::string, Entry> among(const Keys& keys);
  static bool usable(const Entry& entry);
  Entry& find(const std::string& key, const char* what);
  template <class T>
  std::vector<Group<T>> grouped(const Keys& keys, const std::vector<T>& items, const char* what);

  Span<const Residual> residuals(Entry& entry, size_t count);
  void push_any_sum(Span<const NDArray> values, Span<const Residual> residuals, const NDArray& target,
                    Span<Variable* const> writes, const std::string& what, int priority);
  void store_sum(const std::string& key, Entry& entry, Span<const NDArray> values, int priority);
  NDArray sum(Entry& entry, Span<const NDArray> values, int priority);
  void update(const std::string& key, const Entry& entry, const NDArray& received, int priority);
  void update_one_by_one(const std::string& key, Entry& entry, Span<const NDArray> values, int priority);

  std::string type_;
  std::recursive_mutex mutex_;  // guards the rest; recursive, as the naive engine runs updaters inside of push
  std::unordered_map<std::string, Entry> entries_;
  uint64_t call_ = 0;
  std::shared_ptr<const Updater> updater_;
  ByRow by_row_;
  Compression compression_;
  Consistency consistency_ = Consistency::sequential;
  NDArray order_{Shape{1}, DType::u8};  // its variable: the updates of one store run one after the other
};

void check_fits(const std::string& key, const NDArray& array, const NDArray& value, const char* what) {
  MIXNET_CHECK(array.shape() == value.shape(), shape, "[kvstore ", what, "] key ", key, ": expected ", value.shape(),
               ", got ", array.shape());
  MIXNET_CHECK(array.dtype() == value.dtype(), type, "[kvstore ", what, "] key ", key, ": expected ", value.dtype(),
               ", got ", array.dtype());
}

NDArray& buffer_of(Entry& entry) {
  if (entry.buffer.none()) entry.buffer = NDArray(entry.value.shape(), entry.value.dtype(), entry.value.device());
  return entry.buffer;
}

// --- first values -----------------------------------------------------------------------------------------------------

std::unordered_map<std::string, Entry> LocalStore::among(const Keys& keys) {
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  std::unordered_map<std::string, Entry> found;
  for (const std::string& key : keys) {
    auto it = entries_.find(key);
    if (it != entries_.end()) found.insert(*it);
  }
  return found;
}

// Whether no error stands on an entry. Waits for what was pushed, so not with the lock: an updater may be using the store.
bool LocalStore::usable(const Entry& entry) {
  try {
    entry.update.wait_to_read();
    entry.value.wait_to_read();
    return true;
  } catch (const Error&) {
    return false;
  }
}

void LocalStore::init(const Keys& keys, const Arrays& values) {
  const std::set<std::string> distinct(keys.begin(), keys.end());
  MIXNET_CHECK(distinct.size() == keys.size(), invalid, "[kvstore init] a key is given twice");
  const auto old = among(keys);
  for (const auto& [key, entry] : old)
    MIXNET_CHECK(!usable(entry), invalid, "[kvstore init] key ", key, " exists already");
  std::lock_guard<std::recursive_mutex> lock(mutex_);
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

// --- by key -----------------------------------------------------------------------------------------------------------

Entry& LocalStore::find(const std::string& key, const char* what) {
  auto stored = entries_.find(key);
  MIXNET_CHECK(stored != entries_.end(), invalid, "[kvstore ", what, "] key ", key, " was not initialised");
  return stored->second;
}

// Items by key, in the order of the first appearance.
template <class T>
std::vector<Group<T>> LocalStore::grouped(const Keys& keys, const std::vector<T>& items, const char* what) {
  std::vector<Group<T>> groups;
  groups.reserve(keys.size());
  ++call_;
  for (size_t i = 0; i < keys.size(); ++i) {
    Entry& entry = find(keys[i], what);
    if (entry.call != call_) {
      entry.call = call_;
      entry.place = groups.size();
      groups.push_back({keys[i], entry, {}});
    }
    groups[entry.place].items.push_back(items[i]);
  }
  return groups;
}

void LocalStore::push(const Keys& keys, const Arrays& values, int priority) {
  const profile::Span span(profile::Category::api, "kvstore push");
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  const auto groups = grouped(keys, values, "push");
  for (const auto& group : groups) {
    for (const NDArray& value : group.items) check_fits(group.key, value, group.entry.value, "push");
    MIXNET_CHECK(compression_.codes == Codes::none || group.entry.value.dtype() == DType::f32, type,
                 "[kvstore push] key ", group.key, ": compression expects float32, got ", group.entry.value.dtype());
  }
  for (const auto& group : groups) {
    if (!updater_) {
      store_sum(group.key, group.entry, group.items, priority);
    } else if (consistency_ == Consistency::sequential) {
      update(group.key, group.entry, sum(group.entry, group.items, priority), priority);
    } else {
      update_one_by_one(group.key, group.entry, group.items, priority);
    }
  }
}

// --- from values to the stored one ------------------------------------------------------------------------------------

// One for each value; none where nothing is compressed.
Span<const Residual> LocalStore::residuals(Entry& entry, size_t count) {
  if (compression_.codes == Codes::none) return {};
  while (entry.residuals.size() < count) entry.residuals.push_back(make_residual(entry.value));
  return entry.residuals;
}

void LocalStore::push_any_sum(Span<const NDArray> values, Span<const Residual> residuals, const NDArray& target,
                              Span<Variable* const> writes, const std::string& what, int priority) {
  if (compression_.codes == Codes::none) push_sum(values, target, writes, what, priority);
  else push_compressed_sum(compression_, values, residuals, target, writes, what, priority);
}

void LocalStore::store_sum(const std::string& key, Entry& entry, Span<const NDArray> values, int priority) {
  Variable* writes[] = {entry.value.variable(), entry.update.variable()};
  push_any_sum(values, residuals(entry, values.size()), entry.value, writes, "push of key " + key, priority);
}

NDArray LocalStore::sum(Entry& entry, Span<const NDArray> values, int priority) {
  if (compression_.codes == Codes::none) return reduce(values, entry.buffer, priority);
  const NDArray& buffer = buffer_of(entry);
  Variable* writes[] = {buffer.variable()};
  push_any_sum(values, residuals(entry, values.size()), buffer, writes, "kvstore sum", priority);
  return buffer;
}

// The value is not among what an update writes, though it is: its variable must not take the updater's failure.
void push_update(std::unique_ptr<Task> task, Span<Variable* const> reads, const NDArray& order, const NDArray& update,
                 int priority) {
  PushOptions options;
  options.lane = Lane::callback;
  options.priority = priority;
  Variable* writes[] = {order.variable(), update.variable()};
  engine().push(std::move(task), reads, writes, options);
}

void LocalStore::update(const std::string& key, const Entry& entry, const NDArray& received, int priority) {
  Variable* reads[] = {received.variable(), entry.value.variable()};
  push_update(std::make_unique<UpdateTask>(updater_, key, received, entry.value), reads, order_, entry.update,
              priority);
}

// The update enters the engine's order when the value is there. The value's copy is nobody else's, so that what overwrites the array
// meanwhile does no harm.
void LocalStore::update_one_by_one(const std::string& key, Entry& entry, Span<const NDArray> values, int priority) {
  const auto kept = residuals(entry, values.size());
  for (size_t k = 0; k < values.size(); ++k) {
    const NDArray received(values[k].shape(), values[k].dtype(), values[k].device());
    Variable* own[] = {received.variable()};
    push_any_sum(values.subspan(k, 1), kept.subspan(kept.empty() ? 0 : k, kept.empty() ? 0 : 1), received, own,
                 "push of key " + key, priority);
    auto ready = [updater = updater_, key, received, stored = entry.value, update = entry.update, order = order_,
                  priority] {
      Variable* reads[] = {received.variable(), stored.variable()};
      push_update(std::make_unique<UpdateTask>(updater, key, received, stored), reads, order, update, priority);
    };
    PushOptions options;
    options.priority = priority;
    options.small = true;
    engine().push(make_task(ready, "arrival at key " + key), own, {}, options);
  }
}

// --- from the stored value --------------------------------------------------------------------------------------------

void copy_task(const NDArray& from, const NDArray& to) {
  const TensorView source = from.view(), target = to.view();
  if (target.device.host() && source.device.host()) {
    const void* one[] = {source.data};
    return sum_values(from.dtype(), one, target.data, from.size());
  }
  get_device(target.device.host() ? source.device : target.device)
      .copy_from(get_device(source.device), target.data, source.data, static_cast<size_t>(source.bytes()));
}

// The store lets its array be read, `out` be overwritten. A view covers part of its chunk: the rest stays, errors included.
void push_out(std::unique_ptr<Task> task, const Entry& entry, const NDArray& out, const NDArray* also_read,
              int priority) {
  std::vector<Variable*> reads{entry.value.variable(), entry.update.variable()};
  if (also_read) reads.push_back(also_read->variable());
  if (out.bytes() != static_cast<int64_t>(out.chunk()->bytes())) reads.push_back(out.variable());
  Variable* writes[] = {out.variable()};
  PushOptions options;
  options.priority = priority;
  options.small = out.bytes() <= 65536;
  engine().push(std::move(task), reads, writes, options);
}

void LocalStore::pull(const Keys& keys, const Arrays& outputs, int priority) {
  const profile::Span span(profile::Category::api, "kvstore pull");
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  std::vector<const Entry*> entries;
  for (size_t i = 0; i < keys.size(); ++i) {
    entries.push_back(&find(keys[i], "pull"));
    check_fits(keys[i], outputs[i], entries[i]->value, "pull");
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    auto body = [from = entries[i]->value, to = outputs[i]] { copy_task(from, to); };
    push_out(make_task(body, "pull of key " + keys[i]), *entries[i], outputs[i], nullptr, priority);
  }
}

// --- by row -----------------------------------------------------------------------------------------------------------

void check_ids(const std::string& key, const NDArray& ids, const NDArray& value, const char* what) {
  MIXNET_CHECK(value.shape().ndim() > 0, shape, "[kvstore ", what, "] key ", key, ": expected an array with rows, got ",
               value.shape());
  MIXNET_CHECK(ids.shape().ndim() == 1, shape, "[kvstore ", what, "] key ", key, " row_ids: expected one axis, got ",
               ids.shape());
}

void check_rows(const std::string& key, const PushedRows& pushed, const NDArray& value) {
  check_ids(key, pushed.ids, value, "push_rows");
  Shape expected = value.shape();
  expected[0] = pushed.ids.size();
  MIXNET_CHECK(pushed.values.shape() == expected, shape, "[kvstore push_rows] key ", key, ": expected ", expected,
               ", got ", pushed.values.shape());
  MIXNET_CHECK(pushed.values.dtype() == value.dtype(), type, "[kvstore push_rows] key ", key, ": expected ",
               value.dtype(), ", got ", pushed.values.dtype());
}

void LocalStore::pull_rows(const Keys& keys, const Arrays& outputs, const Arrays& row_ids, int priority) {
  const profile::Span span(profile::Category::api, "kvstore pull_rows");
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  for (size_t i = 0; i < keys.size(); ++i) {
    const NDArray& value = find(keys[i], "pull_rows").value;
    check_fits(keys[i], outputs[i], value, "pull_rows");
    check_ids(keys[i], row_ids[i], value, "pull_rows");
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    const Entry& entry = find(keys[i], "pull_rows");
    push_out(make_take_rows(entry.value, row_ids[i], outputs[i], "kvstore pull_rows key " + keys[i]), entry, outputs[i],
             &row_ids[i], priority);
  }
}

void LocalStore::push_rows(const Keys& keys, const Arrays& row_ids, const Arrays& values, int priority) {
  const profile::Span span(profile::Category::api, "kvstore push_rows");
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  std::vector<PushedRows> pushed;
  for (size_t i = 0; i < keys.size(); ++i) {
    pushed.push_back({row_ids[i], values[i]});
    check_rows(keys[i], pushed[i], find(keys[i], "push_rows").value);
  }
  for (const auto& group : grouped(keys, pushed, "push_rows")) {
    Entry& entry = group.entry;
    const std::string place = "kvstore push_rows key " + group.key;
    std::vector<Variable*> reads;
    for (const PushedRows& rows : group.items) reads.insert(reads.end(), {rows.ids.variable(), rows.values.variable()});
    if (updater_ && by_row_ && by_row_(group.key)) {
      reads.push_back(entry.value.variable());
      push_update(make_update_rows(updater_, group.key, group.items, entry.value, place), reads, order_, entry.update,
                  priority);
      continue;
    }
    PushOptions options;
    options.priority = priority;
    const NDArray& target = updater_ ? buffer_of(entry) : entry.value;
    Variable* writes[] = {target.variable(), (updater_ ? target : entry.update).variable()};
    engine().push(make_spread_rows(group.items, target, place), reads, writes, options);
    if (updater_) update(group.key, entry, target, priority);
  }
}

// --- how it works -----------------------------------------------------------------------------------------------------

void LocalStore::set_row_updater(Updater updater, ByRow by_row) {
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  updater_ = updater ? std::make_shared<const Updater>(std::move(updater)) : nullptr;
  by_row_ = std::move(by_row);
}

void LocalStore::set_compression(const Compression& how) {
  const bool has = type_.find("device") != std::string::npos || type_ == "nccl" || how.codes == Codes::none;
  MIXNET_CHECK(has, unsupported, "[kvstore set_compression] store: expected device or one between machines, got ",
               type_);
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  compression_ = how;
  for (auto& [key, entry] : entries_) entry.residuals.clear();
}

}  // namespace

std::shared_ptr<KVStore> make_local_store(const std::string& type) {
  const bool local = type == "local" || type == "device" || type == "local_allreduce_cpu" ||
                     type == "local_allreduce_device" || type == "local_update_cpu" || type == "nccl";
  return local ? std::make_shared<LocalStore>(type) : nullptr;
}

}  // namespace mixnet
