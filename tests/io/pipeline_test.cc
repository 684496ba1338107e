// Pipelines: the same batches on any number of threads, epochs that go round, holes, errors, memory, resets and ends at any moment, forks.
#include "io/pipeline.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <set>
#include <thread>

#include "base/worker_thread.h"
#include "io/draws.h"
#include "storage/storage.h"

using namespace mixnet;

namespace {

struct Settings {
  int64_t count = 10, batch = 4;
  PipelineOptions options;
  std::set<int64_t> unreadable, unwritable;  // numbers of examples
  int64_t source_fails_at = -1, worker_fails_from = -1;
  int pause_us = 0;  // at most, drawn
  int64_t width = 3;
};

// Example i of epoch e is i + 100 e and numbers drawn for it.
class Counting final : public Work {
 public:
  explicit Counting(const Settings& settings) : s_(settings) {}
  struct Number final : Example {
    uint64_t epoch = 0;
  };
  std::unique_ptr<Example> make_example() const override { return std::make_unique<Number>(); }
  void begin(uint64_t epoch) override {
    epoch_ = epoch;
    next_ = 0;
  }
  Taken take(Example* example, std::string* fault) override {
    if (next_ == s_.count) return Taken::end;
    auto* number = static_cast<Number*>(example);
    number->epoch = epoch_;
    number->id = static_cast<uint64_t>(next_);
    number->place = concat("example ", next_);
    if (next_ == s_.source_fails_at && epoch_ == 0) fail(Code::net, "[source] gone");
    *fault = "unreadable";
    return s_.unreadable.count(next_++) ? Taken::hole : Taken::example;
  }
  void fill(Example* example, const ExampleRow& row) const override {
    const auto& number = static_cast<const Number&>(*example);
    const auto i = static_cast<int64_t>(number.id);
    Draws draws(7, number.epoch, number.id);
    if (s_.pause_us) std::this_thread::sleep_for(std::chrono::microseconds(draws.below(s_.pause_us)));
    if (s_.unwritable.count(i)) fail(Code::io, "not a number");
    if (s_.worker_fails_from >= 0 && i >= s_.worker_fails_from) fail(Code::unsupported, "[work] not example ", i);
    auto* out = reinterpret_cast<float*>(row.data[0]);
    for (int64_t k = 0; k < s_.width; ++k) out[k] = static_cast<float>(k ? draws.uniform() : static_cast<double>(i));
    const auto label = static_cast<float>(i + 100 * static_cast<int64_t>(number.epoch));
    std::memcpy(row.label[0], &label, sizeof label);
  }

 private:
  const Settings s_;
  uint64_t epoch_ = 0;
  int64_t next_ = 0;
};

std::unique_ptr<DataIter> make(const Settings& s) {
  return make_pipeline(std::make_unique<Counting>(s), {{"data", {s.batch, s.width}, DType::f32, "NC"}},
                       {{"label", {s.batch}, DType::f32, "N"}}, s.options);
}

Settings settings(int64_t count, int64_t threads, bool round = true) {
  Settings s;
  s.count = count;
  s.options.name = "Counting";
  s.options.threads = threads;
  s.options.round = round;
  return s;
}

std::vector<float> values(const NDArray& array) {
  std::vector<float> v(static_cast<size_t>(array.size()));
  array.copy_to_host(v.data(), array.bytes());
  return v;
}

// "0 1 2 3 | 4 5 0 1 -2": labels, batches apart, their padding.
std::string epoch(DataIter& iter, std::vector<float>* data = nullptr) {
  std::string text;
  Batch batch;
  while (iter.next(&batch)) {
    if (!text.empty()) text += " |";
    for (float label : values(batch.label[0]))
      text += (text.empty() ? "" : " ") + std::to_string(static_cast<int>(label));
    if (batch.pad) text += " -" + std::to_string(batch.pad);
    if (data) {
      const std::vector<float> v = values(batch.data[0]);
      data->insert(data->end(), v.begin(), v.end());
    }
  }
  return text;
}

std::string message_of(DataIter& iter) {
  Batch batch;
  try {
    while (iter.next(&batch)) {
    }
  } catch (const Error& e) {
    return e.what();
  }
  return "none";
}

TEST_SUITE_BEGIN("io");

TEST_CASE("pipeline: an epoch's last batch is filled from the next one, which goes on behind") {
  const auto iter = make(settings(10, 2));
  CHECK(epoch(*iter) == "0 1 2 3 | 4 5 6 7 | 8 9 100 101 -2");
  iter->reset();
  CHECK(epoch(*iter) == "102 103 104 105 | 106 107 108 109");
  iter->reset();
  CHECK(epoch(*iter) == "200 201 202 203 | 204 205 206 207 | 208 209 300 301 -2");
  CHECK(iter->report().examples == 28);
}

TEST_CASE("pipeline: fewer examples than a batch") {
  const auto iter = make(settings(3, 2));
  const char* expected[] = {"0 1 2 100 -1", "101 102 200 201 -2", "202 300 301 302 -3", "400 401 402 500 -1"};
  for (const char* text : expected) {
    CHECK(epoch(*iter) == text);
    iter->reset();
  }
  auto small = settings(3, 2);
  small.batch = 8;
  CHECK(epoch(*make(small)) == "0 1 2 100 101 102 200 201 -5");
  const auto none = make(settings(0, 2));
  CHECK(epoch(*none) == "");
  none->reset();
  CHECK(epoch(*none) == "");
}

TEST_CASE("pipeline: without going round, the last batch is filled with its first example") {
  const auto iter = make(settings(10, 3, false));
  CHECK(epoch(*iter) == "0 1 2 3 | 4 5 6 7 | 8 9 8 8 -2");
  iter->reset();
  CHECK(epoch(*iter) == "100 101 102 103 | 104 105 106 107 | 108 109 108 108 -2");
}

TEST_CASE("pipeline: a reset in mid-epoch begins the next from its beginning") {
  for (int64_t taken = 0; taken < 3; ++taken) {
    const auto iter = make(settings(10, 2));
    Batch batch;
    for (int64_t i = 0; i < taken; ++i) CHECK(iter->next(&batch));
    iter->reset();
    CHECK(epoch(*iter) == "100 101 102 103 | 104 105 106 107 | 108 109 200 201 -2");
  }
}

TEST_CASE("pipeline: the same on any number of threads") {
  std::vector<float> first;
  std::string first_text;
  for (int64_t threads : {1, 2, 3, 7}) {
    auto s = settings(203, threads);
    s.pause_us = 100;
    s.unreadable = {3, 44, 45, 46, 47, 202};
    s.unwritable = {0, 57, 200};
    const auto iter = make(s);
    std::vector<float> data;
    std::string text = epoch(*iter, &data);
    iter->reset();
    text += " / " + epoch(*iter, &data);
    if (threads == 1) {
      first = data;
      first_text = text;
    }
    CHECK(text == first_text);
    CHECK(data == first);
  }
}

TEST_CASE("pipeline: holes go to the end of their batch, are counted and told") {
  auto s = settings(12, 3);
  s.unreadable = {1};
  s.unwritable = {4, 5, 6, 7, 10};
  const auto iter = make(s);
  CHECK(epoch(*iter) == "0 2 3 0 -1 | 8 9 11 8 -1");
  const IterReport report = iter->report();
  CHECK(report.examples == 6);
  CHECK(report.skipped == 6);
  REQUIRE(report.faults.size() == 6);
  CHECK(report.faults[0] == "example 1: unreadable");
  CHECK(report.faults[1] == "example 4: not a number");
}

TEST_CASE("pipeline: a hole is an error of its batch where that is asked") {
  auto s = settings(12, 3);
  s.unwritable = {5};
  s.options.raise_on_fault = true;
  const auto iter = make(s);
  Batch batch;
  CHECK(iter->next(&batch));
  CHECK(message_of(*iter) == "[Counting] example 5: not a number");
  CHECK(message_of(*iter) == "[Counting] example 5: not a number");
  iter->reset();
  CHECK(iter->next(&batch));
  CHECK(values(batch.label[0])[0] == 100);
}

TEST_CASE("pipeline: nothing but holes is an error") {
  auto s = settings(5, 2, false);
  s.unwritable = {0, 1, 2, 3, 4};
  const auto iter = make(s);
  CHECK(message_of(*iter) == "[Counting] none of the first 5 examples could be read, such as example 0: not a number");
  CHECK(iter->report().examples == 0);
  // And where there are many, not after hours.
  s = settings(1 << 20, 2);
  for (int64_t i = 0; i < 1100; ++i) s.unreadable.insert(i);
  CHECK(message_of(*make(s)).find("[Counting] none of the first 1000 examples") == 0);
}

TEST_CASE("pipeline: a source that fails ends the epoch behind the batches before it") {
  for (int64_t at : {0, 4, 6}) {
    auto s = settings(12, 3);
    s.source_fails_at = at;
    const auto iter = make(s);
    Batch batch;
    for (int64_t i = 0; i < at / 4; ++i) CHECK(iter->next(&batch));
    CHECK_THROWS_WITH_AS(iter->next(&batch), "[source] gone", Error);
    iter->reset();
    CHECK(epoch(*iter) == "100 101 102 103 | 104 105 106 107 | 108 109 110 111");
  }
}

TEST_CASE("pipeline: what is no fault of an example ends the epoch") {
  auto s = settings(12, 3);
  s.worker_fails_from = 6;
  const auto iter = make(s);
  Batch batch;
  CHECK(iter->next(&batch));
  CHECK_THROWS_WITH_AS(iter->next(&batch), "[work] not example 6", Error);
}

TEST_CASE("pipeline: of several errors the one of the first example is told") {
  for (int i = 0; i < 100; ++i) {
    auto s = settings(12, 4);
    s.worker_fails_from = i % 7;
    s.source_fails_at = 7;
    s.pause_us = 300;
    const auto iter = make(s);
    CHECK(message_of(*iter) == concat("[work] not example ", i % 7));
  }
}

TEST_CASE("pipeline: whoever holds a batch keeps it") {
  const auto iter = make(settings(8, 2));
  Batch first, batch;
  REQUIRE(iter->next(&first));
  for (int i = 0; i < 20; ++i) {
    while (iter->next(&batch)) {
    }
    iter->reset();
  }
  CHECK(values(first.label[0]) == std::vector<float>{0, 1, 2, 3});
  CHECK(first.index == std::vector<uint64_t>{0, 1, 2, 3});
}

TEST_CASE("pipeline: memory is bounded over 10,000 batches") {
  auto s = settings(1000, 3);
  s.width = 4096;  // 64 KiB a batch
  s.options.prefetch = 4;
  const auto iter = make(s);
  Batch batch;
  storage({}).reset_peak();
  const int64_t before = storage({}).statistics().in_use;
  int64_t batches = 0;
  while (batches < 10000) {
    while (iter->next(&batch)) ++batches;
    iter->reset();
  }
  // The caller's, those in flight, and what the engine is about to free.
  CHECK(storage({}).statistics().peak - before < 16 * s.batch * s.width * 4);
}

TEST_CASE("pipeline: ends and begins anew with work in flight, on any thread") {
  auto s = settings(1000, 3);
  s.pause_us = 50;
  for (int i = 0; i < 60; ++i) {
    auto iter = make(s);
    Batch batch;
    for (int k = 0; k < i % 4; ++k) REQUIRE(iter->next(&batch));
    for (int k = 0; k < i % 3; ++k) iter->reset();
    if (i % 2 == 0) start_worker_thread([&] { iter.reset(); }).join();
  }
}

TEST_CASE("pipeline: a wait ends early, and nothing is lost") {
  auto s = settings(4, 1);
  s.pause_us = 200000;
  const auto iter = make(s);
  Batch batch;
  CancelToken cancel;
  cancel.cancel();
  WaitOptions wait;
  wait.cancel = &cancel;
  CHECK_THROWS_AS(iter->next(&batch, wait), Error);
  wait.cancel = nullptr;
  wait.timeout_s = 0.001;
  CHECK_THROWS_AS(iter->next(&batch, wait), Error);
  CHECK(epoch(*iter) == "0 1 2 3");
}

#ifndef __SANITIZE_THREAD__
TEST_CASE("pipeline: a forked child begins the epoch with threads of its own") {
  const auto iter = make(settings(10, 3));
  Batch batch;
  for (int taken = 0; taken < 2; ++taken) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      const bool same = epoch(*iter) == "0 1 2 3 | 4 5 6 7 | 8 9 100 101 -2";
      _exit(same ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    CHECK(status == 0);
    CHECK(iter->next(&batch));
  }
  CHECK(epoch(*iter) == "8 9 100 101 -2");
}
#endif

TEST_SUITE_END();

}  // namespace
