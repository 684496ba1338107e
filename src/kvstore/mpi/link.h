// One group of MPI processes as the library uses it: collectives with a deadline, failures with names.
//
// Everything throws Code::net when MPI fails or a collective does not end in time; who does not answer a roll call is named then, and the link
// is of no use any more. What a collective reads and writes must outlive the *process* in that case: MPI may still touch it. One thread.
#pragma once
#include <string>

#include "base/function_ref.h"
#include "kvstore/mpi/plugin.h"

namespace mixnet::mpi {

// Seconds. A process that does not answer is noticed within `answer`; all of its parts below add up to less.
struct Deadlines {
  double answer = 10;  // MIXNET_PS_TIMEOUT_S
  double push =
      600;  // MIXNET_ALLREDUCE_WAIT_S: how much later than the first the last one may push a key or come to a barrier

  double heartbeat() const { return answer * 0.05; }
  double collective() const { return answer * 0.7; }
  double roll_call() const { return answer * 0.15; }
};
Deadlines deadlines_from_environment();

class Link {
 public:
  using What = FunctionRef<std::string()>;

  Link(const Plugin& plugin, int rank, int size, const Deadlines& deadlines)
      : plugin_(plugin), rank_(rank), size_(size), deadlines_(deadlines) {}
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // First of all. Others may come later by `deadlines.push`.
  void open();
  // A request is finished, in the order they began. `what` names it in errors; `bytes` of it add to the deadline.
  Request* broadcast(void* data, int64_t bytes);
  Request* reduce(const void* from, void* to, int64_t count, Type type, Operation operation);
  void finish(Request* request, int64_t bytes, What what);
  // The same where others may come so much later. It is looked at without sleeping for `alert` seconds.
  void finish_within(Request* request, double seconds, What what, double alert = 50e-6);
  // `bytes` bytes of every rank to all.
  void gather(const void* from, void* to, int64_t bytes, What what);

 private:
  bool finished_within(Request* request, double seconds, double alert = 50e-6);
  [[noreturn]] void give_up(double seconds, What what);

  const Plugin& plugin_;
  int rank_, size_;
  Deadlines deadlines_;
  Group* group_ = nullptr;
};

// "worker 1" or "workers 1, 2 and 5": those of `size` that have a 0.
std::string absent_workers(const int32_t* present, int size);

}  // namespace mixnet::mpi
