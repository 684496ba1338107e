#include "kvstore/dist/member_link.h"

#include "base/json.h"
#include "base/profile.h"
#include "base/worker_thread.h"

namespace mixnet {
namespace dist {
namespace {

constexpr double beat_s = 0.2;

std::string hello_text(const GroupSettings& settings, const std::string& address, const std::string& consistency) {
  Json json = Json::object();
  json.set("role", settings.role);
  json.set("rank", settings.rank);
  json.set("address", address);
  json.set("place", own_place());
  json.set("consistency", consistency);
  return json.dump();
}

}  // namespace

MemberLink::MemberLink(const GroupSettings& settings, const std::shared_ptr<ZmqContext>& context, uint64_t id,
                       const std::string& address, const std::string& consistency, Events events)
    : settings_(settings),
      context_(context),
      id_(id),
      hello_(hello_text(settings, address, consistency)),
      events_(std::move(events)) {
  thread_ = start_worker_thread([this] { work(); });
}

MemberLink::~MemberLink() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    leaving_ = true;
  }
  wake_.call();
  thread_.join();
}

Message MemberLink::make(Verb verb, uint64_t number, const std::string& text) const {
  Message message;
  message.verb = verb;
  message.sender = id_;
  message.number = number;
  message.text = text;
  return message;
}

void MemberLink::work() {
  profile::name_thread("kvstore members");
  ZmqSocket socket(context_, ZmqSocket::Kind::dealer, id_, max_text * 2);
  socket.connect(settings_.scheduler);
  heard_ = begun_ = clock_s();
  double next = 0;
  for (;;) {
    const double now = clock_s();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (leaving_) {
        if (!over_ && view_.find(id_)) socket.send(encode(make(Verb::leave, 0)));
        return;
      }
    }
    if (now >= next) {
      beat(socket, now);
      next = now + beat_s;
    }
    zmq_wait({&socket}, wake_.descriptor(), std::max(0.0, next - clock_s()));
    wake_.clear();
    std::vector<Bytes> frames;
    while (socket.receive(&frames)) {
      try {
        receive(decode(frames), clock_s());
      } catch (const Error&) {
        // Not a message of ours: as if it had not come.
      }
    }
    std::lock_guard<std::mutex> lock(mutex_);
    if (barriers_ > passed_ && !said_ && !over_) {
      said_ = true;
      socket.send(encode(make(Verb::barrier, barriers_)));
    }
  }
}

void MemberLink::beat(ZmqSocket& socket, double now) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (over_) return;
  const bool member = view_.find(id_) != nullptr;
  // The scheduler may start last: while the group gathers, its rendezvous is the limit.
  const double patience =
      view_.complete ? settings_.size.timeout_s : settings_.size.rendezvous_s + settings_.size.timeout_s;
  if (now - heard_ > patience) {
    lock.unlock();
    return give_up(Error(Code::net, concat("[kvstore] scheduler (", settings_.scheduler,
                                           ") was lost: no sign of life for ", patience, " s")));
  }
  socket.send(encode(member ? make(Verb::heartbeat, view_.epoch) : make(Verb::hello, 0, hello_)));
  if (barriers_ > passed_) socket.send(encode(make(Verb::barrier, barriers_)));
}

void MemberLink::give_up(const Error& error) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (over_) return;
    over_ = true;
    error_ = std::make_unique<Error>(error);
    changed_.notify_all();
  }
  events_.lost(error);
}

void MemberLink::receive(const Message& message, double now) {
  std::unique_lock<std::mutex> lock(mutex_);
  heard_ = now;
  if (over_) return;
  if (message.verb == Verb::refuse) {
    lock.unlock();
    return give_up(Error(Code::net, message.text));
  }
  if (message.verb == Verb::released && message.number == barriers_) {
    passed_ = barriers_;
    changed_.notify_all();
  } else if (message.verb == Verb::end) {
    over_ = true;
    lock.unlock();
    events_.end();
  } else if (message.verb == Verb::view) {
    View view = View::parse(message.text);
    if (view.epoch <= view_.epoch) return;
    // Told before who waits for the group goes on and uses what the view sets up.
    lock.unlock();
    events_.view(view);
    lock.lock();
    const bool first = !view_.complete && view.complete;
    view_ = view;
    if (first) barriers_ = passed_ = view.barriers;
    const Member* lost = view.fatal();
    if (lost && !error_) {
      error_ = std::make_unique<Error>(Code::net, concat("[kvstore] ", lost->title(), " was lost: ", lost->why));
    }
    changed_.notify_all();
  }
}

View MemberLink::wait_for_group() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return view_.complete || error_; });
  if (error_) throw *error_;
  return view_;
}

void MemberLink::barrier(const WaitOptions& options) {
  const double begun = clock_s();
  std::unique_lock<std::mutex> lock(mutex_);
  if (error_) throw *error_;
  const uint64_t mine = ++barriers_;
  said_ = false;
  wake_.call();
  auto cancelled = [&] { return options.cancel && options.cancel->cancelled(); };
  while (passed_ < mine && !error_) {
    changed_.wait_for(lock, std::chrono::milliseconds(50));
    MIXNET_CHECK(!cancelled(), user, "[kvstore barrier] cancelled");
    const double limit = options.timeout_s >= 0 ? options.timeout_s : settings_.client.operation_s;
    MIXNET_CHECK(passed_ >= mine || clock_s() - begun < limit, net, "[kvstore barrier] expected all workers within ",
                 limit, " s");
  }
  if (passed_ < mine) throw *error_;
}

}  // namespace dist
}  // namespace mixnet
