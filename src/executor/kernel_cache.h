// Prepared kernels of imperative calls, by all that preparing them may look at; the least recently used goes first.
//
// A prepared kernel is immutable and holds nothing that depends on values, so calls and threads share it, each run with
// a workspace of its own. Cost of a hit: the key, a hash and a lock, well below a microsecond.
#pragma once
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/function_ref.h"
#include "op/core/schema.h"

namespace mixnet {

class KernelCache {
 public:
  using Make = FunctionRef<std::unique_ptr<Kernel>()>;
  explicit KernelCache(size_t capacity) : capacity_(capacity) {}

  // The kernel under this key, from `make` when there is none; what make throws is passed on and nothing is kept. Two
  // threads that miss at once both call make, and share what the first one put in.
  std::shared_ptr<const Kernel> get(const std::string& key, Make make);
  size_t size() const;
  int64_t hits() const;

 private:
  using Entry = std::pair<std::string, std::shared_ptr<const Kernel>>;
  std::shared_ptr<const Kernel> find(const std::string& key);

  const size_t capacity_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // the most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> index_;
  int64_t hits_ = 0;
};

// Operator, parameter values, shapes, dtypes, device, mode, and whether oneDNN takes part.
std::string kernel_key(const OpSchema& op, const PrepareContext& context);

}  // namespace mixnet
