#include "kvstore/dist/members.h"

#include <algorithm>

#include "base/json.h"

namespace mixnet {
namespace dist {
namespace {

Message make(Verb verb, const std::string& text = "", uint64_t number = 0) {
  Message message;
  message.verb = verb;
  message.text = text;
  message.number = number;
  return message;
}

struct Hello {
  Role role;
  int wanted;
  std::string address, place, consistency;
};

Hello read_hello(const std::string& text) {
  const Json json = Json::parse(text, "hello");
  const std::string role = json.at("role").as_string();
  MIXNET_CHECK(role == "worker" || role == "server", net, "[hello] role: expected worker or server, got '", role, "'");
  const int64_t rank = json.at("rank").as_int();
  MIXNET_CHECK(rank >= -1 && rank < (1 << 20), net, "[hello] rank: expected -1 or a rank, got ", rank);
  return {role == "worker" ? Role::worker : Role::server, static_cast<int>(rank), json.at("address").as_string(),
          json.at("place").as_string(), json.at("consistency").as_string()};
}

}  // namespace

Members::Members(const GroupSize& size, double now) : size_(size), begin_(now) {
  view_.workers = size.workers;
  view_.servers = size.servers;
  view_.copies = size.copies;
  view_.elastic = size.elastic;
}

int Members::count(Role role, bool alive_only) const {
  return static_cast<int>(std::count_if(view_.members.begin(), view_.members.end(), [&](const Member& m) {
    return m.role == role && (!alive_only || m.state == State::alive);
  }));
}

void Members::broadcast(Verb verb, const std::string& text, uint64_t number, Outbox& out) const {
  for (const Member& m : view_.members) {
    if (m.state == State::alive) out.emplace_back(m.id, make(verb, text, number));
  }
}

void Members::changed(Outbox& out) {
  ++view_.epoch;
  broadcast(Verb::view, view_.text(), view_.epoch, out);
}

void Members::receive(double now, const Message& message, Outbox& out) {
  if (message.verb == Verb::hello) return hello(now, message, out);
  Member* member = const_cast<Member*>(view_.find(message.sender));
  if (!member || member->state == State::lost) {
    const std::string why = member ? member->why : "it is not a member of this group";
    out.emplace_back(message.sender, make(Verb::refuse, "[kvstore] this process was given up by its group: " + why));
    return;
  }
  heard_[message.sender] = now;
  if (message.verb == Verb::heartbeat) {
    out.emplace_back(message.sender, make(Verb::heartbeat, "", view_.epoch));
    if (message.number < view_.epoch) out.emplace_back(message.sender, make(Verb::view, view_.text(), view_.epoch));
  } else if (message.verb == Verb::barrier && member->role == Role::worker) {
    if (member->late || message.number <= view_.barriers) {
      out.emplace_back(message.sender, make(Verb::released, "", message.number));
    } else {
      waiting_[message.sender] = message.number;
      pass_barriers(out);
    }
  } else if (message.verb == Verb::leave && member->state == State::alive) {
    member->state = State::left;
    waiting_.erase(message.sender);
    changed(out);
    pass_barriers(out);
    finish_if_empty(out);
  }
}

// The rank that somebody new gets, as an entry of the view, or null.
Member* Members::place_for(Role role, int wanted) {
  const int ranks = role == Role::worker ? size_.workers : size_.servers;
  auto free = [&](int rank) { return view_.find(role, rank) == nullptr; };
  if (!view_.complete) {
    int rank = wanted >= 0 && wanted < ranks && free(wanted) ? wanted : 0;
    while (rank < ranks && !free(rank)) ++rank;
    if (rank == ranks) return nullptr;
    view_.members.emplace_back();
    view_.members.back().role = role;
    view_.members.back().rank = rank;
    return &view_.members.back();
  }
  if (!size_.elastic || (role == Role::server && size_.copies > 1)) return nullptr;
  for (bool any : {false, true}) {
    for (Member& m : view_.members) {
      if (m.role == role && m.state == State::lost && (any || m.rank == wanted)) return &m;
    }
  }
  return nullptr;
}

void Members::hello(double now, const Message& message, Outbox& out) {
  if (const Member* known = view_.find(message.sender)) {
    if (known->state == State::lost) {
      out.emplace_back(message.sender,
                       make(Verb::refuse, "[kvstore] this process was given up by its group: " + known->why));
    } else {
      heard_[message.sender] = now;
      out.emplace_back(message.sender, make(Verb::view, view_.text(), view_.epoch));
    }
    return;
  }
  Hello h;
  try {
    h = read_hello(message.text);
    if (h.role == Role::worker && !view_.consistency.empty()) {
      MIXNET_CHECK(h.consistency == view_.consistency, invalid, "[kvstore] consistency: expected ", view_.consistency,
                   " as the other workers have, got ", h.consistency);
    }
  } catch (const Error& e) {
    out.emplace_back(message.sender, make(Verb::refuse, e.what()));
    return;
  }
  const bool late = view_.complete;
  Member* place = over_ ? nullptr : place_for(h.role, h.wanted);
  if (!place) {
    const std::string why = concat("[kvstore] a ", role_name(h.role), " came to a group that has its ", size_.workers,
                                   " workers and ", size_.servers, " servers already");
    out.emplace_back(message.sender, make(Verb::refuse, why));
    return;
  }
  if (h.role == Role::worker) view_.consistency = h.consistency;
  const int rank = place->rank;
  *place = {h.role, rank, message.sender, h.address, h.place, State::alive, late, ""};
  heard_[message.sender] = now;
  view_.complete = late || (count(Role::worker, false) == size_.workers && count(Role::server, false) == size_.servers);
  changed(out);
  pass_barriers(out);
}

void Members::lose(Member& member, const std::string& why) {
  member.state = State::lost;
  member.why = why;
  waiting_.erase(member.id);
}

void Members::tick(double now, Outbox& out) {
  if (over_) return;
  bool any = false;
  for (Member& m : view_.members) {
    if (m.state != State::alive || now - heard_[m.id] < size_.timeout_s) continue;
    lose(m, concat("no sign of life for ", size_.timeout_s, " s"));
    any = true;
  }
  if (any && !view_.complete) {
    // Its place is free again as long as the group is gathering.
    auto& all = view_.members;
    all.erase(std::remove_if(all.begin(), all.end(), [](const Member& m) { return m.state == State::lost; }),
              all.end());
  }
  if (any) {
    changed(out);
    pass_barriers(out);
    finish_if_empty(out);
  }
  if (!view_.complete && now - begin_ > size_.rendezvous_s) {
    failure_ =
        concat("[kvstore] group: expected ", size_.workers, " workers and ", size_.servers, " servers, got ",
               count(Role::worker, true), " and ", count(Role::server, true), " within ", size_.rendezvous_s, " s");
    broadcast(Verb::refuse, failure_, 0, out);
    over_ = true;
  }
}

// A barrier opens when every worker that is alive stands at it. Who came for a lost one is somewhere else in the program than the others, and
// rounds keep it in step with them: it passes barriers and is not waited for, or the two kinds of waiting could wait for each other.
void Members::pass_barriers(Outbox& out) {
  if (waiting_.empty() || !view_.complete) return;
  uint64_t lowest = ~uint64_t{0};
  for (const Member& m : view_.members) {
    if (m.role != Role::worker || m.state != State::alive || m.late) continue;
    auto at = waiting_.find(m.id);
    if (at == waiting_.end()) return;
    lowest = std::min(lowest, at->second);
  }
  view_.barriers = std::max(view_.barriers, lowest);
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (it->second > view_.barriers) {
      ++it;
      continue;
    }
    out.emplace_back(it->first, make(Verb::released, "", it->second));
    it = waiting_.erase(it);
  }
}

// Without workers there is nothing to serve. A rank that may come again keeps an elastic group open only while another worker is there.
void Members::finish_if_empty(Outbox& out) {
  if (!view_.complete || count(Role::worker, true) > 0) return;
  broadcast(Verb::end, "", 0, out);
  over_ = true;
}

}  // namespace dist
}  // namespace mixnet
