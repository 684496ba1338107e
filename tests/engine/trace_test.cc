// What the engine tells the profiler, and the two forms it is written in.
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "base/json.h"
#include "base/profile.h"
#include "engine/engines.h"
#include "engine/trace.h"

using namespace mixnet;
using namespace mixnet::testing;

namespace {

struct Session {
  Session() { profile::start(true); }
  ~Session() { profile::stop(); }
};

Json trace() {
  const std::string path = concat("mixnet_trace_test_", getpid(), ".json");
  write_trace(path);
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  std::remove(path.c_str());
  return Json::parse(text.str(), "trace");
}

// The events of one name.
std::vector<Json> named(const Json& all, const std::string& name) {
  std::vector<Json> found;
  for (const Json& event : all.at("traceEvents").items()) {
    if (event.at("name").as_string() == name) found.push_back(event);
  }
  return found;
}

}  // namespace

TEST_CASE("trace: tasks of every engine, with what they are called") {
  for (const NamedEngine& engine_kind : all_engines()) {
    CAPTURE(engine_kind.name);
    auto engine = engine_kind.make();
    OwnedVariables v(*engine, 1);
    push(*engine, {}, v.list, [] {});
    engine->wait_all();
    Session session;
    for (int i = 0; i < 5; ++i) push(*engine, {}, v.list, [] { sleep_ms(1); });
    engine->wait_to_read(v[0]);
    CHECK(engine->run_now({}, v.list, [] {}, [] { return std::string("inline (2, 3)"); }));
    push(*engine, {}, v.list, [] { throw Error(Code::io, "on purpose"); });
    thrown([&] { engine->wait_all(); });
    const Json all = trace();
    const auto tasks = named(all, "test task"), inlined = named(all, "inline");
    REQUIRE(tasks.size() == 6);
    int slept = 0, failed = 0;
    for (const Json& task : tasks) {
      CHECK(task.at("ph").as_string() == "X");
      CHECK(task.at("cat").as_string() == "engine");
      slept += task.at("dur").as_double() >= 1000;
      failed += task.find("args") && task.at("args").at("failed").as_bool();
    }
    CHECK(slept >= 5);
    CHECK(failed == 1);
    REQUIRE(inlined.size() == 1);
    CHECK(inlined[0].at("args").at("on").as_string() == "(2, 3)");
    CHECK(named(all, "wait_all").size() == 1);
  }
}

TEST_CASE("trace: a task that cannot describe itself is recorded and still counts as run") {
  struct Mute : Task {
    void run() override {}
    std::string describe() const override { throw std::runtime_error("no words"); }
  };
  auto engine = make_naive_engine();
  OwnedVariables v(*engine, 1);
  Session session;
  engine->push(std::make_unique<Mute>(), {}, v.list);
  engine->wait_all();
  CHECK(named(trace(), "a task that cannot describe itself").size() == 1);
}

TEST_CASE("trace: names are JSON whatever they hold") {
  Session session;
  const char* const names[] = {"quote \" and \\",       "line\nbreak\x01", "bad \xff\xc3", "cut \xe2\x82",
                               "long \xf0\x9f\x98\x80", "\xed\xa0\x80",    "\xc3\xa9"};
  for (const char* name : names) profile::add_instant(profile::Category::user, profile::now(), {name, "domain \x80"});
  const Json all = trace();
  CHECK(named(all, names[0]).size() == 1);
  CHECK(named(all, names[1]).size() == 1);
  CHECK(named(all, "bad ??").size() == 1);
  CHECK(named(all, "cut ??").size() == 1);
  CHECK(named(all, names[4]).size() == 1);
  CHECK(named(all, "???").size() == 1);
  CHECK(named(all, names[6])[0].at("cat").as_string() == "domain ?");
}

TEST_CASE("trace: sums add up") {
  Session session;
  const int64_t now = profile::now();
  for (int i = 1; i <= 4; ++i) profile::add_span(profile::Category::symbolic, now, now + i * 1000000, {"dot", "node"});
  profile::add_counter(profile::Category::memory, now, 2000, {"Memory: cpu/0", {}});
  profile::add_counter(profile::Category::memory, now, 6000, {"Memory: cpu/0", {}});
  profile::add_counter(profile::Category::user, now, -3, {"count", "mine"});
  const Json sums = Json::parse(aggregate_json(true), "sums");
  const Json& dot = sums.at("Time").at("operator").at("dot");
  CHECK(dot.at("Count").as_int() == 4);
  CHECK(dot.at("Total").as_double() == doctest::Approx(10));
  CHECK(dot.at("Min").as_double() == doctest::Approx(1));
  CHECK(dot.at("Max").as_double() == doctest::Approx(4));
  CHECK(dot.at("Avg").as_double() == doctest::Approx(2.5));
  CHECK(sums.at("Memory").at("Device Storage").at("Memory: cpu/0").at("Avg").as_double() == doctest::Approx(4));
  CHECK(sums.at("Counter").at("mine").at("count").at("Min").as_double() == -3);
  CHECK(sums.at("Dropped").as_int() == 0);
  CHECK(Json::parse(aggregate_json(false), "sums").at("Time").members().empty());
  CHECK(named(trace(), "dot").size() == 4);
}

TEST_CASE("trace: a file that cannot be written is an error") {
  CHECK(thrown([] { write_trace("/nonexistent/folder/trace.json"); }).code == Code::io);
}
