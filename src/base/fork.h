// What survives a fork: only the calling thread does, and locks other threads held stay locked for ever.
//
// Whoever owns threads or locks derives from ForkListener; `forked` runs in the child before fork() returns there and
// replaces them. What a short lock guards is better kept whole: take it in `before_fork`, give it back in `after_fork`.
// Objects too many to be listed remember the generation they were made in and compare.
#pragma once
#include <atomic>
#include <cstdint>

namespace mixnet {

namespace detail {
extern std::atomic<uint32_t> fork_generation;
}

// How many forks lie between the first process and this one.
inline uint32_t fork_generation() { return detail::fork_generation.load(std::memory_order_relaxed); }

// Called before a fork, with no lock held, to let work end; one for the process. Must return in bounded time.
void set_before_fork(void (*hook)());

class ForkListener {
 public:
  ForkListener() = default;
  ForkListener(const ForkListener&) = delete;
  ForkListener& operator=(const ForkListener&) = delete;
  // On the forking thread, before and after; after in both processes, in the child before anybody's `forked`. May take and give back locks that are held for microseconds only
  // and under which nothing else waits.
  virtual void before_fork() {}
  virtual void after_fork() {}
  // In the child, alone. Must not throw and must not touch a lock that another thread may have held.
  virtual void forked() = 0;
  // To be called when the object is whole, and before it ceases to be.
  void start_listening();
  void stop_listening();

 protected:
  ~ForkListener() = default;

 private:
  friend struct ForkListeners;
  ForkListener* previous = nullptr;  // in the list of all listeners
  ForkListener* next = nullptr;
};

}  // namespace mixnet
