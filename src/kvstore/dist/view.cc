#include "kvstore/dist/view.h"

#include <algorithm>

#include "base/json.h"

namespace mixnet {
namespace dist {
namespace {

Json to_json(const Member& m) {
  Json item = Json::object();
  item.set("role", static_cast<int>(m.role));
  item.set("rank", m.rank);
  item.set("id", std::to_string(m.id));
  item.set("address", m.address);
  item.set("place", m.place);
  item.set("state", static_cast<int>(m.state));
  item.set("late", m.late);
  item.set("why", m.why);
  return item;
}

int64_t in_range(const Json& item, const char* name, int64_t low, int64_t high) {
  const int64_t value = item.at(name).as_int();
  MIXNET_CHECK(value >= low && value <= high, net, "[view] ", name, ": expected ", low, " to ", high, ", got ", value);
  return value;
}

Member to_member(const Json& item) {
  Member m;
  m.role = static_cast<Role>(in_range(item, "role", 0, 2));
  m.rank = static_cast<int>(in_range(item, "rank", 0, 1 << 20));
  m.id = std::stoull(item.at("id").as_string());
  m.address = item.at("address").as_string();
  m.place = item.at("place").as_string();
  m.state = static_cast<State>(in_range(item, "state", 0, 2));
  m.late = item.at("late").as_bool();
  m.why = item.at("why").as_string();
  return m;
}

}  // namespace

const char* role_name(Role role) {
  static const char* const names[] = {"worker", "server", "scheduler"};
  return names[static_cast<int>(role)];
}

std::string Member::title() const { return concat(role_name(role), " ", rank, " (", place, ")"); }

std::string Consistency::text() const {
  if (kind == Kind::bounded) return concat("bounded:", staleness);
  return kind == Kind::sync ? "sync" : "async";
}

Consistency Consistency::parse(const std::string& text) {
  if (text == "sync") return {Kind::sync, 0};
  if (text == "async") return {Kind::async, 0};
  const std::string prefix = "bounded:";
  const std::string digits = text.compare(0, prefix.size(), prefix) == 0 ? text.substr(prefix.size()) : "";
  const bool number =
      !digits.empty() && digits.size() < 10 && digits.find_first_not_of("0123456789") == std::string::npos;
  MIXNET_CHECK(number, invalid, "[kvstore] consistency: expected sync, async or bounded:N, got '", text, "'");
  return {Kind::bounded, std::stoll(digits)};
}

std::string View::text() const {
  Json json = Json::object();
  json.set("epoch", static_cast<int64_t>(epoch));
  json.set("complete", complete);
  json.set("elastic", elastic);
  json.set("workers", workers);
  json.set("servers", servers);
  json.set("copies", copies);
  json.set("barriers", static_cast<int64_t>(barriers));
  json.set("consistency", consistency);
  Json list = Json::array();
  for (const Member& m : members) list.push_back(to_json(m));
  json.set("members", list);
  return json.dump();
}

View View::parse(const std::string& text) {
  try {
    const Json json = Json::parse(text, "view");
    View view;
    view.epoch = static_cast<uint64_t>(json.at("epoch").as_int());
    view.complete = json.at("complete").as_bool();
    view.elastic = json.at("elastic").as_bool();
    view.workers = static_cast<int>(in_range(json, "workers", 0, 1 << 20));
    view.servers = static_cast<int>(in_range(json, "servers", 0, 1 << 20));
    view.copies = static_cast<int>(in_range(json, "copies", 1, std::max(1, view.servers)));
    view.barriers = static_cast<uint64_t>(json.at("barriers").as_int());
    view.consistency = json.at("consistency").as_string();
    for (const Json& item : json.at("members").items()) view.members.push_back(to_member(item));
    return view;
  } catch (const std::exception& e) {
    fail(Code::net, "[view] expected the members of a group, got: ", e.what());
  }
}

const Member* View::find(uint64_t id) const {
  for (const Member& m : members) {
    if (m.id == id) return &m;
  }
  return nullptr;
}

const Member* View::find(Role role, int rank) const {
  for (const Member& m : members) {
    if (m.role == role && m.rank == rank) return &m;
  }
  return nullptr;
}

const Member* View::fatal() const {
  auto lost = [](const Member* m) { return m && m->state == State::lost; };
  for (const Member& m : members) {
    if (!lost(&m)) continue;
    if (m.role != Role::server || copies == 1) {
      if (elastic) continue;
      return &m;
    }
    int gone = 1;
    while (gone < copies && lost(find(Role::server, (m.rank + gone) % servers))) ++gone;
    if (gone == copies) return &m;
  }
  return nullptr;
}

}  // namespace dist
}  // namespace mixnet
