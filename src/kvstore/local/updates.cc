// From pushed values to the stored one: sums, codes, updaters.
#include "kvstore/local/local_store.h"
#include "kvstore/local/update_task.h"
#include "kvstore/push_sum.h"

namespace mixnet {

// One for each value; none where nothing is compressed.
Span<const Residual> LocalStore::residuals(StoredValue& entry, size_t count) {
  if (compression_.codes == Codes::none) return {};
  while (entry.residuals.size() < count) entry.residuals.push_back(make_residual(entry.value));
  return entry.residuals;
}

void LocalStore::push_any_sum(Span<const NDArray> values, Span<const Residual> residuals, const NDArray& target,
                              Span<Variable* const> writes, const std::string& what, int priority) {
  if (compression_.codes == Codes::none) push_sum(values, target, writes, what, priority);
  else push_compressed_sum(compression_, values, residuals, target, writes, what, priority);
}

void LocalStore::store_sum(const std::string& key, StoredValue& entry, Span<const NDArray> values, int priority) {
  Variable* writes[] = {entry.value.variable(), entry.update.variable()};
  push_any_sum(values, residuals(entry, values.size()), entry.value, writes, "push of key " + key, priority);
}

NDArray LocalStore::sum(StoredValue& entry, Span<const NDArray> values, int priority) {
  if (compression_.codes == Codes::none) return reduce(values, entry.buffer, priority);
  const NDArray& buffer = buffer_of(entry);
  Variable* writes[] = {buffer.variable()};
  push_any_sum(values, residuals(entry, values.size()), buffer, writes, "kvstore sum", priority);
  return buffer;
}

void LocalStore::update(const std::string& key, const StoredValue& entry, const NDArray& received, int priority) {
  Variable* reads[] = {received.variable(), entry.value.variable()};
  push_update(std::make_unique<UpdateTask>(updater_, key, received, entry.value), reads, order_, entry.update,
              priority);
}

// The update enters the engine's order when the value is there. The value's copy is nobody else's, so that what overwrites the array
// meanwhile does no harm.
void LocalStore::update_one_by_one(const std::string& key, StoredValue& entry, Span<const NDArray> values,
                                   int priority) {
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
    options.bounded = false;
    options.priority = priority;
    options.small = true;
    engine().push(make_task(ready, "arrival at key " + key), own, {}, options);
  }
}

}  // namespace mixnet
