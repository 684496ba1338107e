#include "kvstore/dist/serve.h"

#include <atomic>

#include "kvstore/dist/member_link.h"
#include "kvstore/dist/shard.h"

namespace mixnet {
namespace dist {
namespace {

// Says a line at most once a second: strangers must not fill a disk.
class Log {
 public:
  explicit Log(const ServeOptions& options) : log_(options.log) {}
  void say(const std::string& line) {
    if (log_) log_(line);
  }
  void seldom(const std::string& line) {
    const double now = clock_s();
    ++kept_;
    if (now - last_ < 1) return;
    say(kept_ > 1 ? concat(line, " (and ", kept_ - 1, " more)") : line);
    last_ = now;
    kept_ = 0;
  }

 private:
  const std::function<void(const std::string&)>& log_;
  double last_ = -10;
  int64_t kept_ = 0;
};

bool cancelled(const ServeOptions& options) { return options.cancel && options.cancel->cancelled(); }

void note_strangers(ZmqSocket& socket, Log& log) {
  const int64_t failed = socket.failed_connections();
  if (failed > 0) log.seldom(concat("refused ", failed, " connections without the group's key or protocol"));
}

void post(ZmqSocket& socket, uint64_t id, Outbox& out) {
  for (auto& [to, message] : out) {
    message.sender = id;
    socket.send(encode(message), to);
  }
  out.clear();
}

void note_members(const View& before, const View& now, Log& log) {
  for (const Member& m : now.members) {
    const Member* old = before.find(m.id);
    if (!old) log.say(concat(m.title(), m.late ? " came for one that was lost" : " is here"));
    if (old && old->state != m.state)
      log.say(m.state == State::lost ? concat(m.title(), " was lost: ", m.why) : m.title() + " left");
  }
  if (now.complete && !before.complete) log.say("the group is complete");
}

void run_scheduler(const GroupSettings& settings, const ServeOptions& options) {
  const size_t begin = std::string("tcp://").size();
  const std::string host = settings.scheduler.substr(begin, settings.scheduler.rfind(':') - begin);
  check_exposed(settings, host);
  const auto context = std::make_shared<ZmqContext>(settings.key);
  ZmqSocket socket(context, ZmqSocket::Kind::router, 0, max_text * 2);
  // A name may stand for another address here than elsewhere, so a host that is not this machine's own address is listened for everywhere.
  std::string where = settings.scheduler;
  if (host == "localhost") where = "tcp://127.0.0.1" + settings.scheduler.substr(settings.scheduler.rfind(':'));
  socket.bind(where);
  Log log(options);
  Members members(settings.size, clock_s());
  double over_since = 0;
  while (!cancelled(options)) {
    zmq_wait({&socket}, -1, 0.1);
    const View before = members.view();
    Outbox out;
    std::vector<Bytes> frames;
    uint64_t from = 0;
    while (socket.receive(&frames, &from)) {
      try {
        Message message = decode(frames);
        MIXNET_CHECK(from != 0 && message.sender == from, net, "[kvstore] sender: expected ", from, ", got ",
                     message.sender);
        members.receive(clock_s(), message, out);
      } catch (const std::exception& e) {
        log.seldom(concat("dropped a message: ", e.what()));
      }
      post(socket, 0, out);
    }
    members.tick(clock_s(), out);
    post(socket, 0, out);
    note_members(before, members.view(), log);
    note_strangers(socket, log);
    // Those who heard nothing of the end yet ask again meanwhile.
    if (members.over() && over_since == 0) over_since = clock_s();
    if (members.over() && clock_s() - over_since > 0.5) break;
  }
  MIXNET_CHECK(members.failure().empty(), net, members.failure());
  const Member* lost = members.view().fatal();
  MIXNET_CHECK(!lost, net, "[kvstore] ", lost ? lost->title() : "", " was lost: ", lost ? lost->why : "");
}

// What the line to the scheduler tells the thread that serves.
struct News {
  std::mutex mutex;
  View view;
  bool fresh = false, end = false;
  std::unique_ptr<Error> error;
};

void run_server(const GroupSettings& settings, const ServeOptions& options) {
  const std::string host = own_host(settings);
  check_exposed(settings, host);
  const auto context = std::make_shared<ZmqContext>(settings.key);
  const uint64_t id = random_id();
  ZmqSocket socket(context, ZmqSocket::Kind::router, id, settings.max_message);
  const std::string address = socket.bind(concat("tcp://", host, ":*"));
  Wake wake;
  News news;
  MemberLink::Events events;
  events.view = [&](const View& view) {
    std::lock_guard<std::mutex> lock(news.mutex);
    news.view = view;
    news.fresh = true;
    wake.call();
  };
  events.lost = [&](const Error& error) {
    std::lock_guard<std::mutex> lock(news.mutex);
    news.error = std::make_unique<Error>(error);
    wake.call();
  };
  events.end = [&] {
    std::lock_guard<std::mutex> lock(news.mutex);
    news.end = true;
    wake.call();
  };
  MemberLink members(settings, context, id, address, "", std::move(events));
  const View first = members.wait_for_group();
  const int rank = first.find(id)->rank;
  Shard shard(rank);
  shard.set_updater(options.updater);
  if (!settings.restore.empty()) shard.restore(concat(settings.restore, "-server-", rank, ".params"));
  Log log(options);
  while (!cancelled(options)) {
    Outbox out;
    {
      std::unique_lock<std::mutex> lock(news.mutex);
      if (news.error) throw *news.error;
      if (news.end) return;
      if (news.fresh) {
        news.fresh = false;
        const View view = news.view;
        lock.unlock();
        shard.set_view(view, out);
      }
    }
    post(socket, id, out);
    zmq_wait({&socket}, wake.descriptor(), 0.1);
    wake.clear();
    std::vector<Bytes> frames;
    uint64_t from = 0;
    // The view is looked at now and then, however much arrives.
    for (int i = 0; i < 64 && socket.receive(&frames, &from); ++i) {
      try {
        Message message = decode(frames);
        MIXNET_CHECK(from != 0 && message.sender == from, net, "[kvstore] sender: expected ", from, ", got ",
                     message.sender);
        shard.receive(message, out);
      } catch (const std::exception& e) {
        log.seldom(concat("dropped a message: ", e.what()));
      }
      post(socket, id, out);
    }
    note_strangers(socket, log);
  }
}

}  // namespace

void serve(const GroupSettings& settings, const ServeOptions& options) {
  MIXNET_CHECK(settings.role != "worker", invalid,
               "[kvstore serve] DMLC_ROLE: expected server or scheduler, got worker");
  settings.role == "scheduler" ? run_scheduler(settings, options) : run_server(settings, options);
}

}  // namespace dist
}  // namespace mixnet
