#include "kvstore/local/local_store.h"

#include <set>

#include "base/profile.h"
#include "device/device.h"
#include "kvstore/local/devices.h"
#include "kvstore/local/local.h"
#include "kvstore/reduce.h"

namespace mixnet {

using Keys = LocalStore::Keys;
using Arrays = LocalStore::Arrays;

namespace {

void check_distinct(const Keys& keys, const char* what) {
  const std::set<std::string> distinct(keys.begin(), keys.end());
  MIXNET_CHECK(distinct.size() == keys.size(), invalid, "[kvstore ", what, "] a key is given twice");
}

std::vector<StoredValue> make_entries(const Arrays& values) {
  std::vector<StoredValue> entries(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    entries[i].value = NDArray(values[i].shape(), values[i].dtype(), values[i].device());
    copy(values[i], entries[i].value);
  }
  return entries;
}

void copy_task(const NDArray& from, const NDArray& to) {
  const TensorView source = from.view(), target = to.view();
  if (target.device.host() && source.device.host()) {
    const void* one[] = {source.data};
    return sum_values(from.dtype(), one, target.data, from.size());
  }
  get_device(target.device)
      .copy_from(get_device(source.device), target.data, source.data, static_cast<size_t>(source.bytes()));
}

}  // namespace

// --- first values -----------------------------------------------------------------------------------------------------

std::unordered_map<std::string, StoredValue> LocalStore::among(const Keys& keys) {
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  std::unordered_map<std::string, StoredValue> found;
  for (const std::string& key : keys) {
    auto it = entries_.find(key);
    if (it != entries_.end()) found.insert(*it);
  }
  return found;
}

// Whether no error stands on an entry. Waits for what was pushed, so not with the lock: an updater may be using the store.
bool LocalStore::usable(const StoredValue& entry) {
  try {
    entry.update.wait_to_read();
    entry.value.wait_to_read();
    return true;
  } catch (const Error&) {
    return false;
  }
}

void LocalStore::init(const Keys& keys, const Arrays& values) {
  check_distinct(keys, "init");
  const auto old = among(keys);
  for (const auto& [key, entry] : old)
    MIXNET_CHECK(!usable(entry), invalid, "[kvstore init] key ", key, " exists already");
  std::vector<StoredValue> fresh = make_entries(values);
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  for (const std::string& key : keys) {
    auto now = entries_.find(key);
    const bool same =
        now == entries_.end() || (old.count(key) && old.at(key).value.chunk() == now->second.value.chunk());
    MIXNET_CHECK(same, invalid, "[kvstore init] key ", key, " exists already");
  }
  for (size_t i = 0; i < keys.size(); ++i) entries_[keys[i]] = std::move(fresh[i]);
}

void LocalStore::replace(const Keys& keys, const Arrays& values) {
  check_distinct(keys, "replace");
  std::vector<StoredValue> fresh = make_entries(values);
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  // What is under way for an entry that was there goes on with its arrays.
  for (size_t i = 0; i < keys.size(); ++i) entries_[keys[i]] = std::move(fresh[i]);
}

void LocalStore::barrier() {
  try {
    order_.wait_to_read();
  } catch (const Error&) {
    // The last update failed, and pulls of its key say so.
    return;
  }
}

// --- by key -----------------------------------------------------------------------------------------------------------

StoredValue& LocalStore::find(const std::string& key, const char* what) {
  auto stored = entries_.find(key);
  MIXNET_CHECK(stored != entries_.end(), invalid, "[kvstore ", what, "] key ", key, " was not initialised");
  return stored->second;
}

void LocalStore::push(const Keys& keys, const Arrays& values, int priority) {
  const profile::Span span(profile::Category::api, "kvstore push");
  engine().wait_for_room();
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  auto groups = grouped(keys, values, "push");
  for (auto& group : groups) {
    for (const NDArray& value : group.items) check_fits(group.key, value, group.entry.value, "push");
    MIXNET_CHECK(compression_.codes == Codes::none || group.entry.value.dtype() == DType::f32, type,
                 "[kvstore push] key ", group.key, ": compression expects float32, got ", group.entry.value.dtype());
    const DeviceId pushed = group.items[0].device();
    if (sums_on_devices() && apart(pushed, group.entry.value.device()) && !pushed.host())
      group.entry.value = brought(group.entry.value, pushed, priority);
    if (compression_.codes != Codes::none) check_host(group.entry.value, "push with compression");
    for (NDArray& value : group.items) value = brought(value, group.entry.value.device(), priority);
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

void LocalStore::pull(const Keys& keys, const Arrays& outputs, int priority) {
  const profile::Span span(profile::Category::api, "kvstore pull");
  engine().wait_for_room();
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  std::vector<const StoredValue*> entries;
  for (size_t i = 0; i < keys.size(); ++i) {
    entries.push_back(&find(keys[i], "pull"));
    check_fits(keys[i], outputs[i], entries[i]->value, "pull");
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    auto body = [from = entries[i]->value, to = outputs[i]] { copy_task(from, to); };
    push_out(make_task(body, "pull of key " + keys[i]), *entries[i], outputs[i], nullptr, priority);
  }
}

// --- how it works -----------------------------------------------------------------------------------------------------

void LocalStore::set_row_updater(Updater updater, ByRow by_row) {
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  updater_ = updater ? std::make_shared<const Updater>(std::move(updater)) : nullptr;
  by_row_ = std::move(by_row);
}

void LocalStore::set_compression(const Compression& how) {
  const bool has = sums_on_devices() || how.codes == Codes::none;
  MIXNET_CHECK(has, unsupported, "[kvstore set_compression] store: expected device or one between machines, got ",
               type_);
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  compression_ = how;
  for (auto& [key, entry] : entries_) entry.residuals.clear();
}

std::shared_ptr<KVStore> make_local_store(const std::string& type) {
  const bool local = type == "local" || type == "device" || type == "local_allreduce_cpu" ||
                     type == "local_allreduce_device" || type == "local_update_cpu" || type == "nccl";
  return local ? std::make_shared<LocalStore>(type) : nullptr;
}

}  // namespace mixnet
