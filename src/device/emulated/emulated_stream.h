// A stream of an emulated GPU: a thread that does what it is given, in order. Kernels are functions of this machine.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "device/emulated/emulated_memory.h"
#include "device/stream.h"

namespace mixnet {

class EmulatedStream final : public Stream {
 public:
  explicit EmulatedStream(EmulatedMemory& memory);
  // Waits for all that was put in.
  ~EmulatedStream() override;
  void push(std::function<void()> work);
  // As a kernel that reads where it must not: nothing behind it runs, and every call from then on says so.
  void break_down(const std::string& why);

  void copy(void* to, const void* from, size_t bytes) override;
  void fill_zero(void* to, size_t bytes) override;
  EventPtr record() override;
  void wait(const Event& event) override;
  void synchronize() override;
  void* native() const override { return nullptr; }

 private:
  void run();

  EmulatedMemory& memory_;
  std::mutex mutex_;  // guards the rest
  std::condition_variable more_;
  std::deque<std::function<void()>> work_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace mixnet
