#include "engine/operation.h"

#include <algorithm>
#include <new>

namespace mixnet {

TaskOperation* TaskOperation::make(std::unique_ptr<Task> task, Span<const Access> accesses,
                                   const PushOptions& options) {
  static_assert(alignof(Access) <= alignof(TaskOperation) && sizeof(TaskOperation) % alignof(Access) == 0,
                "accesses follow the operation without a gap");
  void* block = ::operator new(sizeof(TaskOperation) + accesses.size() * sizeof(Access));
  auto* operation = new (block) TaskOperation;
  auto* copies = reinterpret_cast<Access*>(operation + 1);
  std::uninitialized_copy(accesses.begin(), accesses.end(), copies);
  for (size_t i = 0; i < accesses.size(); ++i) copies[i].operation = operation;
  operation->accesses = Span<Access>(copies, accesses.size());
  operation->task = std::move(task);
  operation->bytes = options.bytes;
  operation->priority = options.priority;
  operation->lane = options.lane;
  return operation;
}

void TaskOperation::destroy(TaskOperation* operation) {
  operation->~TaskOperation();
  ::operator delete(operation);
}

}  // namespace mixnet
