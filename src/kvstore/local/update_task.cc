#include "kvstore/local/update_task.h"

namespace mixnet {

NDArray borrow(const NDArray& array) {
  const TensorView view = array.view();
  auto chunk = std::make_shared<Chunk>(array.device(), view.data, static_cast<size_t>(view.bytes()), [array] {});
  return NDArray(std::move(chunk), array.shape(), array.dtype());
}

void run_updater(const KVStore::Updater& updater, const std::string& key, const NDArray& received,
                 const NDArray& stored) {
  updater(key, received, stored);
  // What the updater started on the two must be over before anybody else gets them.
  stored.wait_to_write();
  received.wait_to_write();
}

UpdateTask::UpdateTask(std::shared_ptr<const KVStore::Updater> updater, std::string key, NDArray received,
                       NDArray stored)
    : updater_(std::move(updater)), key_(std::move(key)), received_(std::move(received)), stored_(std::move(stored)) {}

void UpdateTask::run() { run_updater(*updater_, key_, borrow(received_), borrow(stored_)); }

void push_update(std::unique_ptr<Task> task, Span<Variable* const> reads, const NDArray& order, const NDArray& update,
                 int priority) {
  PushOptions options;
  options.bounded = false;
  options.lane = Lane::callback;
  options.priority = priority;
  Variable* writes[] = {order.variable(), update.variable()};
  engine().push(std::move(task), reads, writes, options);
}

}  // namespace mixnet
