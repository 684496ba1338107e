// Ready tasks by priority, those of equal priority in order of arrival. Allocates nothing, so nothing can fail.
//
// The first task of each priority heads the others of it, and the heads form a list. Cost: one step for each distinct
// higher priority that is waiting.
#pragma once
#include "engine/operation.h"

namespace mixnet {

class ReadyQueue {
 public:
  bool empty() const { return !highest_; }

  void push(TaskOperation* task) {
    TaskOperation** place = &highest_;
    while (*place && (*place)->priority > task->priority) place = &(*place)->lower;
    task->next = nullptr;
    TaskOperation* head = *place;
    if (head && head->priority == task->priority) {
      head->last->next = task;
      head->last = task;
      return;
    }
    task->lower = head;
    task->last = task;
    *place = task;
  }

  TaskOperation* pop() {
    TaskOperation* task = highest_;
    if (!task) return nullptr;
    auto* second = static_cast<TaskOperation*>(task->next);
    if (second) {
      second->last = task->last;
      second->lower = task->lower;
    }
    highest_ = second ? second : task->lower;
    return task;
  }

 private:
  TaskOperation* highest_ = nullptr;
};

}  // namespace mixnet
