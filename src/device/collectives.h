// Sums and broadcasts over several GPUs by NCCL: of this process, or one of each of several processes.
//
// A call puts its work on the communication streams of the group's GPUs here, behind what their compute streams have been given so far; the host waits for
// nothing. It is over when the stream has been there, which `done` is told by a thread that waits for events, as with copies between
// devices: so kernels that come meanwhile run beside it, and an error is one of the arrays concerned.
//
// A group whose library says that something failed, or which has been in one call for longer than its timeout, has ended: NCCL is told to give
// up, and everything under way and later fails with the same line. Groups of several processes then fail with Code::net, others with Code::device.
//
// All processes make the calls of a group in one order, with equal counts and dtypes.
#pragma once
#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/dtype.h"
#include "base/function_ref.h"
#include "base/span.h"
#include "device/nccl.h"
#include "device/watcher.h"

namespace mixnet {

class Collectives {
 public:
  using Done = Watcher::Done;
  // One array on each of gpus(), in their order.
  struct Arrays {
    std::vector<const void*> from;
    std::vector<void*> to;  // may be what it is summed from
    int64_t count;
    DType dtype;
  };

  // GPUs of this process, each once; made when first asked for and kept. Null where there is no NCCL, or it refuses, or the group has ended.
  static std::shared_ptr<Collectives> among(const std::vector<int>& gpus);
  // Whether this process could join a group with others.
  static bool possible();
  // Made by one process, which gives it to the others. Throws Code::unsupported without NCCL.
  static nccl::UniqueId make_id();
  // Waits so many seconds for the other processes. Throws Code::net when they do not come.
  static std::shared_ptr<Collectives> join(const nccl::UniqueId& id, int size, int rank, int gpu, double patience_s,
                                           double timeout_s);
  static bool takes(DType dtype) { return nccl::type_of(dtype) >= 0; }
  // Of all groups so far, for tests.
  static int64_t calls();

  // Not by a `done`. What is under way ends first.
  ~Collectives();
  Collectives(const Collectives&) = delete;

  const std::vector<int>& gpus() const { return gpus_; }
  // Throw what has ended the group; `what` names the call in errors. `root` counts all GPUs of the group.
  void all_reduce(Span<const Arrays> arrays, const std::string& what, Done done);
  void reduce(const Arrays& arrays, int root, const std::string& what, Done done);     // `to` of others: anything
  void broadcast(const Arrays& arrays, int root, const std::string& what, Done done);  // `from` of others: anything

 private:
  using Clock = std::chrono::steady_clock;
  struct Call {
    std::string what;
    Done done;
    Clock::time_point since;
    bool waiting = false;  // since then, for the other GPUs alone
    bool over = false;
  };
  using CallPtr = std::shared_ptr<Call>;

  Collectives(const nccl::Library& library, std::vector<nccl::Comm*> comms, std::vector<int> gpus, Code code,
              double timeout_s);

  // enter(i, stream) makes NCCL's call for the i-th GPU.
  void call(const std::string& what, Done done, FunctionRef<int(size_t, void*)> enter);
  void put(std::vector<EventPtr>& before, std::vector<EventPtr>& after, FunctionRef<int(size_t, void*)> enter);
  void finish(const CallPtr& call, const Error* error);
  void watch();
  void look_nolock();
  void end_nolock(Code code, const std::string& why);

  const nccl::Library& library_;
  const std::vector<nccl::Comm*> comms_;
  const std::vector<int> gpus_;
  const Code code_;  // of what is not a device's own error
  const double timeout_s_;

  std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  std::deque<CallPtr> under_way_;
  bool entering_ = false;  // some thread is inside NCCL
  bool ended_ = false, stop_ = false;
  Code end_code_ = Code::ok;
  std::string why_;
  Watcher watcher_;
  std::thread watchdog_;
};

}  // namespace mixnet
