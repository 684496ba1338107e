// A member's line to the scheduler: a thread that says hello, sends heartbeats whatever else the process is doing, and keeps the view.
//
// Whoever hears nothing from the scheduler for as long as a member may be silent gives it up.
#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "engine/engine.h"
#include "kvstore/dist/group.h"
#include "kvstore/dist/wake.h"

namespace mixnet {
namespace dist {

class MemberLink {
 public:
  struct Events {
    std::function<void(const View&)> view;   // it changed
    std::function<void(const Error&)> lost;  // this process no longer belongs to a group: refused, or no scheduler
    std::function<void()> end;               // the group is over, in order
  };
  // Events come from the link's thread. `address`: of a server.
  MemberLink(const GroupSettings& settings, const std::shared_ptr<ZmqContext>& context, uint64_t id,
             const std::string& address, const std::string& consistency, Events events);
  // Leaves the group, in order unless it is lost already.
  ~MemberLink();

  // Until all are there; throws why not.
  View wait_for_group();
  // Until all workers are at their next barrier. Throws Code::net, or what `options` says.
  void barrier(const WaitOptions& options);

 private:
  void work();
  void beat(ZmqSocket& socket, double now);
  void receive(const Message& message, double now);
  void give_up(const Error& error);
  Message make(Verb verb, uint64_t number, const std::string& text = "") const;

  const GroupSettings settings_;
  const std::shared_ptr<ZmqContext> context_;
  const uint64_t id_;
  const std::string hello_;
  const Events events_;
  std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  View view_;
  std::unique_ptr<Error> error_;
  uint64_t barriers_ = 0, passed_ = 0;  // asked for, and passed
  bool leaving_ = false, said_ = false, over_ = false;
  double heard_ = 0, begun_ = 0;
  Wake wake_;
  std::thread thread_;
};

}  // namespace dist
}  // namespace mixnet
