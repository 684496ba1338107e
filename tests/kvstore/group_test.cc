// Scheduler, servers and workers over a bad network: what everybody ends with is what a good network gives, or an error that names who was lost.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "group_simulation.h"

namespace mixnet {
namespace dist {
namespace {

constexpr int64_t count = 27;  // several parts of some floats

// One worker's training: init, then rounds of push and pull; the gradient of rank r in round i is r + 1 + i everywhere.
struct Training {
  GroupSimulation::Worker* worker = nullptr;
  int rounds = 0, done = 0;
  bool started = false, initialised = false, pulled = false;
  std::vector<float> weight = std::vector<float>(count, 0.f);
  std::vector<std::vector<float>> seen;
  std::shared_ptr<std::vector<float>> gradient = std::make_shared<std::vector<float>>(count, 0.f);
  std::string error;
  int code = 0;

  static Bytes bytes(const std::shared_ptr<std::vector<float>>& v) {
    return {reinterpret_cast<const uint8_t*>(v->data()), v->size() * sizeof(float), v};
  }
  bool over() const { return !worker->alive || !error.empty() || (initialised && done == rounds); }
  void note(const Error* e) {
    if (e && error.empty()) error = e->what(), code = static_cast<int>(e->code());
  }
  void advance() {
    if (!worker->alive || !error.empty() || !worker->ready()) return;
    try {
      Client& client = *worker->client;
      if (!started) {
        started = true;
        const auto first = std::make_shared<std::vector<float>>(count, 100.f);
        client.init("w", {count, 1, DType::f32}, bytes(first), [this](const Error* e) { note(e), initialised = true; });
      } else if (initialised && !pulled && done < rounds) {
        pulled = true;
        gradient = std::make_shared<std::vector<float>>(count, static_cast<float>(worker->rank() + 1 + done));
        client.push("w", bytes(gradient), {}, 0, [this](const Error* e) { note(e); });
        client.pull("w", weight.data(), nullptr, 0, [this](const Error* e) {
          note(e);
          if (!e) ++done, seen.push_back(weight);
          pulled = false;
        });
      }
    } catch (const Error& e) {
      note(&e);
    }
  }
};

struct Run {
  Run(GroupSimulation& group, int rounds) : group(group), trainings(group.workers.size()) {
    for (size_t i = 0; i < trainings.size(); ++i)
      trainings[i].worker = group.workers[i].get(), trainings[i].rounds = rounds;
  }
  bool until_over(double limit_s = 300) {
    return until([] { return false; }, limit_s);
  }
  // Until `enough`, or all are over.
  bool until(const std::function<bool()>& enough, double limit_s = 300) {
    return group.run(
        [&] {
          bool over = true;
          for (Training& t : trainings) {
            t.advance();
            over = over && t.over();
          }
          return over || enough();
        },
        limit_s);
  }
  GroupSimulation& group;
  std::deque<Training> trainings;
};

// The sum that round i (from 0) gives with ranks 0 to n-1.
float sum_of(int n, int i) {
  float sum = 0;
  for (int r = 0; r < n; ++r) sum += static_cast<float>(r + 1 + i);
  return sum;
}

void give_optimizer(GroupSimulation& group) {
  bool done = false;
  group.run([&] { return group.workers[0]->ready(); });
  group.workers[0]->client->order(
      R"({"order":"optimizer","name":"sgd","options":{"learning_rate":"0.5","wd":"0"},"multipliers":{}})", nullptr,
      [&](const Error* e) {
        CHECK(e == nullptr);
        done = true;
      });
  CHECK(group.run([&] { return done; }));
}

int programs() {
  const char* given = std::getenv("MIXNET_TEST_PROGRAMS");
  return given ? std::max(1, std::atoi(given) / 100) : 30;
}

}  // namespace

TEST_CASE("group: sync gives every worker the same sums, whatever the network does") {
  for (int seed = 0; seed < programs(); ++seed) {
    std::mt19937 random(seed);
    GroupSize size;
    size.workers = 1 + static_cast<int>(random() % 4);
    size.servers = 1 + static_cast<int>(random() % 3);
    const Weather weather{seed % 3 * 0.1, seed % 2 * 0.2, seed % 5 == 0 ? 0.001 : 0.2};
    GroupSimulation group(seed, size, weather);
    Run run(group, 6);
    CAPTURE(seed);
    REQUIRE(run.until_over());
    for (Training& t : run.trainings) {
      REQUIRE(t.error == "");
      for (int i = 0; i < 6; ++i) CHECK(t.seen[i] == std::vector<float>(count, sum_of(size.workers, i)));
    }
  }
}

// As threads with a key each do it: each worker waits for a sum that the other has not given to, with as many values as its window takes, and for one
// that is there.
TEST_CASE("group: what servers keep until others have pushed takes no room in the window") {
  GroupSize size;
  size.workers = 2, size.servers = 1;
  GroupSimulation group(1, size, {});
  const std::vector<std::string> keys{"a", "b", "c", "d", "e", "f"};
  const auto ones = std::make_shared<std::vector<float>>(10, 1.f);  // one part; two of them fill the window
  int ready = 0, ended = 0;
  REQUIRE(group.run([&] { return group.workers[0]->ready() && group.workers[1]->ready(); }));
  for (auto& worker : group.workers)
    for (const std::string& key : keys)
      worker->client->init(key, {10, 1, DType::f32}, Training::bytes(ones),
                           [&](const Error* e) { ready += e == nullptr; });
  REQUIRE(group.run([&] { return ready == 12; }));
  std::vector<float> values[2][6];
  const auto push = [&](int worker, size_t key) {
    group.workers[worker]->client->push(keys[key], Training::bytes(ones), {}, 0,
                                        [&](const Error* e) { ended += e == nullptr; });
  };
  const auto pull = [&](int worker, size_t key) {
    values[worker][key].resize(10);
    group.workers[worker]->client->pull(keys[key], values[worker][key].data(), nullptr, 0,
                                        [&](const Error* e) { ended += e == nullptr; });
  };
  for (const auto& [worker, key] : {std::pair<int, size_t>{0, 0}, {0, 1}, {1, 2}, {1, 3}})
    push(worker, key), pull(worker, key);
  for (int worker : {0, 1})
    for (size_t key : {size_t{4}, size_t{5}}) push(worker, key), pull(worker, key);
  REQUIRE(group.run([&] { return ended == 12; }));  // 8 pushes, and the pulls of e and f
  for (const auto& [worker, key] : {std::pair<int, size_t>{1, 0}, {1, 1}, {0, 2}, {0, 3}}) push(worker, key);
  REQUIRE(group.run([&] { return ended == 20; }));
  for (const auto& [worker, key] : {std::pair<int, size_t>{0, 0}, {0, 1}, {1, 2}, {1, 3}, {0, 4}, {1, 5}})
    CHECK(values[worker][key] == std::vector<float>(10, 2.f));
  for (auto& worker : group.workers) CHECK(!worker->client->busy());
}

TEST_CASE("group: an optimizer on the servers steps once per round") {
  for (int seed = 0; seed < programs(); ++seed) {
    GroupSize size;
    size.workers = 2, size.servers = 2;
    GroupSimulation group(seed, size, {0.15, 0.15, 0.1});
    CAPTURE(seed);
    give_optimizer(group);
    Run run(group, 4);
    REQUIRE(run.until_over());
    float weight = 100;
    for (int i = 0; i < 4; ++i) {
      weight -= 0.5f * sum_of(2, i);
      for (Training& t : run.trainings) CHECK(t.seen[i] == std::vector<float>(count, weight));
    }
  }
}

TEST_CASE("group: async counts every push once") {
  for (int seed = 0; seed < programs(); ++seed) {
    GroupSize size;
    size.workers = 3, size.servers = 2;
    GroupSimulation group(seed, size, {0.2, 0.2, 0.1}, "async");
    CAPTURE(seed);
    give_optimizer(group);
    Run run(group, 5);
    REQUIRE(run.until_over());
    float weight = 100;
    for (int i = 0; i < 5; ++i) weight -= 0.5f * sum_of(3, i);
    std::vector<float> last(count);
    bool pulled = false;
    group.workers[1]->client->pull("w", last.data(), nullptr, 0, [&](const Error* e) {
      CHECK(e == nullptr);
      pulled = true;
    });
    REQUIRE(group.run([&] { return pulled; }));
    CHECK(last == std::vector<float>(count, weight));
  }
}

TEST_CASE("group: bounded staleness lets nobody run ahead further") {
  GroupSize size;
  size.workers = 2, size.servers = 1;
  GroupSimulation group(1, size, {0, 0, 0.01}, "bounded:2");
  give_optimizer(group);
  Run run(group, 10);
  Training& slow = run.trainings[1];
  slow.rounds = 0;
  CHECK(!run.until_over(5));
  CHECK(run.trainings[0].done == 2);
  slow.rounds = 10;
  CHECK(run.until_over());
  CHECK(run.trainings[0].done == 10);
}

TEST_CASE("group: a lost member ends the group with its name, in time") {
  for (const bool server : {false, true}) {
    GroupSize size;
    size.workers = 3, size.servers = 2;
    GroupSimulation group(3, size, {0.05, 0.05, 0.05});
    Run run(group, 1000000);
    REQUIRE(run.until([&] { return run.trainings[0].done >= 3; }));
    (server ? group.servers[1]->alive : group.workers[2]->alive) = false;
    const uint64_t id = server ? group.servers[1]->id : group.workers[2]->id;
    const std::string title = group.workers[0]->view.find(id)->title();
    const double lost = group.now;
    REQUIRE(run.until_over(60));
    CHECK(group.now - lost < 10);
    for (Training& t : run.trainings) {
      if (!t.worker->alive) continue;
      CHECK(t.code == static_cast<int>(Code::net));
      CHECK(t.error.find(title + " was lost: no sign of life for 5 s") != std::string::npos);
    }
  }
}

TEST_CASE("group: who leaves before the others is missed, unless the group is elastic") {
  for (const bool elastic : {false, true}) {
    GroupSize size;
    size.workers = 3, size.servers = 2, size.elastic = elastic;
    GroupSimulation group(5, size, {0.05, 0.05, 0.05});
    CAPTURE(elastic);
    Run run(group, 12);
    run.trainings[2].rounds = 5;
    REQUIRE(run.until([&] { return run.trainings[2].done == 5; }));
    const std::string title = group.workers[2]->view.find(group.workers[2]->id)->title();
    group.leave(*group.workers[2]);
    REQUIRE(run.until_over(60));
    for (int i : {0, 1}) {
      const Training& t = run.trainings[static_cast<size_t>(i)];
      CHECK(t.done == (elastic ? 12 : 5));
      CHECK(t.code == (elastic ? 0 : static_cast<int>(Code::net)));
      CHECK((elastic || t.error.find(title + " left the group before round 6 of key w") != std::string::npos));
    }
  }
}

TEST_CASE("group: an elastic one goes on, and a worker that comes again has the weights") {
  for (int seed = 0; seed < 5; ++seed) {
    GroupSize size;
    size.workers = 3, size.servers = 2, size.elastic = true;
    GroupSimulation group(seed, size, {0.1, 0.1, 0.05});
    CAPTURE(seed);
    Run run(group, 60);
    REQUIRE(run.until([&] { return run.trainings[0].done >= 3; }));
    const int rank = run.trainings[2].worker->rank();
    group.workers[2]->alive = false;
    REQUIRE(run.until([&] { return run.trainings[0].done >= 8; }));
    group.add_worker();
    run.trainings.emplace_back();
    Training& again = run.trainings.back();
    again.worker = group.workers.back().get();
    again.rounds = 5;
    REQUIRE(run.until([&] { return again.done == 5; }));
    group.leave(*again.worker);
    REQUIRE(run.until_over());
    CHECK(again.worker->rank() == rank);
    CHECK(run.trainings[0].done == 60);
    // Its parts may have joined in different rounds.
    const auto& all = run.trainings[0].seen;
    for (size_t e = 0; e < again.weight.size(); ++e) {
      CHECK(std::any_of(all.begin(), all.end(), [&](const std::vector<float>& w) { return w[e] == again.weight[e]; }));
    }
    for (size_t i : {size_t{0}, size_t{1}, size_t{3}}) CHECK(run.trainings[i].error == "");
  }
}

TEST_CASE("group: a server that comes again from its checkpoint goes on") {
  const std::string path = concat("/tmp/mixnet_group_test_", getpid(), ".params");
  for (int seed = 0; seed < 5; ++seed) {
    GroupSize size;
    size.workers = 2, size.servers = 2, size.elastic = true;
    GroupSimulation group(seed, size, {0.1, 0.1, 0.05});
    CAPTURE(seed);
    give_optimizer(group);
    Run run(group, 40);
    REQUIRE(run.until([&] { return run.trainings[0].done >= 4; }));
    group.servers[0]->shard.save(path);
    REQUIRE(run.until([&] { return run.trainings[0].done >= 8; }));
    group.servers[0]->alive = false;
    group.run([] { return false; }, 7);
    group.add_server(path);
    REQUIRE(run.until_over());
    for (Training& t : run.trainings) CHECK(t.error == "");
    CHECK(run.trainings[0].weight == run.trainings[1].weight);
  }
  unlink(path.c_str());
}

TEST_CASE("group: with copies of its keys a lost server costs nothing") {
  for (int seed = 0; seed < programs(); ++seed) {
    std::mt19937 random(seed);
    GroupSize size;
    size.workers = 1 + static_cast<int>(random() % 3);
    size.servers = 2 + static_cast<int>(random() % 3);
    size.copies = 2;
    size.elastic = seed % 3 == 0;
    GroupSimulation group(seed, size, {seed % 2 * 0.1, seed % 3 * 0.1, seed % 5 == 0 ? 0.001 : 0.1});
    CAPTURE(seed);
    Run run(group, 12);
    const auto at = static_cast<int>(random() % 8);
    REQUIRE(run.until([&] { return group.members().view().complete && run.trainings[0].done >= at; }));
    group.servers[random() % group.servers.size()]->alive = false;
    REQUIRE(run.until_over());
    for (Training& t : run.trainings) {
      REQUIRE(t.error == "");
      for (int i = 0; i < 12; ++i)
        CHECK(t.seen[static_cast<size_t>(i)] == std::vector<float>(count, sum_of(size.workers, i)));
    }
  }
}

TEST_CASE("group: copies of optimizer and weights are equal, and the last one lost is named") {
  for (const char* consistency : {"sync", "async", "bounded:1"}) {
    GroupSize size;
    size.workers = 2, size.servers = 3, size.copies = 2;
    GroupSimulation group(7, size, {0.05, 0.05, 0.02}, consistency);
    CAPTURE(consistency);
    give_optimizer(group);
    Run run(group, 30);
    REQUIRE(run.until([&] { return run.trainings[0].done >= 5; }));
    group.servers[1]->alive = false;
    REQUIRE(run.until([&] { return run.trainings[0].done >= 20; }));
    for (Training& t : run.trainings) CHECK(t.error == "");
    std::vector<std::string> texts;
    bool told = false;
    group.workers[0]->client->order(R"({"order":"statistics"})", &texts, [&](const Error* e) {
      CHECK(e == nullptr);
      told = true;
    });
    REQUIRE(group.run([&] { return told; }));
    CHECK(std::count(texts.begin(), texts.end(), "") == 1);
    group.servers[2]->alive = false;
    REQUIRE(run.until_over());
    for (Training& t : run.trainings) {
      CHECK(t.code == static_cast<int>(Code::net));
      CHECK(t.error.find("server ") != std::string::npos);
      CHECK(t.error.find("was lost") != std::string::npos);
    }
  }
}

TEST_CASE("group: a worker that comes late finds both copies in step") {
  for (int seed = 0; seed < 10; ++seed) {
    GroupSize size;
    size.workers = 2, size.servers = 2, size.copies = 2, size.elastic = true;
    GroupSimulation group(seed, size, {0.1, 0.1, 0.05});
    CAPTURE(seed);
    Run run(group, 60);
    REQUIRE(run.until([&] { return run.trainings[0].done >= 4; }));
    group.workers[1]->alive = false;
    REQUIRE(run.until([&] { return run.trainings[0].done >= 8; }));
    group.add_worker();
    run.trainings.emplace_back();
    Training& again = run.trainings.back();
    again.worker = group.workers.back().get();
    again.rounds = 6;
    REQUIRE(run.until([&] { return again.done >= 2; }));
    group.servers[static_cast<size_t>(seed % 2)]->alive = false;
    REQUIRE(run.until([&] { return again.done == 6; }));
    group.leave(*again.worker);
    REQUIRE(run.until_over());
    CHECK(run.trainings[0].done == 60);
    for (size_t i : {size_t{0}, size_t{2}}) CHECK(run.trainings[i].error == "");
    for (const auto& server : group.servers)
      if (!server->alive) CHECK(group.members().view().find(server->id)->state == State::lost);
    group.add_server();
    CHECK(!group.run([&] { return group.servers.back()->view.find(group.servers.back()->id) != nullptr; }, 3));
  }
}

TEST_CASE("group: workers that disagree, and strangers, are refused") {
  GroupSize size;
  size.workers = 2, size.servers = 1, size.rendezvous_s = 5;
  GroupSimulation group(1, size, {});
  group.workers[1]->consistency = "async";
  CHECK(group.run([&] { return !group.workers[1]->refused.empty() || !group.workers[0]->refused.empty(); }, 3));
  const bool second = group.workers[0]->refused.empty();
  GroupSimulation::Worker& refused = *group.workers[second];
  CHECK(refused.refused == concat("[kvstore] consistency: expected ", second ? "sync" : "async",
                                  " as the other workers have, got ", second ? "async" : "sync"));
  refused.consistency = second ? "sync" : "async";
  refused.refused.clear();
  CHECK(group.run([&] { return group.workers[0]->ready() && group.workers[1]->ready(); }, 3));
  GroupSimulation::Worker& third = group.add_worker();
  third.consistency = refused.consistency;
  CHECK(group.run([&] { return !third.refused.empty(); }, 3));
  CHECK(third.refused.find("has its 2 workers and 1 servers already") != std::string::npos);
}

TEST_CASE("group: a worker that came late passes barriers, and nobody waits for it there") {
  GroupSize size;
  size.workers = 2, size.elastic = true;
  Members members(size, 0);
  Outbox out;
  auto say = [&](double now, uint64_t id, Verb verb, uint64_t number = 0, const char* role = "worker") {
    Message message;
    message.verb = verb;
    message.sender = id;
    message.number = number;
    if (verb == Verb::hello) {
      message.text = concat(R"({"role":")", role, R"(","rank":-1,"address":"","place":"here","consistency":"sync"})");
    }
    out.clear();
    members.receive(now, message, out);
  };
  auto released = [&](uint64_t id) {
    return std::any_of(out.begin(), out.end(),
                       [&](const auto& o) { return o.first == id && o.second.verb == Verb::released; });
  };
  say(0, 1, Verb::hello), say(0, 2, Verb::hello), say(0, 3, Verb::hello, 0, "server");
  REQUIRE(members.view().complete);
  say(1, 1, Verb::barrier, 1);
  CHECK(!released(1));
  say(1, 2, Verb::barrier, 1);
  CHECK(released(1));
  CHECK(released(2));
  for (const uint64_t id : {1, 3}) say(5, id, Verb::heartbeat);
  members.tick(7, out);
  REQUIRE(members.view().find(2)->state == State::lost);
  say(7, 4, Verb::hello);
  REQUIRE(members.view().find(2) == nullptr);
  say(7, 1, Verb::barrier, 2);
  CHECK(released(1));
  say(8, 4, Verb::barrier, members.view().barriers + 1);
  CHECK(released(4));
  say(8, 1, Verb::barrier, 3);
  CHECK(released(1));
}

TEST_CASE("group: one that does not come together says who is missing") {
  GroupSize size;
  size.workers = 2, size.servers = 1, size.rendezvous_s = 4;
  GroupSimulation group(1, size, {});
  group.workers[1]->alive = false;
  CHECK(group.run([&] { return !group.workers[0]->refused.empty(); }, 10));
  CHECK(group.workers[0]->refused == "[kvstore] group: expected 2 workers and 1 servers, got 1 and 1 within 4 s");
  CHECK(group.members().over());
}

TEST_CASE("group: a pull takes up room only when its push was sent") {
  ClientSettings settings = GroupSimulation::small_parts();
  settings.window = 400;  // ten parts; pushes begin with two
  GroupSimulation group(1, {1, 1}, {});
  group.workers.clear();
  GroupSimulation::Worker& worker = group.add_worker(settings);
  Client& client = *worker.client;
  CHECK(group.run([&] { return worker.ready(); }));
  const auto value = std::make_shared<std::vector<float>>(100, 1.f);
  std::vector<float> weight(100, 0.f);
  int ended = 0;
  client.init("late", {100, 1, DType::f32}, Training::bytes(value), [&](const Error*) { ++ended; });
  CHECK(group.run([&] { return ended == 1; }));
  client.push("late", Training::bytes(value), {}, -1, [&](const Error*) { ++ended; });
  client.pull("late", weight.data(), nullptr, -1, [&](const Error*) { ++ended; });
  std::set<uint32_t> pushed, pulled;
  Message message;
  while (client.take(0, group.now, &message)) {
    for (const Record& record : message.records) (record.ask == Ask::push ? pushed : pulled).insert(record.part);
  }
  CHECK(pushed == std::set<uint32_t>{0, 1});
  CHECK(pulled == pushed);
  // What was taken out here is lost, as on a bad network; everything arrives all the same.
  CHECK(group.run([&] { return ended == 3; }));
  CHECK(weight[99] == 1.f);
}

TEST_CASE("group: wrong requests get errors and change nothing") {
  GroupSize size;
  GroupSimulation group(1, size, {});
  Run run(group, 1);
  REQUIRE(run.until_over());
  Client& client = *group.workers[0]->client;
  CHECK_THROWS_WITH_AS(client.push("v", {}, {}, 0, {}), "[kvstore push] key v was not initialised", Error);
  std::string error;
  // The server has the key with another size.
  const auto other = std::make_shared<std::vector<float>>(2, 0.f);
  client.init("w", {2, 1, DType::f32}, Training::bytes(other), [&](const Error* e) { error = e ? e->what() : "none"; });
  REQUIRE(group.run([&] { return !error.empty(); }));
  CHECK(error.find("[kvstore init] key w: [kvstore] key w: expected ") == 0);
  std::vector<std::string> results;
  bool done = false;
  client.order(R"({"order":"dance"})", &results, [&](const Error*) { done = true; });
  REQUIRE(group.run([&] { return done; }));
  CHECK(results[0].find("expected optimizer, save or statistics, got 'dance'") != std::string::npos);
}

}  // namespace dist
}  // namespace mixnet
