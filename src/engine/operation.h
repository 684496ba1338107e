// What stands in the queues of variables: an operation and, for each variable it touches, an access.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/span.h"
#include "engine/engine.h"
#include "engine/poison.h"

namespace mixnet {

struct Operation;

struct Access {
  Variable* variable;
  Operation* operation;
  Access* next;  // in the variable's queue
  bool read;     // poison on the variable stops the operation
  bool write;    // alone on the variable
};

struct Operation {
  enum class Kind : uint8_t { task, barrier, deletion, poisoning };

  explicit Operation(Kind kind) : kind(kind) {}

  Kind kind;
  std::atomic<uint32_t> unmet{0};  // accesses not granted yet
  Operation* next = nullptr;       // in a ReadyList or a ReadyQueue
  Span<Access> accesses;
};

// A pushed task. Its accesses stand behind it in the same block.
struct TaskOperation : Operation {
  static TaskOperation* make(std::unique_ptr<Task> task, Span<const Access> accesses, const PushOptions& options);
  static void destroy(TaskOperation* operation);

  std::unique_ptr<Task> task;
  int64_t bytes;
  int32_t priority;
  Lane lane;
  TaskOperation* last;   // of those with this priority; these two belong to ReadyQueue
  TaskOperation* lower;  // the head of the next lower priority

 private:
  TaskOperation() : Operation(Kind::task) {}
  ~TaskOperation() = default;
};

// Somebody waits. Lives on the stack of who does; must not be touched after `done` is set.
struct Barrier : Operation {
  Barrier(Variable* variable, bool write) : Operation(Kind::barrier), access{variable, this, nullptr, true, write} {
    accesses = Span<Access>(&access, 1);
  }
  Access access;
  PoisonPtr poison;
  std::atomic<bool> done{false};
};

struct Deletion : Operation {
  Deletion(Variable* variable, std::function<void()> then)
      : Operation(Kind::deletion), access{variable, this, nullptr, false, true}, then(std::move(then)) {
    accesses = Span<Access>(&access, 1);
  }
  Access access;
  std::function<void()> then;
};

struct Poisoning : Operation {
  Poisoning(Variable* variable, PoisonPtr poison)
      : Operation(Kind::poisoning), access{variable, this, nullptr, false, true}, poison(std::move(poison)) {
    accesses = Span<Access>(&access, 1);
  }
  Access access;
  PoisonPtr poison;
};

// Operations that have all they need, first in, first out.
class ReadyList {
 public:
  void push(Operation* operation) {
    operation->next = nullptr;
    (last_ ? last_->next : first_) = operation;
    last_ = operation;
  }
  Operation* pop() {
    Operation* operation = first_;
    if (operation && !(first_ = operation->next)) last_ = nullptr;
    return operation;
  }

 private:
  Operation* first_ = nullptr;
  Operation* last_ = nullptr;
};

}  // namespace mixnet
