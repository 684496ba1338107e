#include "kvstore/dist/statistics.h"

namespace mixnet {
namespace dist {
namespace {

Json to_json(const Traffic::Sum& sum) {
  Json json = Json::object();
  json.set("count", sum.count);
  json.set("mean", sum.count ? sum.total / static_cast<double>(sum.count) : 0.0);
  json.set("max", sum.most);
  return json;
}

Json to_json(const std::map<std::string, Traffic::Count>& counts) {
  Json all = Json::object();
  for (const auto& [name, c] : counts) {
    Json json = Json::object();
    json.set("pushes", c.pushes);
    json.set("pulls", c.pulls);
    json.set("messages", c.messages);
    json.set("repeated", c.repeated);
    json.set("bytes_sent", c.bytes_sent);
    json.set("bytes_received", c.bytes_received);
    json.set("latency_s", to_json(c.latency_s));
    json.set("staleness", to_json(c.staleness));
    all.set(name, json);
  }
  return all;
}

}  // namespace

Json Traffic::json() const {
  Json json = Json::object();
  json.set("keys", to_json(keys_));
  json.set("peers", to_json(peers_));
  return json;
}

}  // namespace dist
}  // namespace mixnet
