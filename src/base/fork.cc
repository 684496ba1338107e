#include "base/fork.h"

#include <mutex>
#ifndef _WIN32
#include <pthread.h>
#endif

namespace mixnet {
namespace detail {
std::atomic<uint32_t> fork_generation{0};
}

struct ForkListeners {
  static std::mutex mutex;
  static ForkListener* first;

  static void tell(void (ForkListener::*what)()) {
    for (ForkListener* listener = first; listener; listener = listener->next) (listener->*what)();
  }
};
std::mutex ForkListeners::mutex;
ForkListener* ForkListeners::first = nullptr;

namespace {

std::atomic<void (*)()> before_fork{nullptr};

#ifndef _WIN32
// The list's own lock is held across the fork, so both processes find it whole.
void prepare() {
  if (auto* hook = before_fork.load()) hook();
  ForkListeners::mutex.lock();
  ForkListeners::tell(&ForkListener::before_fork);
}
void in_parent() {
  ForkListeners::tell(&ForkListener::after_fork);
  ForkListeners::mutex.unlock();
}
void in_child() {
  detail::fork_generation.fetch_add(1, std::memory_order_relaxed);
  ForkListeners::tell(&ForkListener::after_fork);
  ForkListeners::tell(&ForkListener::forked);
  ForkListeners::mutex.unlock();
}
#endif

void watch_forks() {
#ifndef _WIN32
  static std::atomic<bool> watching{false};
  if (!watching.exchange(true)) pthread_atfork(prepare, in_parent, in_child);
#endif
}

}  // namespace

void set_before_fork(void (*hook)()) {
  before_fork = hook;
  watch_forks();
}

void ForkListener::start_listening() {
  watch_forks();
  std::lock_guard<std::mutex> lock(ForkListeners::mutex);
  next = ForkListeners::first;
  if (next) next->previous = this;
  ForkListeners::first = this;
}

void ForkListener::stop_listening() {
  std::lock_guard<std::mutex> lock(ForkListeners::mutex);
  (previous ? previous->next : ForkListeners::first) = next;
  if (next) next->previous = previous;
}

}  // namespace mixnet
