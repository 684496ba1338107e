#include "kvstore/local/stored_value.h"

#include "kvstore/local/devices.h"

namespace mixnet {

void check_fits(const std::string& key, const NDArray& array, const NDArray& value, const char* what) {
  MIXNET_CHECK(array.shape() == value.shape(), shape, "[kvstore ", what, "] key ", key, ": expected ", value.shape(),
               ", got ", array.shape());
  MIXNET_CHECK(array.dtype() == value.dtype(), type, "[kvstore ", what, "] key ", key, ": expected ", value.dtype(),
               ", got ", array.dtype());
}

const NDArray& nearest(const StoredValue& entry, DeviceId device) {
  for (const NDArray& replica : entry.replicas) {
    if (replica.device() == device) return replica;
  }
  return entry.value;
}

NDArray& buffer_of(StoredValue& entry) {
  if (entry.buffer.none() || entry.buffer.device() != entry.value.device())
    entry.buffer = NDArray(entry.value.shape(), entry.value.dtype(), entry.value.device());
  return entry.buffer;
}

void push_out(std::unique_ptr<Task> task, const StoredValue& entry, const NDArray& out, const NDArray* also_read,
              int priority) {
  std::vector<Variable*> reads{entry.value.variable(), entry.update.variable()};
  if (also_read) reads.push_back(also_read->variable());
  // A view covers part of its chunk: the rest stays, errors included.
  if (!out.whole()) reads.push_back(out.variable());
  Variable* writes[] = {out.variable()};
  PushOptions options;
  options.bounded = false;
  options.priority = priority;
  const NDArray& from = nearest(entry, out.device());
  if (apart(from.device(), out.device())) options.lane = Lane::io;
  else options.small = out.bytes() <= 65536;
  engine().push(std::move(task), reads, writes, options);
}

}  // namespace mixnet
