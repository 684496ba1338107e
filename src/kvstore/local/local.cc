#include "kvstore/local/local_store.h"

#include <algorithm>
#include <set>

#include "base/profile.h"
#include "device/device.h"
#include "kvstore/local/devices.h"
#include "kvstore/local/local.h"
#include "kvstore/local/over_gpus.h"
#include "kvstore/reduce.h"
#include "ndarray/copy_over.h"

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
  if (apart(from.device(), to.device())) return copy_over(from, to);
  const TensorView source = from.view(), target = to.view();
  if (target.device.host() && source.device.host()) {
    const void* one[] = {source.data};
    return sum_values(from.dtype(), one, target.data, from.size());
  }
  get_device(target.device).stream()->copy(target.data, source.data, static_cast<size_t>(source.bytes()));
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
    group.entry.replicas.clear();
    group.together = collectives(group.items);
    if (group.together) continue;
    for (NDArray& value : group.items) value = brought(value, group.entry.value.device(), priority);
  }
  for (const auto& group : groups) {
    if (group.together) {
      push_together(group, priority);
    } else if (!updater_) {
      store_sum(group.key, group.entry, group.items, priority);
    } else if (consistency_ == Consistency::sequential) {
      update(group.key, group.entry, sum(group.entry, group.items, priority), priority);
    } else {
      update_one_by_one(group.key, group.entry, group.items, priority);
    }
  }
}

std::pair<NDArray, NDArray> LocalStore::overwritten(const std::string& key) {
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  StoredValue& entry = find(key, "push");
  entry.replicas.clear();
  return {entry.value, entry.update};
}

// The group of GPUs that can sum these values where they are, or give them a value; or null.
std::shared_ptr<Collectives> LocalStore::collectives(const Arrays& items) const {
  const bool one_by_one = updater_ && consistency_ == Consistency::eventual;
  if (!sums_on_devices() || compression_.codes != Codes::none || one_by_one) return nullptr;
  return group_of(items);
}

void LocalStore::push_together(const Group<NDArray>& group, int priority) {
  StoredValue& entry = group.entry;
  const OverGpus how{group.together, "push of key " + group.key, priority};
  if (updater_) {
    push_reduce(how, group.items, buffer_of(entry));
    return update(group.key, entry, entry.buffer, priority);
  }
  Arrays targets;
  for (const NDArray& value : group.items) {
    const bool here = value.device() == entry.value.device();
    targets.push_back(here ? entry.value : NDArray(value.shape(), value.dtype(), value.device()));
    if (!here) entry.replicas.push_back(targets.back());
  }
  Variable* others[] = {entry.update.variable()};
  push_all_reduce(how, group.items, targets, others);
}

void LocalStore::pull(const Keys& keys, const Arrays& outputs, int priority) {
  const profile::Span span(profile::Category::api, "kvstore pull");
  engine().wait_for_room();
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  auto groups = grouped(keys, outputs, "pull");
  for (auto& group : groups) {
    for (const NDArray& out : group.items) check_fits(group.key, out, group.entry.value, "pull");
    if (group.entry.replicas.empty()) group.together = collectives(group.items);
  }
  for (const auto& group : groups) {
    const StoredValue& entry = group.entry;
    const auto here = [&](const NDArray& out) { return out.device() == entry.value.device(); };
    if (group.together && std::any_of(group.items.begin(), group.items.end(), here)) {
      Variable* reads[] = {entry.update.variable()};
      push_broadcast({group.together, "pull of key " + group.key, priority}, entry.value, group.items, reads);
      continue;
    }
    for (const NDArray& out : group.items) {
      const NDArray& from = nearest(entry, out.device());
      const NDArray* const replica = &from == &entry.value ? nullptr : &from;
      push_out(make_task([from, out] { copy_task(from, out); }, "pull of key " + group.key), entry, out, replica,
               priority);
    }
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
