// Who belongs to a group, as the scheduler tells everybody.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "kvstore/dist/wire.h"

namespace mixnet {
namespace dist {

enum class Role : int32_t { worker = 0, server = 1, scheduler = 2 };
const char* role_name(Role role);

enum class State : int32_t { alive = 0, left = 1, lost = 2 };

struct Member {
  Role role = Role::worker;
  int rank = 0;
  uint64_t id = 0;      // of the process, a random number
  std::string address;  // a server's: tcp://10.0.0.1:5000
  std::string place;    // for messages: host and process
  State state = State::alive;
  bool late = false;  // came for one that was lost
  std::string why;    // of a lost one

  // "worker 1 (node7, process 4711)"
  std::string title() const;
};

// When a value may be seen (see shard.h).
struct Consistency {
  enum class Kind : int32_t { sync = 0, async = 1, bounded = 2 };
  Kind kind = Kind::sync;
  int64_t staleness = 0;  // of bounded: how many rounds a worker may be ahead of the slowest
  std::string text() const;
  // "sync", "async" or "bounded:3". Throws Code::invalid.
  static Consistency parse(const std::string& text);
};

struct View {
  uint64_t epoch = 0;  // grows with every change
  bool complete = false;
  bool elastic = false;
  int workers = 0, servers = 0;  // as many as the group has when complete
  int copies = 1;                // servers that hold each part: its own and those that follow it in rank
  uint64_t barriers = 0;         // passed by all
  std::string consistency;
  std::vector<Member> members;

  std::string text() const;
  // Throws Code::net for what text() does not write.
  static View parse(const std::string& text);

  const Member* find(uint64_t id) const;
  // The present holder of a rank, or null.
  const Member* find(Role role, int rank) const;
  // A lost member without which the group cannot go on, or null: one that nobody may replace, or the last server that held a part.
  const Member* fatal() const;
};

}  // namespace dist
}  // namespace mixnet
