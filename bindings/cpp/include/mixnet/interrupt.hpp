/// Ctrl-C as a cancel token: waits and trainings that are given it end by an Error, everything else stays as it is.
#pragma once

#include <mixnet/library.hpp>

#include <csignal>

namespace mixnet {

/// While it lives, SIGINT triggers its token instead of ending the process. One at a time.
class Interrupt {
 public:
  Interrupt() {
    current() = &cancel_;
    before_ = std::signal(SIGINT, [](int) {
      if (Cancel* cancel = current()) cancel->trigger();
    });
  }
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt() {
    std::signal(SIGINT, before_);
    current() = nullptr;
  }
  const Cancel* token() const { return &cancel_; }

 private:
  static Cancel*& current() {
    static Cancel* cancel = nullptr;
    return cancel;
  }
  Cancel cancel_;
  void (*before_)(int);
};

}  // namespace mixnet
