// The process's engine: chosen once, replaced in a forked child, never destroyed.
#include "engine/engine.h"

#include <pthread.h>

#include <atomic>
#include <mutex>

#include "base/environment.h"

namespace mixnet {
namespace {

std::atomic<Engine*> current{nullptr};
std::mutex& creation() {
  static std::mutex& mutex = *new std::mutex;
  return mutex;
}

// Before a fork all work is brought to its end, so that the child finds every array idle.
void before_fork() {
  Engine* e = current.load(std::memory_order_acquire);
  WaitOptions patience;
  patience.timeout_s = 10;
  try {
    if (e) e->wait_all(patience);
  } catch (const Error& error) {
    // Errors of tasks stand on their arrays; a wait that is impossible here leaves busy arrays, which the child refuses.
    (void)error;
  }
  creation().lock();
}
void after_fork_parent() { creation().unlock(); }
// The parent's threads do not exist here; its engine is left behind untouched.
void after_fork_child() {
  creation().unlock();
  current.store(nullptr, std::memory_order_release);
}

Engine* create() {
  const std::string name = environment_string("ENGINE", environment_string("ENGINE_TYPE", "threaded").c_str());
  if (name == "naive" || name == "NaiveEngine") return make_naive_engine().release();
  const bool threaded = name == "threaded" || name == "ThreadedEngine" || name == "ThreadedEnginePerDevice";
  MIXNET_CHECK(threaded, invalid, "[engine] MIXNET_ENGINE: expected threaded or naive, got '", name, "'");
  return make_threaded_engine(static_cast<int>(environment_int("CPU_WORKER_NTHREADS", 1))).release();
}

}  // namespace

Engine& engine() {
  Engine* e = current.load(std::memory_order_acquire);
  if (e) return *e;
  std::lock_guard<std::mutex> lock(creation());
  e = current.load(std::memory_order_acquire);
  if (!e) {
    static const int registered = pthread_atfork(before_fork, after_fork_parent, after_fork_child);
    (void)registered;
    e = create();
    current.store(e, std::memory_order_release);
  }
  return *e;
}

}  // namespace mixnet
