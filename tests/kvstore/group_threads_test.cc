// Clients and servers on threads: operations from several at once, a thread for each worker's network and for each server. What the state machines
// promise about threads, for ThreadSanitizer; what the network does to messages is group_test's.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <thread>

#include "kvstore/dist/client.h"
#include "kvstore/dist/shard.h"

namespace mixnet {
namespace dist {
namespace {

using Floats = std::vector<float>;
constexpr int workers = 2, servers = 2, rounds = 12;
constexpr int64_t rows = 10, width = 4;

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Messages to one thread, and its alarm.
class Box {
 public:
  void put(const Message& message) {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const Bytes& frame : encode(message)) frames_.push_back(Bytes::copy_of(frame.data, frame.size));
    ends_.push_back(frames_.size());
    changed_.notify_all();
  }
  void wake(bool stop = false) {
    std::lock_guard<std::mutex> lock(mutex_);
    awake_ = true, stop_ = stop_ || stop;
    changed_.notify_all();
  }
  // What came since the last call, after a moment when there is nothing; false when it is over.
  bool take(std::vector<Message>* messages) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(20), [this] { return awake_ || !ends_.empty(); });
    awake_ = false;
    messages->clear();
    size_t begin = 0;
    for (const size_t end : ends_) {
      messages->push_back(decode(Span<const Bytes>(frames_.data() + begin, end - begin)));
      begin = end;
    }
    frames_.clear(), ends_.clear();
    return !stop_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Bytes> frames_;
  std::vector<size_t> ends_;
  bool awake_ = false, stop_ = false;
};

uint64_t worker_id(int rank) { return static_cast<uint64_t>(10 + rank); }
uint64_t server_id(int rank) { return static_cast<uint64_t>(20 + rank); }

View group_view() {
  View view;
  view.epoch = 1;
  view.complete = true;
  view.workers = workers, view.servers = servers;
  view.consistency = "sync";
  for (int i = 0; i < workers + servers; ++i) {
    Member member;
    const bool server = i >= workers;
    member.role = server ? Role::server : Role::worker;
    member.rank = server ? i - workers : i;
    member.id = server ? server_id(member.rank) : worker_id(member.rank);
    view.members.push_back(member);
  }
  return view;
}

class Group {
 public:
  Group() {
    for (int rank = 0; rank < workers; ++rank) {
      ClientSettings settings;
      settings.part_bytes = 40, settings.window = 100;
      settings.ask_s = 0.05, settings.timeout_s = settings.operation_s = 3600;
      Box& box = worker_boxes_[rank];
      clients.push_back(std::make_unique<Client>(worker_id(rank), settings, [&box] { box.wake(); }));
      clients.back()->set_view(group_view(), seconds());
    }
    for (int rank = 0; rank < workers; ++rank) threads_.emplace_back([this, rank] { carry(rank); });
    for (int rank = 0; rank < servers; ++rank) threads_.emplace_back([this, rank] { serve(rank); });
  }
  ~Group() {
    for (Box* boxes : {worker_boxes_, server_boxes_})
      for (int i = 0; i < 2; ++i) boxes[i].wake(true);
    for (std::thread& thread : threads_) thread.join();
  }
  std::vector<std::unique_ptr<Client>> clients;

 private:
  void carry(int rank) {
    Client& client = *clients[static_cast<size_t>(rank)];
    std::vector<Message> messages;
    while (worker_boxes_[rank].take(&messages)) {
      for (const Message& message : messages)
        client.receive(static_cast<int>(message.sender - server_id(0)), message, seconds());
      client.tick(seconds());
      Message message;
      for (int server = 0; server < servers; ++server)
        while (client.take(server, seconds(), &message)) server_boxes_[server].put(message);
    }
  }
  void serve(int rank) {
    Shard shard(rank);
    Outbox out;
    shard.set_view(group_view(), out);
    std::vector<Message> messages;
    while (server_boxes_[rank].take(&messages)) {
      for (const Message& message : messages) shard.receive(message, out);
      for (auto& [to, message] : out) {
        message.sender = server_id(rank);
        worker_boxes_[to - worker_id(0)].put(message);
      }
      out.clear();
    }
  }

  static_assert(workers == 2 && servers == 2, "");
  Box worker_boxes_[workers], server_boxes_[servers];
  std::vector<std::thread> threads_;
};

// An operation's end, for a thread that waits.
class End {
 public:
  Client::Done done() {
    return [said = said_](const Error* error) { said->set_value(error ? error->what() : ""); };
  }
  std::string wait() { return said_->get_future().get(); }

 private:
  std::shared_ptr<std::promise<std::string>> said_ = std::make_shared<std::promise<std::string>>();
};

Bytes bytes(const std::shared_ptr<Floats>& v) {
  return {reinterpret_cast<const uint8_t*>(v->data()), v->size() * sizeof(float), v};
}

// One thread's key of one worker: whole gradients and rows in turns. Returns what went wrong.
std::string train(Client& client, int rank, const std::string& key) {
  const auto value = std::make_shared<Floats>(rows * width, 0.f), weight = std::make_shared<Floats>(rows * width);
  End begun;
  client.init(key, {rows * width, width, DType::f32}, bytes(value), begun.done());
  std::string error = begun.wait();
  const std::vector<int64_t> some{1, 6, 9};
  for (int round = 0; round < rounds && error.empty(); ++round) {
    const auto gradient = std::make_shared<Floats>(rows * width, static_cast<float>(round + rank + 1));
    End pushed, pulled;
    if (round % 2) client.push(key, bytes(gradient), {}, rank, pushed.done());
    else client.push_rows(key, {some, bytes(gradient).data, width * sizeof(float)}, rank, pushed.done());
    client.pull(key, weight->data(), weight, rank, pulled.done());
    error = pushed.wait() + pulled.wait();
    Floats expected(rows * width, round % 2 ? 2.f * static_cast<float>(round) + 3 : 0.f);
    for (const int64_t row : some)
      std::fill_n(expected.begin() + row * width, width, 2.f * static_cast<float>(round) + 3);
    if (error.empty() && *weight != expected) error = concat("round ", round, " of ", key, ": a wrong sum");
  }
  return error;
}

}  // namespace

TEST_CASE("group threads: operations from several threads at once") {
  Group group;
  std::vector<std::future<std::string>> trainings;
  for (int rank = 0; rank < workers; ++rank)
    for (const char* key : {"a", "b", "c"})
      trainings.push_back(
          std::async(std::launch::async, train, std::ref(*group.clients[static_cast<size_t>(rank)]), rank, key));
  std::atomic<bool> over{false};
  std::thread watcher([&] {
    while (!over) {
      for (auto& client : group.clients) {
        static_cast<void>(client->busy());
        static_cast<void>(Json::parse(client->statistics(), "statistics"));
      }
      std::this_thread::yield();
    }
  });
  for (auto& training : trainings) CHECK(training.get() == "");
  over = true;
  watcher.join();
  for (auto& client : group.clients) {
    const Json counts = Json::parse(client->statistics(), "statistics");
    for (const char* key : {"a", "b", "c"}) CHECK(counts.at("keys").at(key).at("pushes").as_int() == rounds);
  }
}

TEST_CASE("group threads: an end from elsewhere ends what waits, once, and everything after") {
  Group group;
  Client& client = *group.clients[0];
  const auto value = std::make_shared<Floats>(rows * width, 1.f);
  End begun;
  client.init("w", {rows * width, width, DType::f32}, bytes(value), begun.done());
  REQUIRE(begun.wait() == "");
  // The other worker never pushes.
  std::vector<End> pulls(8);
  client.push("w", bytes(value), {}, 0, [](const Error*) {});
  for (End& pull : pulls) client.pull("w", value->data(), value, 0, pull.done());
  std::thread ends([&] { client.end(Error(Code::net, "over")); });
  std::vector<std::thread> others;
  for (int i = 0; i < 2; ++i)
    others.emplace_back([&] {
      try {
        for (;;) client.pull("w", value->data(), value, 0, [](const Error*) {});
      } catch (const Error& error) {
        CHECK(std::string(error.what()) == "over");
      }
    });
  for (End& pull : pulls) CHECK(pull.wait() == "[kvstore pull] key w: over");
  ends.join();
  for (std::thread& other : others) other.join();
  CHECK(!client.busy());
}

}  // namespace dist
}  // namespace mixnet
