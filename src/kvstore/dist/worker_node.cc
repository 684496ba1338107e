#include "kvstore/dist/worker_node.h"

#include "base/profile.h"
#include "base/worker_thread.h"

namespace mixnet {
namespace dist {

WorkerNode::WorkerNode(const GroupSettings& settings, const std::string& consistency)
    : settings_(settings),
      id_(random_id()),
      context_(std::make_shared<ZmqContext>(settings.key)),
      client_(id_, settings.client, [this] { wake_.call(); }) {
  MemberLink::Events events;
  events.view = [this](const View& view) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      view_ = view;
    }
    client_.set_view(view, clock_s());
  };
  events.lost = [this](const Error& error) { client_.end(error); };
  events.end = [this] { client_.end(Error(Code::net, "[kvstore] the group is over: all workers have left it")); };
  members_ = std::make_unique<MemberLink>(settings, context_, id_, "", consistency, std::move(events));
  const View view = members_->wait_for_group();
  rank_ = view.find(id_)->rank;
  late_ = view.find(id_)->late;
  workers_ = view.workers;
  thread_ = start_worker_thread([this] { work(); });
}

WorkerNode::~WorkerNode() { close(0); }

void WorkerNode::check_own() const {
  MIXNET_CHECK(fork_generation() == generation_, unsupported,
               "[kvstore] a store between machines: expected the process that made it, got a forked child");
}

void WorkerNode::close(double patience_s) {
  if (fork_generation() != generation_) {
    // Whatever could be joined or closed belongs to the parent.
    if (thread_.joinable()) thread_.detach();
    static_cast<void>(members_.release());
    static_cast<void>(new std::shared_ptr<ZmqContext>(context_));
    return;
  }
  const double end = clock_s() + patience_s;
  while (client_.busy() && clock_s() < end) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.call();
  if (thread_.joinable()) thread_.join();
  client_.end(Error(Code::net, "[kvstore] the store was freed"));
  members_.reset();
}

void WorkerNode::connect(const View& view, std::map<int, Line>& lines) {
  for (const Member& m : view.members) {
    if (m.role != Role::server || m.state != State::alive) continue;
    Line& line = lines[m.rank];
    if (line.process == m.id) continue;
    line.process = m.id;
    line.socket = std::make_unique<ZmqSocket>(context_, ZmqSocket::Kind::dealer, id_, settings_.max_message);
    line.socket->connect(m.address);
  }
}

void WorkerNode::serve(int server, Line& line) {
  std::vector<Bytes> frames;
  while (line.socket->receive(&frames)) {
    try {
      Message message = decode(frames);
      message.sender = line.process;
      client_.receive(server, message, clock_s());
    } catch (const Error&) {
      // As if it had been lost: the client asks again.
    }
  }
  Message message;
  while (client_.take(server, clock_s(), &message)) line.socket->send(encode(message));
}

void WorkerNode::work() {
  profile::name_thread("kvstore network");
  std::map<int, Line> lines;
  uint64_t epoch = 0;
  double next_tick = 0;
  for (;;) {
    View view;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (stopping_) return;
      if (view_.complete && view_.epoch != epoch) view = view_;
    }
    try {
      if (view.complete) {
        epoch = view.epoch;
        connect(view, lines);
      }
      std::vector<const ZmqSocket*> sockets;
      for (auto& [server, line] : lines) {
        serve(server, line);
        sockets.push_back(line.socket.get());
      }
      zmq_wait(sockets, wake_.descriptor(), 0.1);
      wake_.clear();
      const double now = clock_s();
      if (now >= next_tick) {
        client_.tick(now);
        next_tick = now + 0.1;
      }
    } catch (const Error& e) {
      return client_.end(e);
    } catch (const std::exception& e) {
      return client_.end(Error(Code::net, concat("[kvstore] network: ", e.what())));
    }
  }
}

}  // namespace dist
}  // namespace mixnet
