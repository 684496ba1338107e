// What a client tells of its requests: to the profiler, and in numbers.
#include "base/profile.h"
#include "kvstore/dist/client.h"

namespace mixnet {
namespace dist {

// In the profiler's timeline: an answered push or pull, and counters of its server. Staleness is in updates of the part by anybody
// between this worker's pull and its push, which synchronous rounds do not have.
void Client::note(const Request& request, const Record& answer, double now) {
  Part& part = keys_.at(request.record.key).parts[request.record.part];
  const bool push = request.record.ask == Ask::push;
  if (!push) part.pulled = answer.round;
  if (!profile::on(profile::Category::api)) return;
  const int64_t when = profile::now();
  const auto latency = static_cast<int64_t>((now - request.sent) * 1e6);
  const std::string name = concat(push ? "push " : "pull ", request.record.key, " part ", request.record.part);
  std::string detail = concat("server ", request.server, ", ", request.bytes, " bytes, ", latency, " us");
  const bool counts = view_.consistency != "sync" && push && answer.round > part.pulled;
  if (counts) detail += concat(", staleness ", answer.round - 1 - part.pulled);
  profile::add_instant(profile::Category::api, when, {name, detail});
  const Link& link = links_[static_cast<size_t>(request.server)];
  auto count = [&](const char* what, int64_t value) {
    profile::add_counter(profile::Category::api, when, value, {concat("kvstore server ", request.server, what), {}});
  };
  count(", latency in us", latency);
  count(", bytes under way", link.pushing + link.pulling);
  if (counts) count(", staleness", static_cast<int64_t>(answer.round - 1 - part.pulled));
}

std::string Client::statistics() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return traffic_.text();
}

}  // namespace dist
}  // namespace mixnet
