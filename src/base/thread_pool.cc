// One loop at a time is shared out; a second caller meanwhile runs its own loop alone, as the cores are busy.
//
// The gate is one word: how many helpers are in the loop, how many may be, and the number of the loop. A helper enters
// by raising the count, the caller closes the gate and waits until the count is zero. So nobody waits for a helper
// that has not woken up yet, and a late one finds the gate closed.
#include "base/thread_pool.h"

#include "base/in_parallel_for.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#ifdef __linux__
#include <sched.h>
#endif

#include "base/environment.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/spin_lock.h"
#include "base/worker_thread.h"

namespace mixnet {
namespace {

using Body = FunctionRef<void(int64_t, int64_t)>;

constexpr int max_threads = 1024;
constexpr int64_t ranges_per_thread = 4;            // to even out uneven work
constexpr std::chrono::microseconds spin_time{50};  // loops come one after another

thread_local bool inside_loop = false;

int usable_cores() {
#ifdef __linux__
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) == 0) return std::max(1, CPU_COUNT(&cores));
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

int initial_threads() {
  const int64_t count = environment_int("CPU_NTHREADS", usable_cores());
  MIXNET_CHECK(count > 0 && count <= max_threads, invalid, "[thread_pool] MIXNET_CPU_NTHREADS: expected 1 to ",
               max_threads, ", got ", count);
  return static_cast<int>(count);
}

// The loop that is being shared out: `count` ranges of equal size, the first `longer` of them by one longer.
struct Loop {
  const Body* body = nullptr;
  int64_t count = 0, size = 0, longer = 0;
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;

  void start(const Body& loop_body, int64_t n, int64_t ranges) {
    body = &loop_body;
    count = ranges;
    size = n / ranges;
    longer = n % ranges;
    failed.store(false, std::memory_order_relaxed);
    next.store(0, std::memory_order_relaxed);
  }

  void work() {
    inside_loop = true;
    for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) {
      if (failed.load(std::memory_order_relaxed)) break;
      const int64_t first = i * size + std::min(i, longer);
      try {
        (*body)(first, first + size + (i < longer));
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
      }
    }
    inside_loop = false;
  }
};

class ThreadPool final : public ForkListener {
 public:
  ThreadPool() { start_listening(); }
  // Only of a pool that was never used.
  ~ThreadPool() {
    stop_listening();
    delete sleep_;
  }

  bool try_run(const Body& body, int64_t n, int64_t ranges, int helpers);
  void forked() override;

 private:
  // The gate: loop number << 32 | places left << 16 | helpers inside.
  static constexpr uint64_t one_inside = 1, one_place = uint64_t{1} << 16, one_loop = uint64_t{1} << 32;
  static uint64_t places(uint64_t gate) { return gate / one_place % 65536; }
  static uint64_t inside(uint64_t gate) { return gate % one_place; }

  struct Sleep {
    std::mutex mutex;
    std::condition_variable wake;
    int sleepers = 0, calls = 0;
  };

  void open(int helpers);
  void close();
  void summon(int helpers);
  void serve();
  bool enter();
  void doze();

  SpinLock busy_;
  Loop loop_;
  alignas(64) std::atomic<uint64_t> gate_{0};
  std::atomic<int> awake_{0};
  int started_ = 0;           // guarded by busy_
  Sleep* sleep_ = new Sleep;  // replaced, not freed: after a fork its lock may be held for ever
};

// False when another loop has the pool.
bool ThreadPool::try_run(const Body& body, int64_t n, int64_t ranges, int helpers) {
  if (!busy_.try_lock()) return false;
  loop_.start(body, n, ranges);
  open(helpers);
  loop_.work();
  close();
  std::exception_ptr error = std::move(loop_.error);
  loop_.error = nullptr;
  busy_.unlock();
  if (error) std::rethrow_exception(error);
  return true;
}

void ThreadPool::open(int helpers) {
  const uint64_t number = gate_.load(std::memory_order_relaxed) / one_loop + 1;
  gate_.store(number * one_loop + static_cast<uint64_t>(helpers) * one_place);
  if (awake_.load() < helpers) summon(helpers);
}

void ThreadPool::close() {
  // No places: nobody enters any more.
  uint64_t gate = gate_.load(std::memory_order_relaxed);
  while (!gate_.compare_exchange_weak(gate, gate - places(gate) * one_place, std::memory_order_acq_rel)) {
  }
  for (int tries = 0; inside(gate_.load(std::memory_order_acquire)); ++tries) {
    if (tries < 1000) {
      pause_briefly();
    } else {
      std::this_thread::yield();
    }
  }
}

// Wakes sleeping helpers and starts missing ones. When the system has no thread to give, fewer take part.
void ThreadPool::summon(int helpers) {
  int wanted = helpers - awake_.load();
  {
    std::lock_guard<std::mutex> lock(sleep_->mutex);
    for (; wanted > 0 && sleep_->sleepers > 0; --wanted) {
      --sleep_->sleepers;
      ++sleep_->calls;
      awake_.fetch_add(1);
      sleep_->wake.notify_one();
    }
  }
  try {
    for (; wanted > 0 && started_ < helpers; --wanted) {
      start_worker_thread([this] { serve(); }).detach();
      ++started_;
      awake_.fetch_add(1);
    }
  } catch (const std::exception&) {
    return;
  }
}

void ThreadPool::serve() {
  for (;;) {
    if (spin_until([this] { return enter(); }, spin_time)) {
      loop_.work();
      gate_.fetch_sub(one_inside, std::memory_order_release);
    } else {
      doze();
    }
  }
}

bool ThreadPool::enter() {
  uint64_t gate = gate_.load(std::memory_order_relaxed);
  while (places(gate)) {
    if (gate_.compare_exchange_weak(gate, gate - one_place + one_inside, std::memory_order_acq_rel)) return true;
  }
  return false;
}

void ThreadPool::doze() {
  std::unique_lock<std::mutex> lock(sleep_->mutex);
  awake_.fetch_sub(1);
  // A loop may have been opened by somebody who still counted us as awake.
  if (places(gate_.load())) {
    awake_.fetch_add(1);
    return;
  }
  ++sleep_->sleepers;
  sleep_->wake.wait(lock, [this] { return sleep_->calls > 0; });
  --sleep_->calls;
}

void ThreadPool::forked() {
  new (&busy_) SpinLock;
  gate_ = 0;
  awake_ = 0;
  started_ = 0;
  sleep_ = new Sleep;
}

// Both are made without a lock, which a fork could leave locked.
std::atomic<int> thread_count{0};
std::atomic<ThreadPool*> process_pool{nullptr};

ThreadPool& pool() {
  if (ThreadPool* made = process_pool.load(std::memory_order_acquire)) return *made;
  auto candidate = std::make_unique<ThreadPool>();
  ThreadPool* expected = nullptr;
  return process_pool.compare_exchange_strong(expected, candidate.get()) ? *candidate.release() : *expected;
}

}  // namespace

int parallel_threads() {
  int count = thread_count.load(std::memory_order_relaxed);
  if (count) return count;
  const int first = initial_threads();
  return thread_count.compare_exchange_strong(count, first) ? first : count;
}

void set_parallel_threads(int count) {
  MIXNET_CHECK(count > 0 && count <= max_threads, invalid, "[set_parallel_threads] count: expected 1 to ", max_threads,
               ", got ", count);
  thread_count.store(count, std::memory_order_relaxed);
}

void parallel_for(int64_t n, int64_t grain, FunctionRef<void(int64_t, int64_t)> body) {
  if (n <= 0) return;
  grain = std::max<int64_t>(1, grain);
  if (n <= grain || inside_loop) return body(0, n);
  const int threads = parallel_threads();
  const int64_t ranges = std::min(n / grain, threads * ranges_per_thread);
  const int helpers = static_cast<int>(std::min<int64_t>(threads, ranges)) - 1;
  if (helpers == 0 || !pool().try_run(body, n, ranges, helpers)) body(0, n);
}

bool in_parallel_for() { return inside_loop; }

}  // namespace mixnet
