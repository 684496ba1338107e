// What a process knows of its group before it has met anybody: MXNet's environment (DMLC_...), and ours (MIXNET_PS_...).
#pragma once
#include <string>

#include "kvstore/dist/client.h"
#include "kvstore/dist/members.h"
#include "kvstore/dist/zmq.h"

namespace mixnet {
namespace dist {

struct GroupSettings {
  std::string role;       // worker, server, scheduler
  std::string scheduler;  // tcp://127.0.0.1:9091
  std::string host;       // this machine, as the others reach it; empty: found out
  int rank = -1;          // wanted
  GroupSize size;
  ClientSettings client;
  GroupKey key;
  std::string restore;  // prefix of a server's checkpoint
  int64_t max_message = int64_t{1} << 30;

  // Throws Code::invalid naming the variable.
  static GroupSettings from_environment();
};

// The address of this machine on the way to `scheduler`; the one to listen at.
std::string own_host(const GroupSettings& settings);
// Throws Code::invalid unless there is a key or the address is a loopback one.
void check_exposed(const GroupSettings& settings, const std::string& host);
// "node7, process 4711"
std::string own_place();
// A number for this process that no other has.
uint64_t random_id();

}  // namespace dist
}  // namespace mixnet
