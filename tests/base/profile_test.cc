// The recorder: nothing while off, all that fits while on, from any thread, also around threads' ends and forks.
#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/profile.h"

using namespace mixnet;
using profile::Category;
using profile::Kind;
using profile::Record;

namespace {

struct Seen {
  std::vector<Record> records;
  int64_t dropped = 0;
  size_t threads = 0;
};

Seen look() {
  Seen seen;
  profile::read([&](const profile::Recorded& r) {
    seen.records = r.records;
    seen.dropped = r.dropped;
    seen.threads = r.threads.size();
  });
  return seen;
}

// Recording from here to the end of the test, whatever it checks.
struct Session {
  explicit Session(uint32_t categories = profile::all_categories, int64_t limit = profile::default_limit) {
    profile::set_options(categories, limit);
    profile::start(true);
  }
  ~Session() {
    profile::stop();
    profile::set_options(profile::all_categories, profile::default_limit);
  }
};

void record(int count, const char* name = "event") {
  for (int i = 0; i < count; ++i) profile::Span span(Category::user, name, "test");
}

}  // namespace

TEST_CASE("profile: nothing is recorded while off") {
  {
    Session session;
    record(3);
  }
  record(5);
  CHECK(profile::begin(Category::engine) == 0);
  CHECK(look().records.size() == 3);
  profile::start(false);
  record(1);
  profile::stop();
  CHECK(look().records.size() == 4);
  profile::start(true);
  profile::stop();
  CHECK(look().records.empty());
}

TEST_CASE("profile: only the categories asked for") {
  Session session(1u << static_cast<int>(Category::memory));
  CHECK(profile::on(Category::memory));
  CHECK(!profile::on(Category::engine));
  record(2);
  profile::add_counter(Category::memory, profile::now(), 5, {"bytes", {}});
  const Seen seen = look();
  REQUIRE(seen.records.size() == 1);
  CHECK(seen.records[0].value == 5);
  CHECK(seen.records[0].kind == Kind::counter);
}

TEST_CASE("profile: spans of a thread nest") {
  Session session;
  {
    profile::Span outer(Category::engine, "outer");
    profile::Span first(Category::symbolic, "first", "node");
    {
      profile::Span inner(Category::api, "inner");
    }
  }
  const Seen seen = look();
  REQUIRE(seen.records.size() == 3);
  const Record &inner = seen.records[0], &first = seen.records[1], &outer = seen.records[2];
  CHECK(std::string(inner.name()) == "inner");
  CHECK(std::string(first.detail()) == "node");
  CHECK(outer.begin <= first.begin);
  CHECK(first.begin <= inner.begin);
  CHECK(inner.begin <= inner.end);
  CHECK(inner.end <= first.end);
  CHECK(first.end <= outer.end);
}

TEST_CASE("profile: a span begun before a start that forgets is not recorded") {
  Session session;
  {
    profile::Span early(Category::user, "early");
    profile::start(true);
  }
  CHECK(look().records.empty());
}

TEST_CASE("profile: long texts are cut between characters") {
  Session session;
  const std::string name(300, 'n'), detail = "d" + std::string(60, '\xc3') + std::string(60, '\xa9');
  std::string accents;
  for (int i = 0; i < 100; ++i) accents += "\xc3\xa9";
  profile::add_instant(Category::user, profile::now(), {name, accents});
  profile::add_instant(Category::user, profile::now(), {"short", accents});
  profile::add_instant(Category::user, profile::now(), {name, {}});
  const Seen seen = look();
  REQUIRE(seen.records.size() == 3);
  for (const Record& r : seen.records) {
    CHECK(r.detail() + std::strlen(r.detail()) < r.text + Record::text_size);
    CHECK(std::strlen(r.detail()) % 2 == 0);
  }
  CHECK(std::strlen(seen.records[0].detail()) >= 20);
  CHECK(std::string(seen.records[1].name()) == "short");
  CHECK(std::strlen(seen.records[1].detail()) >= 80);
  CHECK(std::strlen(seen.records[2].name()) == Record::text_size - 2);
}

TEST_CASE("profile: records are bounded, and what finds no room is counted") {
  Session session(profile::all_categories, 2048);
  record(10000);
  const Seen seen = look();
  CHECK(seen.records.size() >= 1024);
  CHECK(seen.records.size() <= 2048);
  CHECK(static_cast<int64_t>(seen.records.size()) + seen.dropped == 10000);
  // Reading makes no room; forgetting does.
  record(100);
  CHECK(look().records.size() == seen.records.size());
  profile::start(true);
  record(100);
  CHECK(look().records.size() == 100);
  CHECK(look().dropped == 0);
}

TEST_CASE("profile: threads record side by side, are read meanwhile, and nothing is lost when they end") {
  Session session(profile::all_categories, 1 << 20);
  constexpr int threads = 4, events = 20000;
  std::atomic<int> running{threads};
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; ++t) {
    pool.emplace_back([&running, t] {
      profile::name_thread("test thread");
      record(events, ("thread " + std::to_string(t)).c_str());
      --running;
    });
  }
  size_t last = 0;
  while (running) {
    const size_t now = look().records.size();
    CHECK(now >= last);
    last = now;
  }
  for (std::thread& thread : pool) thread.join();
  const Seen seen = look();
  CHECK(seen.dropped == 0);
  std::map<std::string, int> counts;
  std::map<int32_t, int64_t> ends;
  bool ordered = true;
  for (const Record& r : seen.records) {
    ++counts[r.name()];
    ordered = ordered && r.end >= ends[r.thread];
    ends[r.thread] = r.end;
  }
  CHECK(ordered);
  CHECK(counts.size() == threads);
  for (const auto& [name, count] : counts) CHECK(count == events);
  CHECK(ends.size() == threads);
}

TEST_CASE("profile: threads that come and go take no more than the bound") {
  Session session(profile::all_categories, 4096);
  for (int i = 0; i < 50; ++i) std::thread([] { record(1); }).join();
  const Seen seen = look();
  CHECK(static_cast<int64_t>(seen.records.size()) + seen.dropped == 50);
  CHECK(seen.records.size() <= 4096 / 512);
  // Their blocks are given back.
  for (int round = 0; round < 20; ++round) {
    profile::start(true);
    for (int i = 0; i < 5; ++i) std::thread([] { record(1); }).join();
    CHECK(look().records.size() == 5);
  }
}

TEST_CASE("profile: sums restart, the record stays") {
  Session session;
  record(3);
  profile::read_and_restart_sums([](const profile::Recorded& r) { CHECK(r.aggregate_from == 0); });
  record(2);
  profile::read([](const profile::Recorded& r) {
    CHECK(r.aggregate_from == 3);
    CHECK(r.records.size() == 5);
  });
}

TEST_CASE("profile: a forked child begins stopped and with nothing, and can record") {
  Session session;
  record(7);
  // AddressSanitizer's allocator keeps its locks across a fork.
#if defined(__SANITIZE_ADDRESS__)
  std::atomic<bool> stop{true};
#else
  std::atomic<bool> stop{false};
#endif
  std::thread busy([&] {
    while (!stop) record(1, "busy");
  });
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      bool good = !profile::on(Category::user) && look().records.empty();
      record(3);
      good = good && look().records.empty();
      profile::start(true);
      record(4);
      good = good && look().records.size() == 4;
      _exit(good ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  }
  stop = true;
  busy.join();
  size_t own = 0;
  for (const Record& r : look().records) own += std::string(r.name()) == "event";
  CHECK(own == 7);
}
