// The workers' sums and meetings, on one thread per store that alone calls MPI.
//
// Sums are asked for by any thread, in any order; the thread agrees with those of the other workers on what everybody has (agreement.h) and
// carries it out (transfer.h). While nothing is asked for it still agrees on nothing twice in a while, so that a worker that is gone is
// noticed by all the others (link.h says when). Then, and when a worker leaves, everything pending and everything later fails with Code::net.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "kvstore/mpi/agreement.h"
#include "kvstore/mpi/gpu_sums.h"

namespace mixnet::mpi {

class Communicator {
 public:
  // Waits for the other workers. What is made must be left by leave(); it is deleted after that, unless MPI may still need its memory.
  static std::shared_ptr<Communicator> make(const Plugin& plugin, int rank, int size, const Deadlines& deadlines);

  int rank() const { return rank_; }
  int size() const { return size_; }

  // Both wait for all workers, which call them in the same order with the same keys, shapes and dtypes; anything else is Code::invalid for
  // all. add_keys brings rank 0's values to all and numbers the keys: that of the first. Arrays are in the host's memory, and not in use.
  int32_t add_keys(const std::vector<std::string>& keys, const std::vector<NDArray>& values);
  void barrier();

  // A sum will be given to reduce(), which leave() then waits for. Throws what has ended the group.
  void announce();
  // The next sum of a key, which was announced.
  void reduce(int32_t slot, Reduction sum);  // its values are there, on GPUs too

  // While one lives, and more sums keep coming, the next agreement waits for them: what one call asks for travels together.
  class Gathering {
   public:
    explicit Gathering(Communicator& workers) : workers_(workers) { ++workers_.gathering_; }
    ~Gathering() { --workers_.gathering_; }
    Gathering(const Gathering&) = delete;
    Gathering& operator=(const Gathering&) = delete;

   private:
    Communicator& workers_;
  };

  // Waits as long as a lost worker takes to be noticed for sums that are announced, then tells the others that this worker leaves. May be called
  // twice, and does nothing in a forked child.
  void leave();

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiting {
    Reduction sum;
    Clock::time_point since;
  };
  struct Slot {
    std::string key;
    int64_t bytes;
    std::deque<Waiting> waiting;
  };
  struct Meeting {
    std::string what;
    std::vector<std::string> keys;
    std::vector<NDArray> values;
    Clock::time_point since = Clock::now();
    int32_t first_slot = 0;
    bool over = false;
    Code code = Code::ok;
    std::string error;
  };

  Communicator(const Plugin& plugin, int rank, int size, const Deadlines& deadlines);
  ~Communicator() = default;
  static void dispose(Communicator* communicator);

  void run();
  bool round();
  void await_news(std::unique_lock<std::mutex>& lock);
  Agreement speak();
  bool late(Clock::time_point since) const;
  bool someone_is_late(int32_t slot);
  void hold_meeting(bool differs);
  void share();
  std::string difference(const std::string& mine);
  std::vector<Reduction> take(const std::vector<Agreement::Ready>& ready);
  void finished(size_t count);
  int32_t attend(Meeting meeting);
  void conclude(Code code, const std::string& error);
  void end(Code code, const std::string& why, bool clean);
  bool forked() const;

  const Plugin& plugin_;
  const int rank_, size_;
  const Deadlines deadlines_;
  const uint32_t generation_;

  // The thread's own. MPI may hold pointers into all of it.
  Link link_;
  Transfer transfer_;
  GpuSums gpu_sums_;
  Agreement said_{0};
  std::vector<Reduction> current_, hosted_;
  std::vector<NDArray> shared_;
  std::vector<char> letters_;
  std::chrono::duration<double> pace_{0};
  bool busy_ = false;  // the last agreement was about something

  std::mutex leaving_mutex_;  // one leaves at a time
  std::mutex mutex_;          // guards the rest
  std::condition_variable changed_, over_;
  std::atomic<bool> news_{false};  // something was asked for since the last agreement; set with the lock, seen without
  std::atomic<int32_t> gathering_{0};
  int64_t announced_ = 0;  // and not finished
  int64_t pending_ = 0;    // in all slots
  std::deque<Slot> slots_;
  std::deque<Meeting*> meetings_;
  bool leaving_ = false, ended_ = false, clean_ = false;
  Code end_code_ = Code::ok;
  std::string end_reason_;
  std::thread thread_;
};

}  // namespace mixnet::mpi
