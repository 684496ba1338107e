// The threads of a pipeline and the batches they are at.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "engine/parking.h"
#include "io/epoch_walk.h"

namespace mixnet {

class Crew {
 public:
  struct Task {
    const Work& work;
    EpochWalk& walk;
    const std::vector<ArrayDesc>&data, &label;
    const PipelineOptions& options;
    const std::string &reading, &writing;  // in the profile
  };
  explicit Crew(const Task& task) : task_(task) {}
  // Waits for what is under way.
  ~Crew();

  // Starts the threads, or what is not running of them. Throws Code::memory when the system gives none.
  void start();
  struct Got {
    bool batch = false;  // false: the epoch is over, or there is an error in place of the batch
    bool last = false;   // no batch follows
    std::exception_ptr error;
  };
  // The next batch. Throws only where the wait ends early, as Parking's does: nothing is lost.
  Got next(BatchRows::Finished* batch, const WaitOptions& wait);
  // No thread reads any more, and nothing of the epoch is left; what is being written goes nowhere.
  void drop();
  // Reading may go on.
  void go_on();

 private:
  struct Open {
    Open() = default;
    explicit Open(const Task& task) : rows(task.data, task.label), left(rows.count()) {}
    // Of several errors the one of the first row stands, whichever thread is the fastest. Under the lock.
    void fail_nolock(int64_t row, std::exception_ptr e) {
      if (error && failed_row <= row) return;
      error = std::move(e);
      failed_row = row;
    }
    BatchRows rows;
    int64_t given = 0, left = 0;  // rows that have an example; rows that are still to be written
    int64_t own = -1;
    std::exception_ptr error;
    int64_t failed_row = 0;
    BatchRows::Finished finished;
    bool done = false, last = false;
  };
  using OpenPtr = std::shared_ptr<Open>;

  void run();
  bool read(std::unique_ptr<Work::Example>& example, OpenPtr* batch, int64_t* row);
  void write(Work::Example* example, Open& batch, int64_t row);
  void end_epoch_nolock(std::exception_ptr error);
  void written(std::unique_lock<std::mutex>& lock, const OpenPtr& batch, int64_t rows);
  bool has_room_nolock() const;
  void look_nolock();

  const Task task_;
  std::mutex mutex_;
  std::condition_variable work_, idle_;
  Parking ready_;
  std::atomic<bool> news_{false};  // the first batch is done, or there will be none
  std::vector<std::thread> threads_;
  bool stop_ = false, open_ = true, reading_ = false;
  OpenPtr filling_;              // has rows to give
  std::deque<OpenPtr> batches_;  // oldest first; the last may be filling_
};

}  // namespace mixnet
