// What went over the wire: messages, bytes, latency and staleness, by key and by peer.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "base/json.h"

namespace mixnet {
namespace dist {

class Traffic {
 public:
  struct Sum {
    int64_t count = 0;
    double total = 0, most = 0;
    void add(double value) {
      ++count;
      total += value;
      if (value > most) most = value;
    }
  };
  struct Count {
    int64_t pushes = 0, pulls = 0, messages = 0, repeated = 0;
    int64_t bytes_sent = 0, bytes_received = 0;
    Sum latency_s;  // from a request's sending to its answer
    Sum staleness;  // updates that a worker's gradient had not seen
  };
  Count& key(const std::string& name) { return keys_[name]; }
  Count& peer(const std::string& name) { return peers_[name]; }
  // {"keys": {"w": {"pushes": 2, ...}}, "peers": {...}}
  Json json() const;
  std::string text() const { return json().dump(); }

 private:
  std::map<std::string, Count> keys_, peers_;
};

}  // namespace dist
}  // namespace mixnet
