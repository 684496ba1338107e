#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "base/environment.h"
#include "base/spin_lock.h"

namespace mixnet {
namespace {

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : static_cast<int>(std::thread::hardware_concurrency());
  return std::max(1, count);
}

std::atomic<int>& thread_count() {
  static std::atomic<int> count{static_cast<int>(std::max<int64_t>(1, environment_int("CPU_NTHREADS", usable_cores())))};
  return count;
}

thread_local bool inside_loop = false;

// One loop under way: ranges are handed out by a counter.
struct Loop {
  const FunctionRef<void(int64_t, int64_t)>* body = nullptr;
  int64_t n = 0, chunk = 0;
  std::atomic<int64_t> next{0};
  std::atomic<int> helpers{0};  // threads that may still be in `work`
  std::mutex error_mutex;
  std::exception_ptr error;

  void work() {
    inside_loop = true;
    for (int64_t first = next.fetch_add(chunk); first < n; first = next.fetch_add(chunk)) {
      try {
        (*body)(first, std::min(n, first + chunk));
      } catch (...) {
        std::lock_guard<std::mutex> lock(error_mutex);
        if (!error) error = std::current_exception();
        next.store(n);
      }
    }
    inside_loop = false;
  }
};

// Threads wait for a ticket number to rise, first awake, then asleep.
class Pool {
 public:
  explicit Pool(int helpers) {
    for (int i = 0; i < helpers; ++i) threads_.emplace_back([this] { serve(); });
  }
  ~Pool() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
      ticket_.fetch_add(1);
    }
    wake_.notify_all();
    for (std::thread& t : threads_) t.join();
  }
  int helpers() const { return static_cast<int>(threads_.size()); }

  void run(Loop& loop) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      loop.helpers.store(helpers());
      loop_ = &loop;
      ticket_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    loop.work();
    // Helpers that have not looked yet find nothing left to do, but they must have let go of the loop.
    for (int tries = 0; loop.helpers.load(std::memory_order_acquire) > 0; ++tries) {
      if (tries < 4000) pause_briefly();
      else std::this_thread::yield();
    }
  }

 private:
  void serve() {
    uint64_t seen = 0;
    while (true) {
      for (int i = 0; i < 4000 && ticket_.load(std::memory_order_acquire) == seen; ++i) pause_briefly();
      Loop* loop = nullptr;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return ticket_.load(std::memory_order_relaxed) != seen; });
        seen = ticket_.load(std::memory_order_relaxed);
        if (stopping_) return;
        loop = loop_;
      }
      loop->work();
      loop->helpers.fetch_sub(1, std::memory_order_release);
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<uint64_t> ticket_{0};
  Loop* loop_ = nullptr;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

std::mutex& pool_mutex() {
  static std::mutex& mutex = *new std::mutex;
  return mutex;
}
Pool* pool = nullptr;  // guarded by pool_mutex; never destroyed at exit

void before_fork() { pool_mutex().lock(); }
void after_fork_parent() { pool_mutex().unlock(); }
void after_fork_child() {
  pool = nullptr;  // its threads are the parent's
  pool_mutex().unlock();
}

Pool& pool_nolock(int helpers) {
  static const int registered = pthread_atfork(before_fork, after_fork_parent, after_fork_child);
  (void)registered;
  if (pool && pool->helpers() != helpers) {
    delete pool;
    pool = nullptr;
  }
  if (!pool) pool = new Pool(helpers);
  return *pool;
}

}  // namespace

int parallel_threads() { return thread_count().load(std::memory_order_relaxed); }
void set_parallel_threads(int count) { thread_count().store(std::max(1, count)); }

void parallel_for(int64_t n, int64_t grain, FunctionRef<void(int64_t, int64_t)> body) {
  if (n <= 0) return;
  grain = std::max<int64_t>(1, grain);
  const int threads = parallel_threads();
  std::unique_lock<std::mutex> lock(pool_mutex(), std::defer_lock);
  // A second loop at the same time runs serially: the cores are busy already.
  if (threads == 1 || n <= grain || inside_loop || !lock.try_lock()) return body(0, n);
  Loop loop;
  loop.body = &body;
  loop.n = n;
  // A few ranges per thread even out uneven work.
  loop.chunk = std::max(grain, (n + threads * 4 - 1) / (threads * 4));
  pool_nolock(threads - 1).run(loop);
  lock.unlock();
  if (loop.error) std::rethrow_exception(loop.error);
}

}  // namespace mixnet
