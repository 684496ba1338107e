// Wakes a thread that sleeps in zmq_wait.
#pragma once
#include <atomic>

namespace mixnet {
namespace dist {

class Wake {
 public:
  Wake();
  ~Wake();
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;
  void call();   // any thread
  void clear();  // the sleeper, when it is up
  int descriptor() const { return ends_[0]; }

 private:
  int ends_[2];
  std::atomic<bool> called_{false};
};

}  // namespace dist
}  // namespace mixnet
