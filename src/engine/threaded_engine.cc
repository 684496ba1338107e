// The threaded engine. Pushing locks all variables of a task together, in address order, so that concurrent pushes are
// ordered alike on every variable and no cycle of waits can arise.
#include <chrono>

#include "base/environment.h"
#include "engine/lane.h"

namespace mixnet {
namespace {

// The lane whose thread this is; null on threads that are not the engine's.
thread_local LaneThreads* current_lane = nullptr;
thread_local int running_tasks = 0;  // tasks on this thread's stack, inline ones included

std::atomic<uint32_t> next_generation{1};

class LockAll {
 public:
  explicit LockAll(AccessList& accesses) : accesses_(accesses) {
    for (Access& a : accesses_) a.variable->lock.lock();
  }
  ~LockAll() {
    for (Access& a : accesses_) a.variable->lock.unlock();
  }
  LockAll(const LockAll&) = delete;

 private:
  AccessList& accesses_;
};

class ThreadedEngine : public Engine {
 public:
  explicit ThreadedEngine(int compute_threads)
      : generation_(next_generation++), max_ops_(environment_int("ENGINE_MAX_OPS", 10000)),
        max_bytes_(environment_int("ENGINE_MAX_BYTES", int64_t{4} << 30)) {
    const int threads[] = {compute_threads, 2, 1};
    for (int i = 0; i < 3; ++i) {
      lanes_[i] = std::make_unique<LaneThreads>(threads[i], [this, i](Operation* op) {
        current_lane = lanes_[i].get();
        return execute(op, lanes_[i].get());
      });
    }
  }
  ~ThreadedEngine() override { shutdown(); }

  Variable* new_variable() override {
    variables_.fetch_add(1, std::memory_order_relaxed);
    return new Variable;
  }

  void delete_variable(Variable* variable, std::function<void()> then) override {
    variables_.fetch_sub(1, std::memory_order_relaxed);
    {
      std::unique_lock<SpinLock> lock(variable->lock);
      const bool stale = variable->generation != generation_;
      if (!variable->idle() && !stale) {
        lock.unlock();
        return delete_later(variable, std::move(then));
      }
      // Work of before a fork will never end here: what it uses is left alone.
      if (!variable->idle()) return;
    }
    if (then) then();
    delete variable;
  }

  void push(std::unique_ptr<Task> task, Span<Variable* const> reads, Span<Variable* const> writes, const PushOptions& options) override {
    throttle();
    auto op = std::make_unique<Operation>(std::move(task), reads, writes, options);
    check_usable(*op);
    pushed_.fetch_add(1, std::memory_order_relaxed);
    enqueue(op.release(), options.small);
  }

  bool run_now(Span<Variable* const> reads, Span<Variable* const> writes, FunctionRef<void()> body,
               FunctionRef<std::string()> describe) override {
    AccessList accesses(reads, writes);
    {
      LockAll lock(accesses);
      for (Access& a : accesses) {
        const bool free = a.write ? a.variable->idle() : !a.variable->writer && a.variable->queue.empty();
        if (!free) return false;
      }
      MIXNET_CHECK(!stopping_.load(std::memory_order_relaxed), invalid, "[engine] work was issued after shutdown");
      for (Access& a : accesses) hold(a);
    }
    pushed_.fetch_add(1, std::memory_order_relaxed);
    inline_.fetch_add(1, std::memory_order_relaxed);
    pending_.fetch_add(1, std::memory_order_relaxed);
    FailurePtr failure = find_failure(accesses);
    if (!failure) {
      ++running_tasks;
      failure = run_guarded(body, describe);
      --running_tasks;
      if (failure) remember(failure);
    }
    release(accesses, failure, nullptr, nullptr);
    finish(0);
    return true;
  }

  void wait_to_read(Variable* variable, const WaitOptions& options) override { wait_for(variable, false, options); }
  void wait_to_write(Variable* variable, const WaitOptions& options) override { wait_for(variable, true, options); }

  void wait_all(const WaitOptions& options) override {
    MIXNET_CHECK(running_tasks == 0, invalid, "[engine] wait_all inside a task would wait for itself");
    block(options, "wait_all", [this] { return pending_.load(std::memory_order_seq_cst) == 0; });
    std::lock_guard<std::mutex> lock(error_mutex_);
    FailurePtr failure = std::move(first_error_);
    first_error_ = nullptr;
    if (failure) throw Error(failure->code, failure->message);
  }

  void poison(Variable* variable, Code code, const std::string& message) override {
    push(make_task([code, message] { throw Error(code, message); }, "poison"), {}, Span<Variable* const>(&variable, 1), {});
  }

  uint64_t version(const Variable* variable) const override { return variable->version.load(std::memory_order_acquire); }

  EngineStatistics statistics() const override {
    EngineStatistics s;
    s.pushed = pushed_;
    s.finished = finished_;
    s.failed = failed_;
    s.skipped = skipped_;
    s.ran_inline = inline_;
    s.pending = pending_;
    s.variables = variables_;
    for (const auto& lane : lanes_) s.threads += lane->threads();
    return s;
  }

  void shutdown() override {
    std::lock_guard<std::mutex> once(shutdown_mutex_);
    stopping_ = true;
    if (running_tasks > 0) return;  // from inside a task: the rest is skipped, but this thread cannot be joined
    block({}, "shutdown", [this] { return pending_.load() == 0; });
    for (auto& lane : lanes_) lane->stop();
  }

 private:
  void delete_later(Variable* variable, std::function<void()> then) {
    auto op = std::make_unique<Operation>(nullptr, Span<Variable* const>(), Span<Variable* const>(&variable, 1), PushOptions());
    op->deletes = variable;
    op->after_delete = std::move(then);
    enqueue(op.release(), true);
  }

  void check_usable(const Operation& op) const {
    MIXNET_CHECK(!stopping_.load(std::memory_order_relaxed), invalid, "[engine] work was issued after shutdown");
    for (const Access& a : op.accesses) {
      std::lock_guard<SpinLock> lock(a.variable->lock);
      MIXNET_CHECK(a.variable->idle() || a.variable->generation == generation_, invalid,
                   "[engine] this array was in use when the process was forked");
    }
  }

  void hold(const Access& a) {
    a.variable->generation = generation_;
    if (a.write) a.variable->writer = true;
    else ++a.variable->readers;
  }

  // Places the operation in the order; runs it here if it is ready and small, or hands it to its lane.
  void enqueue(Operation* op, bool small) {
    pending_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_add(op->options.bytes, std::memory_order_relaxed);
    int unmet = 0;
    {
      LockAll lock(op->accesses);
      // Set before anything can be granted by another thread.
      op->unmet.store(static_cast<int32_t>(op->accesses.size()) + 1, std::memory_order_relaxed);
      for (Access& a : op->accesses) {
        Variable& v = *a.variable;
        v.generation = generation_;
        const bool free = !v.writer && v.queue.empty() && (!a.write || v.readers == 0);
        if (free) {
          hold(a);
          ++unmet;
        } else {
          v.queue.push_back({op, a.write});
        }
      }
    }
    if (op->unmet.fetch_sub(unmet + 1, std::memory_order_acq_rel) == unmet + 1) ready(op, small);
  }

  LaneThreads* lane_of(const Operation& op) { return lanes_[static_cast<int>(op.options.lane)].get(); }

  void ready(Operation* op, bool here) {
    if (op->notify || op->deletes || (here && op->options.lane == Lane::compute)) {
      while (op) op = execute(op, nullptr);
    } else {
      lane_of(*op)->add(op);
    }
  }

  // Runs or skips one operation and lets its successors go. Returns one of them when it can run right here.
  Operation* execute(Operation* raw, LaneThreads* lane) {
    std::unique_ptr<Operation> op(raw);
    FailurePtr failure = find_failure(op->accesses);
    if (op->notify) {
      op->notify(failure);
      failure = nullptr;
    } else if (!op->deletes) {
      failure = run_task(*op, std::move(failure));
    }
    const int64_t bytes = op->options.bytes;
    Continuation continuation{lane, op->options.priority, nullptr};
    release(op->accesses, failure, op.get(), lane ? &continuation : nullptr);
    if (op->deletes) {
      if (op->after_delete) op->after_delete();
      delete op->deletes;
    }
    op.reset();
    finish(bytes);
    return continuation.next;
  }

  FailurePtr run_task(Operation& op, FailurePtr failure) {
    if (!failure && stopping_.load(std::memory_order_relaxed)) {
      failure = std::make_shared<const Failure>(Failure{Code::invalid, "[engine] shut down before this ran"});
    }
    if (failure) {
      skipped_.fetch_add(1, std::memory_order_relaxed);
    } else {
      ++running_tasks;
      failure = run_guarded([&] { op.task->run(); }, [&] { return op.task->describe(); });
      --running_tasks;
      if (failure) remember(failure);
    }
    op.task.reset();
    return failure;
  }

  void remember(const FailurePtr& failure) {
    failed_.fetch_add(1, std::memory_order_relaxed);
    std::lock_guard<std::mutex> lock(error_mutex_);
    if (!first_error_) first_error_ = failure;
  }

  // What a release lets go: rarely more than a few, many after a broadcast write.
  struct Granted {
    Operation* few[8];
    std::vector<Operation*> many;
    size_t count = 0;
    void add(Operation* op) {
      if (count < 8) few[count] = op;
      else many.push_back(op);
      ++count;
    }
    Operation* operator[](size_t i) const { return i < 8 ? few[i] : many[i - 8]; }
  };

  struct Continuation {  // lets a worker go on with a successor without a way through the queue
    LaneThreads* lane = nullptr;
    int32_t priority = 0;
    Operation* next = nullptr;
  };

  // Gives the variables back, with the outcome on what was written, and starts what becomes ready.
  void release(const AccessList& accesses, const FailurePtr& failure, const Operation* of, Continuation* continuation) {
    const bool wrote = !of || !of->notify;
    for (const Access& a : accesses) {
      if (of && a.variable == of->deletes) continue;
      Variable& v = *a.variable;
      Granted granted;
      {
        std::lock_guard<SpinLock> lock(v.lock);
        if (a.write && wrote) {
          v.failure = failure;
          v.version.fetch_add(1, std::memory_order_release);
        }
        if (a.write) v.writer = false;
        else --v.readers;
        grant(v, granted);
      }
      for (size_t i = 0; i < granted.count; ++i) start(granted[i], continuation);
    }
  }

  // Lets the first of the queue have the variable: one write, or all reads before the next write.
  void grant(Variable& v, Granted& granted) {
    while (!v.queue.empty()) {
      const Variable::Waiting first = v.queue.front();
      if (v.writer || (first.write && v.readers > 0)) return;
      v.queue.pop_front();
      if (first.write) v.writer = true;
      else ++v.readers;
      if (first.operation->unmet.fetch_sub(1, std::memory_order_acq_rel) == 1) granted.add(first.operation);
    }
  }

  void start(Operation* op, Continuation* c) {
    const bool continues = c && !c->next && c->lane == lane_of(*op) && !op->notify && !op->deletes &&
                           op->options.priority >= c->priority && !c->lane->has_more_urgent(op->options.priority);
    if (continues) c->next = op;
    else ready(op, false);
  }

  void finish(int64_t bytes) {
    finished_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    const int64_t left = pending_.fetch_sub(1, std::memory_order_seq_cst) - 1;
    if (waiters_.load(std::memory_order_seq_cst) == 0) return;
    if (left != 0 && left != max_ops_ / 2) return;
    { std::lock_guard<std::mutex> lock(wait_mutex_); }
    waited_.notify_all();
  }

  // Not on the engine's own threads: they must go on for anything to finish.
  void throttle() {
    auto roomy = [this] {
      return pending_.load(std::memory_order_seq_cst) <= max_ops_ && (bytes_.load(std::memory_order_relaxed) <= max_bytes_ || pending_ <= 1);
    };
    if (roomy() || running_tasks > 0 || current_lane) return;
    block({}, "push", roomy);
  }

  template <class Done>
  void block(const WaitOptions& options, const char* what, Done done) {
    if (done()) return;
    Deadline deadline(options, what);
    waiters_.fetch_add(1, std::memory_order_seq_cst);
    std::unique_lock<std::mutex> lock(wait_mutex_);
    try {
      while (!done()) {
        waited_.wait_for(lock, std::chrono::milliseconds(20));
        if (!done()) deadline.check();
      }
    } catch (...) {
      waiters_.fetch_sub(1);
      throw;
    }
    waiters_.fetch_sub(1);
  }

  class Deadline {
   public:
    Deadline(const WaitOptions& options, const char* what)
        : options_(options), what_(what), begin_(std::chrono::steady_clock::now()) {}
    void check() const {
      MIXNET_CHECK(!options_.cancel || !options_.cancel->cancelled(), user, "[", what_, "] cancelled");
      if (options_.timeout_s < 0) return;
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin_;
      MIXNET_CHECK(passed.count() < options_.timeout_s, net, "[", what_, "] timed out after ", options_.timeout_s, " s");
    }

   private:
    const WaitOptions& options_;
    const char* what_;
    std::chrono::steady_clock::time_point begin_;
  };

  // Shared with the operation, which may come to its turn after the wait was given up.
  struct Signal {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    FailurePtr failure;
  };

  void wait_for(Variable* variable, bool write, const WaitOptions& options) {
    {
      std::unique_lock<SpinLock> lock(variable->lock);
      const bool settled = write ? variable->idle() : !variable->writer && variable->queue.empty();
      const FailurePtr failure = settled ? variable->failure : nullptr;
      MIXNET_CHECK(settled || variable->generation == generation_, invalid, "[engine] this array was in use when the process was forked");
      lock.unlock();
      if (failure) throw Error(failure->code, failure->message);
      if (settled) return;
    }
    auto signal = std::make_shared<Signal>();
    const Span<Variable* const> list(&variable, 1);
    auto op = std::make_unique<Operation>(nullptr, list, write ? list : Span<Variable* const>(), PushOptions());
    op->notify = [signal](const FailurePtr& failure) {
      std::lock_guard<std::mutex> lock(signal->mutex);
      signal->done = true;
      signal->failure = failure;
      signal->changed.notify_all();
    };
    enqueue(op.release(), true);
    sleep_until_done(*signal, options, write ? "wait_to_write" : "wait_to_read");
    if (signal->failure) throw Error(signal->failure->code, signal->failure->message);
  }

  void sleep_until_done(Signal& signal, const WaitOptions& options, const char* what) {
    struct Blocked {  // a lane's thread makes room for another while it sleeps
      LaneThreads* lane = current_lane;
      Blocked() { if (lane) lane->begin_wait(); }
      ~Blocked() { if (lane) lane->end_wait(); }
    } blocked;
    Deadline deadline(options, what);
    std::unique_lock<std::mutex> lock(signal.mutex);
    while (!signal.done) {
      signal.changed.wait_for(lock, std::chrono::milliseconds(20));
      if (!signal.done) deadline.check();
    }
  }

  const uint32_t generation_;
  const int64_t max_ops_, max_bytes_;
  std::unique_ptr<LaneThreads> lanes_[3];
  std::atomic<bool> stopping_{false};
  std::atomic<int64_t> pending_{0}, bytes_{0}, pushed_{0}, finished_{0}, failed_{0}, skipped_{0}, inline_{0}, variables_{0};
  std::atomic<int> waiters_{0};
  std::mutex wait_mutex_, error_mutex_, shutdown_mutex_;
  std::condition_variable waited_;
  FailurePtr first_error_;
};

}  // namespace

std::unique_ptr<Engine> make_threaded_engine(int compute_threads) { return std::make_unique<ThreadedEngine>(compute_threads); }

}  // namespace mixnet
