// A worker's place in a group: its line to the scheduler, sockets to all servers, the thread that serves them, and the client in between.
#pragma once
#include <map>
#include <thread>

#include "base/fork.h"
#include "kvstore/dist/member_link.h"

namespace mixnet {
namespace dist {

class WorkerNode {
 public:
  // Blocks until the group is together; throws why not.
  WorkerNode(const GroupSettings& settings, const std::string& consistency);
  ~WorkerNode();
  WorkerNode(const WorkerNode&) = delete;
  WorkerNode& operator=(const WorkerNode&) = delete;

  // Throws Code::unsupported in a forked child: the threads and connections are the parent's.
  void check_own() const;
  // Waits for what is pending, at most so long, then leaves the group; what is pending still, and every later call, fails.
  void close(double patience_s);

  Client& client() { return client_; }
  MemberLink& members() { return *members_; }
  int rank() const { return rank_; }
  int workers() const { return workers_; }
  bool late() const { return late_; }
  int64_t part_bytes() const { return settings_.client.part_bytes; }

 private:
  struct Line {
    uint64_t process = 0;
    std::unique_ptr<ZmqSocket> socket;
  };
  void work();
  void serve(int server, Line& line);
  void connect(const View& view, std::map<int, Line>& lines);

  const uint32_t generation_ = fork_generation();
  const GroupSettings settings_;
  const uint64_t id_;
  const std::shared_ptr<ZmqContext> context_;
  Wake wake_;
  Client client_;
  std::mutex mutex_;  // guards the next two
  View view_;
  bool stopping_ = false;
  int rank_ = 0, workers_ = 0;
  bool late_ = false;  // came for a worker that was lost
  std::thread thread_;
  std::unique_ptr<MemberLink> members_;
};

}  // namespace dist
}  // namespace mixnet
