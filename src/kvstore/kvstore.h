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

#include "ndarray/ndarray.h"

namespace mixnet {

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
  virtual void barrier() = 0;
};

// "local", "device" ("local_allreduce_cpu" and "local_allreduce_device" are the same). Throws Code::invalid for others,
// Code::unsupported for the distributed ones.
std::shared_ptr<KVStore> make_kvstore(const std::string& type);

}  // namespace mixnet
