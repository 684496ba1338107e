// A pushed task with its place in the order. Internal to the engine.
#pragma once
#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "engine/engine.h"
#include "engine/variable.h"

namespace mixnet {

// One variable of an operation.
struct Access {
  Variable* variable;
  bool write;
  bool reads_value;  // poison on it stops the operation
};

// A short list that needs no memory of its own.
class AccessList {
 public:
  // Each variable once, in address order: operations lock in that order.
  AccessList(Span<Variable* const> reads, Span<Variable* const> writes) {
    for (Variable* v : writes) add({v, true, false});
    for (Variable* v : reads) add({v, false, true});
    std::sort(begin(), end(), [](const Access& a, const Access& b) { return a.variable < b.variable; });
  }
  AccessList(const AccessList&) = delete;
  AccessList& operator=(const AccessList&) = delete;
  Access* begin() { return many_.empty() ? few_ : many_.data(); }
  Access* end() { return begin() + size_; }
  const Access* begin() const { return many_.empty() ? few_ : many_.data(); }
  const Access* end() const { return begin() + size_; }
  size_t size() const { return size_; }

 private:
  static constexpr size_t few = 6;
  void add(Access access) {
    for (Access& a : *this) {
      if (a.variable != access.variable) continue;
      a.write = a.write || access.write;
      a.reads_value = a.reads_value || access.reads_value;
      return;
    }
    if (many_.empty() && size_ == few) many_.assign(few_, few_ + few);
    if (many_.empty()) few_[size_] = access;
    else many_.push_back(access);
    ++size_;
  }
  Access few_[few];
  std::vector<Access> many_;
  size_t size_ = 0;
};

struct Operation {
  Operation(std::unique_ptr<Task> t, Span<Variable* const> reads, Span<Variable* const> writes, const PushOptions& o)
      : task(std::move(t)), accesses(reads, writes), options(o) {}

  std::unique_ptr<Task> task;
  AccessList accesses;
  PushOptions options;
  std::atomic<int32_t> unmet{0};
  Variable* deletes = nullptr;           // goes away when this is done
  std::function<void()> after_delete;
  std::function<void(const FailurePtr&)> notify;  // a wait: told at once when its turn has come, never queued
};

// The error on any value the operation reads, or null. Only while it holds its variables.
inline FailurePtr find_failure(const AccessList& accesses) {
  for (const Access& a : accesses) {
    if (a.reads_value && a.variable->failure) return a.variable->failure;
  }
  return nullptr;
}

// Runs and turns what is thrown into a failure that names the task.
template <class Body, class Describe>
FailurePtr run_guarded(Body&& body, Describe&& describe) {
  auto failure = [&describe](Code code, const std::string& what) {
    return std::make_shared<const Failure>(Failure{code, what + " [" + describe() + "]"});
  };
  try {
    body();
    return nullptr;
  } catch (const Error& e) {
    return failure(e.code(), e.what());
  } catch (const std::bad_alloc&) {
    return failure(Code::memory, "out of memory");
  } catch (const std::exception& e) {
    return failure(Code::internal, e.what());
  } catch (...) {
    return failure(Code::internal, "an exception of unknown type");
  }
}

}  // namespace mixnet
