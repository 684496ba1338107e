// KVStore: values by key, pushed and pulled by one or more devices, with an optional updater in between.
//
// Keys are texts (integers are written in decimal). push sums what the devices give; with an updater, updater(key, sum,
// stored) changes the stored value, without one the sum replaces it. All work goes through the engine: calls return at
// once, order per key is that of the calls.
//
// An updater that fails: the error is raised by what is pulled from the key, until the next update of that key succeeds. The stored value
// is what the updater left of it, and the next update starts from there. When no value ever arrived (init or, without an updater, push of
// an array whose computation failed), only init of the key or a push without updater overwrites the error.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kvstore/compression.h"
#include "ndarray/ndarray.h"

namespace mixnet {

// What a pull may see. sequential: everything pushed before it. eventual: each pushed value reaches the updater on its own, as soon as it
// is computed, and a pull gets what is there.
enum class Consistency : int32_t { sequential = 0, eventual = 1 };

class Optimizer;

class KVStore {
 public:
  // Runs on the engine's callback lane, one call per key at a time. It may wait on arrays and call the library.
  using Updater = std::function<void(const std::string& key, const NDArray& received, const NDArray& stored)>;

  virtual ~KVStore() = default;
  virtual const std::string& type() const = 0;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  // Throws Code::invalid when a key exists already, unless an error stands on it: then it begins anew.
  virtual void init(const std::vector<std::string>& keys, const std::vector<NDArray>& values) = 0;
  // One value per key entry; a key that stands several times gives one value per device. Higher priority runs earlier.
  virtual void push(const std::vector<std::string>& keys, const std::vector<NDArray>& values, int priority) = 0;
  virtual void pull(const std::vector<std::string>& keys, const std::vector<NDArray>& outputs, int priority) = 0;
  // push, then pull of the same keys.
  virtual void push_pull(const std::vector<std::string>& keys, const std::vector<NDArray>& values,
                         const std::vector<NDArray>& outputs, int priority) = 0;
  virtual void set_updater(Updater updater) = 0;
  // Waits until all workers are here; without servers also until the updates of what this one pushed are over, whose failures are raised
  // by pulls. Pushes to servers may still be on the way.
  virtual void barrier() = 0;

  // Every push is a step of the optimizer; the store and the caller share it.
  virtual void set_optimizer(std::shared_ptr<Optimizer> optimizer);

  // What not every store has; Code::unsupported.
  // init of keys that may exist: what they held is gone, residuals of compression too.
  virtual void replace(const std::vector<std::string>&, const std::vector<NDArray>&) { lacks("replace"); }
  // Messages, bytes, latency and staleness by key and by peer, as JSON (dist/statistics.h).
  virtual std::string statistics() { lacks("statistics"); }
  // The servers' values and states, as PREFIX-server-N.params on their machines. Rank 0's call counts.
  virtual void save(const std::string&) { lacks("save"); }
  // The rows named by row_ids[i] (any numeric dtype, any number, also repeated) into outputs[i], zeros elsewhere.
  virtual void pull_rows(const std::vector<std::string>&, const std::vector<NDArray>&, const std::vector<NDArray>&,
                         int) {
    lacks("pull_rows");
  }
  // A push of arrays that are zero but for the rows named: values[i] has one for each of row_ids[i], the same ones are added up.
  virtual void push_rows(const std::vector<std::string>&, const std::vector<NDArray>&, const std::vector<NDArray>&,
                         int) {
    lacks("push_rows");
  }
  // An updater whose step of a row depends on that row alone, for the keys of which `by_row` (asked at every push_rows) says so: it gets
  // the rows that were pushed, of both arrays.
  using ByRow = std::function<bool(const std::string& key)>;
  virtual void set_row_updater(Updater updater, ByRow by_row) {
    static_cast<void>(by_row);
    set_updater(std::move(updater));
  }
  // From the next push on, with residuals of zero. The keys pushed must be float32.
  virtual void set_compression(const Compression&) { lacks("set_compression"); }
  virtual void set_consistency(Consistency) { lacks("set_consistency"); }

 protected:
  [[noreturn]] void lacks(const char* what) const {
    fail(Code::unsupported, "[kvstore ", what, "] store: ", type(), " does not have this");
  }
};

// A store by its type: local/local.h, dist/dist.h, mpi/allreduce_store.h. Throws Code::invalid for others.
std::shared_ptr<KVStore> make_kvstore(const std::string& type);

}  // namespace mixnet
