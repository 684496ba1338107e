// Which tasks run on this thread, innermost first, and what they hold.
#pragma once
#include "base/span.h"
#include "engine/operation.h"

namespace mixnet {

class Frame {
 public:
  explicit Frame(Span<const Access> held) : held_(held), outer_(innermost) { innermost = this; }
  ~Frame() { innermost = outer_; }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  static bool inside_task() { return innermost != nullptr; }
  // The innermost one of this thread, for Adopted.
  static Frame* top() { return innermost; }
  // While it lives this thread runs inside another thread's task, which waits meanwhile; null: inside none. What the thread was doing
  // before is interrupted.
  class Adopted {
   public:
    explicit Adopted(Frame* frame) : own_(innermost), outer_(latest) {
      innermost = frame;
      latest = this;
    }
    ~Adopted() {
      innermost = own_;
      latest = outer_;
    }
    Adopted(const Adopted&) = delete;
    Adopted& operator=(const Adopted&) = delete;

   private:
    friend class Frame;
    Frame* own_;
    Adopted* outer_;
    static thread_local Adopted* latest;
  };
  // Whether a task that this thread interrupted for another holds the variable: it cannot go on before that one ends.
  static bool interrupted(const Variable* variable);
  // How a task on this thread holds the variable, or null.
  static const Access* find(const Variable* variable);
  // In a forked child: whatever was running is none of its business.
  static void forget() { innermost = nullptr, Adopted::latest = nullptr; }

 private:
  static const Access* find_from(const Frame* frame, const Variable* variable);
  Span<const Access> held_;
  Frame* outer_;
  static thread_local Frame* innermost;
};

}  // namespace mixnet
