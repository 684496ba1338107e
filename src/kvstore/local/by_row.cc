// Pushes and pulls of rows.
#include "base/profile.h"
#include "kvstore/local/devices.h"
#include "kvstore/local/local_store.h"
#include "kvstore/local/update_task.h"

namespace mixnet {
void LocalStore::pull_rows(const Keys& keys, const Arrays& outputs, const Arrays& row_ids, int priority) {
  const profile::Span span(profile::Category::api, "kvstore pull_rows");
  engine().wait_for_room();
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  for (size_t i = 0; i < keys.size(); ++i) {
    const NDArray& value = find(keys[i], "pull_rows").value;
    check_fits(keys[i], outputs[i], value, "pull_rows");
    check_row_ids(keys[i], row_ids[i], value.shape(), "pull_rows");
    for (const NDArray& array : {value, outputs[i], row_ids[i]}) check_host(array, "pull_rows");
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    const StoredValue& entry = find(keys[i], "pull_rows");
    push_out(make_take_rows(entry.value, row_ids[i], outputs[i], "kvstore pull_rows key " + keys[i]), entry, outputs[i],
             &row_ids[i], priority);
  }
}

void LocalStore::push_rows(const Keys& keys, const Arrays& row_ids, const Arrays& values, int priority) {
  const profile::Span span(profile::Category::api, "kvstore push_rows");
  engine().wait_for_room();
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  std::vector<PushedRows> pushed;
  for (size_t i = 0; i < keys.size(); ++i) {
    pushed.push_back({row_ids[i], values[i]});
    const NDArray& value = find(keys[i], "push_rows").value;
    check_pushed_rows(keys[i], pushed[i], value.shape(), value.dtype());
    for (const NDArray& array : {value, values[i], row_ids[i]}) check_host(array, "push_rows");
  }
  for (const auto& group : grouped(keys, pushed, "push_rows"))
    update_rows(group.key, group.entry, group.items, priority);
}

void LocalStore::update_rows(const std::string& key, StoredValue& entry, const std::vector<PushedRows>& pushed,
                             int priority) {
  const std::string place = "kvstore push_rows key " + key;
  std::vector<Variable*> reads;
  for (const PushedRows& rows : pushed) reads.insert(reads.end(), {rows.ids.variable(), rows.values.variable()});
  if (updater_ && by_row_ && by_row_(key)) {
    reads.push_back(entry.value.variable());
    return push_update(make_update_rows(updater_, key, pushed, entry.value, place), reads, order_, entry.update,
                       priority);
  }
  PushOptions options;
  options.bounded = false;
  options.priority = priority;
  const NDArray& target = updater_ ? buffer_of(entry) : entry.value;
  Variable* writes[] = {target.variable(), (updater_ ? target : entry.update).variable()};
  engine().push(make_spread_rows(pushed, target, place), reads, writes, options);
  if (updater_) update(key, entry, target, priority);
}

}  // namespace mixnet
