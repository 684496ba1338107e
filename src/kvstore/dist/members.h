// The scheduler's part: who is in the group, who is gone, who waits at a barrier.
//
// A state machine: messages and the time go in, messages come out, nothing else happens. Every member says hello until it has a view, then sends
// heartbeats with the epoch it knows; who knows an old one is sent the new one, so that no message needs an answer of its own. A member that
// is silent for timeout_s is lost: in an elastic group its rank is free for another, in others that is the end. Where servers hold copies of each
// other's keys, the loss of one is the end only when it had the last; nobody comes in its place, who would have nothing.
#pragma once
#include <map>
#include <set>
#include <utility>

#include "kvstore/dist/view.h"

namespace mixnet {
namespace dist {

// Messages by the process they go to.
using Outbox = std::vector<std::pair<uint64_t, Message>>;

struct GroupSize {
  int workers = 1, servers = 1;
  int copies = 1;            // servers that hold each part
  double timeout_s = 5;      // of silence, after which a member counts as lost
  double rendezvous_s = 60;  // for all to come
  bool elastic = false;
};

class Members {
 public:
  Members(const GroupSize& size, double now);
  void receive(double now, const Message& message, Outbox& out);
  void tick(double now, Outbox& out);
  // All workers are gone, or the group never came together: nothing is left to do once this was told to everybody.
  bool over() const { return over_; }
  // Why the group never came together; empty when it did.
  const std::string& failure() const { return failure_; }
  const View& view() const { return view_; }

 private:
  void hello(double now, const Message& message, Outbox& out);
  Member* place_for(Role role, int wanted);
  void changed(Outbox& out);
  void broadcast(Verb verb, const std::string& text, uint64_t number, Outbox& out) const;
  void lose(Member& member, const std::string& why);
  void pass_barriers(Outbox& out);
  void finish_if_empty(Outbox& out);
  int count(Role role, bool alive_only) const;

  GroupSize size_;
  View view_;
  double begin_;
  bool over_ = false;
  std::string failure_;
  std::map<uint64_t, double> heard_;      // when, by process
  std::map<uint64_t, uint64_t> waiting_;  // at which barrier a worker stands
};

}  // namespace dist
}  // namespace mixnet
