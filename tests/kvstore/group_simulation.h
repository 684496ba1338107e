// A group of scheduler, servers and workers over a network that loses, doubles, delays and reorders messages by a seed, in one thread, with a clock of its own.
#pragma once
#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "base/json.h"
#include "kvstore/dist/client.h"
#include "kvstore/dist/members.h"
#include "kvstore/dist/shard.h"

namespace mixnet {
namespace dist {

struct Weather {
  double loss = 0, twice = 0, delay_s = 0.001;  // of a message between worker and server; delays are up to delay_s
};

class GroupSimulation {
 public:
  struct Worker {
    uint64_t id;
    std::string consistency;
    std::unique_ptr<Client> client;
    View view;
    std::string refused;
    bool alive = true;
    bool ready() const { return view.complete && view.find(id) != nullptr; }
    int rank() const { return view.find(id)->rank; }
  };
  struct Server {
    uint64_t id;
    Shard shard;
    View view;
    bool alive = true;
  };

  GroupSimulation(uint32_t seed, const GroupSize& size, const Weather& weather, const std::string& consistency = "sync")
      : random_(seed), weather_(weather), size_(size), consistency_(consistency), members_(size, 0) {
    for (int i = 0; i < size.servers; ++i) add_server();
    for (int i = 0; i < size.workers; ++i) add_worker();
  }

  Worker& add_worker(const ClientSettings& settings = small_parts()) {
    workers.push_back(std::make_unique<Worker>());
    Worker& w = *workers.back();
    w.id = ++ids_;
    w.consistency = consistency_;
    w.client = std::make_unique<Client>(w.id, settings, [] {});
    return w;
  }
  Server& add_server(const std::string& checkpoint = "") {
    servers.push_back(std::make_unique<Server>());
    servers.back()->id = ++ids_;
    if (!checkpoint.empty()) servers.back()->shard.restore(checkpoint);
    return *servers.back();
  }
  static ClientSettings small_parts() {
    ClientSettings settings;
    settings.part_bytes = 40;
    settings.window = 100;
    settings.ask_s = 0.2;
    return settings;
  }

  // A worker goes, in order.
  void leave(Worker& worker) {
    Message message;
    message.verb = Verb::leave;
    send(worker.id, 0, message, true);
    worker.alive = false;
  }

  // Goes on until `until` or for so many seconds of the group's own time; whether it came true.
  bool run(const std::function<bool()>& until, double limit_s = 120) {
    const double end = now + limit_s;
    while (now < end) {
      if (until()) return true;
      step();
    }
    return until();
  }

  double now = 0;
  int64_t delivered = 0;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::unique_ptr<Server>> servers;
  const Members& members() const { return members_; }

 private:
  struct Event {
    double at;
    uint64_t order, from, to;
    std::vector<Bytes> frames;
    bool operator<(const Event& other) const { return at != other.at ? at > other.at : order > other.order; }
  };

  double uniform() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  void send(uint64_t from, uint64_t to, const Message& message, bool reliable) {
    Message stamped = message;
    stamped.sender = from;
    if (!reliable && uniform() < weather_.loss) return;
    const int copies = !reliable && uniform() < weather_.twice ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      std::vector<Bytes> frames;
      for (const Bytes& frame : encode(stamped)) frames.push_back(Bytes::copy_of(frame.data, frame.size));
      events_.push({now + uniform() * weather_.delay_s, ++orders_, from, to, std::move(frames)});
    }
  }

  void post(uint64_t from, Outbox& out, bool reliable) {
    for (auto& [to, message] : out) send(from, to, message, reliable);
    out.clear();
  }

  void step() {
    now += 0.005;
    Outbox out;
    while (!events_.empty() && events_.top().at <= now) {
      const Event event = events_.top();
      events_.pop();
      deliver(event);
    }
    members_.tick(now, out);
    post(0, out, true);
    if (++steps_ % 20 == 0) beat();
    for (auto& w : workers) {
      if (!w->alive) continue;
      w->client->tick(now);
      Message message;
      for (int server = 0; server < w->client->servers(); ++server) {
        while (w->client->take(server, now, &message)) {
          if (const Member* m = w->view.find(Role::server, server)) send(w->id, m->id, message, false);
        }
      }
    }
  }

  void beat() {
    auto say = [&](uint64_t id, Role role, const View& view, const std::string& consistency) {
      Message message;
      message.number = view.epoch;
      if (view.find(id)) return send(id, 0, message, true);
      message.verb = Verb::hello;
      Json json = Json::object();
      json.set("role", role_name(role));
      json.set("rank", -1);
      json.set("address", "");
      json.set("place", concat("process ", id));
      json.set("consistency", consistency);
      message.text = json.dump();
      send(id, 0, message, true);
    };
    for (auto& w : workers)
      if (w->alive && w->refused.empty()) say(w->id, Role::worker, w->view, w->consistency);
    for (auto& s : servers)
      if (s->alive) say(s->id, Role::server, s->view, "");
  }

  void deliver(const Event& event) {
    ++delivered;
    const Message message = decode(event.frames);
    Outbox out;
    if (event.to == 0) {
      members_.receive(now, message, out);
      return post(0, out, true);
    }
    for (auto& s : servers) {
      if (s->id != event.to || !s->alive) continue;
      if (message.verb == Verb::view) {
        View view = View::parse(message.text);
        if (view.epoch <= s->view.epoch) return;
        s->view = view;
        s->shard.set_view(view, out);
      } else if (event.from != 0) {
        s->shard.receive(message, out);
      }
      post(s->id, out, false);
    }
    for (auto& w : workers) {
      if (w->id != event.to || !w->alive) continue;
      if (message.verb == Verb::view) {
        View view = View::parse(message.text);
        if (view.epoch <= w->view.epoch) return;
        w->view = view;
        w->client->set_view(view, now);
      } else if (message.verb == Verb::refuse) {
        w->refused = message.text;
      } else if (const Member* m = w->view.find(event.from)) {
        w->client->receive(m->rank, message, now);
      }
    }
  }

  std::mt19937 random_;
  const Weather weather_;
  const GroupSize size_;
  const std::string consistency_;
  Members members_;
  std::priority_queue<Event> events_;
  uint64_t ids_ = 0, orders_ = 0;
  int64_t steps_ = 0;
};

}  // namespace dist
}  // namespace mixnet
