// Reading ahead gives the bytes of the source, fetches what is read in a row before it is asked for, and ends with work under way.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "base/error.h"
#include "io/read_ahead.h"

using namespace mixnet;

namespace {

// Bytes by their place; as told, late, failing, or silent until it is stopped.
class SlowSource : public Source {
 public:
  explicit SlowSource(int64_t size) : size_(size) {}

  const std::string& name() const override { return name_; }
  int64_t size() const override { return size_; }
  size_t read_at(int64_t offset, void* buffer, size_t bytes) const override {
    ++reads;
    for (int64_t now = ++under_way, most = most_under_way;
         now > most && !most_under_way.compare_exchange_weak(most, now);) {
    }
    if (milliseconds > 0) std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    {
      std::unique_lock<std::mutex> lock(mutex_);
      if (silent) stopped_.wait(lock, [&] { return stop_.load(); });
    }
    --under_way;
    MIXNET_CHECK(!stop_, net, "stopped");
    MIXNET_CHECK(offset < failing_from, net, "failed at ", offset);
    const auto count = std::min(bytes, static_cast<size_t>(std::max<int64_t>(0, size_ - offset)));
    for (size_t i = 0; i < count; ++i) static_cast<uint8_t*>(buffer)[i] = byte_at(offset + static_cast<int64_t>(i));
    return count;
  }
  void stop() const override {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    stopped_.notify_all();
  }
  static uint8_t byte_at(int64_t place) { return static_cast<uint8_t>((place * 2654435761u) >> 13); }

  int milliseconds = 0;
  std::atomic<bool> silent{false};
  std::atomic<int64_t> failing_from{1 << 30};
  mutable std::atomic<int64_t> reads{0}, under_way{0}, most_under_way{0};

 private:
  const std::string name_ = "slow";
  const int64_t size_;
  mutable std::mutex mutex_;
  mutable std::condition_variable stopped_;
  mutable std::atomic<bool> stop_{false};
};

bool right(const Source& source, int64_t offset, size_t bytes, size_t expected) {
  std::vector<uint8_t> buffer(bytes);
  if (source.read_at(offset, buffer.data(), bytes) != expected) return false;
  for (size_t i = 0; i < expected; ++i)
    if (buffer[i] != SlowSource::byte_at(offset + static_cast<int64_t>(i))) return false;
  return true;
}

bool goes(const Source& source, int64_t offset, size_t bytes) {
  std::vector<uint8_t> buffer(bytes);
  try {
    return source.read_at(offset, buffer.data(), bytes) == bytes;
  } catch (const Error&) {
    return false;
  }
}

constexpr ReadAheadOptions small{100, 800, 4};

}  // namespace

TEST_SUITE("io") {
  TEST_CASE("reading ahead gives the same bytes, in a row and anywhere") {
    const auto slow = std::make_shared<SlowSource>(10007);
    const auto source = read_ahead(slow, small);
    for (int64_t at = 0, step = 1; at < 10007; at += step, step = step * 5 % 331)
      REQUIRE(right(*source, at, static_cast<size_t>(step), static_cast<size_t>(std::min(step, 10007 - at))));
    std::mt19937 draw(3);
    for (int i = 0; i < 300; ++i) {
      const int64_t at = draw() % 10100, count = draw() % 400;
      const int64_t there = std::max<int64_t>(0, std::min(count, 10007 - at));
      REQUIRE(right(*source, at, static_cast<size_t>(count), static_cast<size_t>(there)));
    }
  }

  TEST_CASE("reading ahead by several threads gives the same bytes") {
    const auto slow = std::make_shared<SlowSource>(50000);
    const auto source = read_ahead(slow, small);
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (int64_t at = t * 10000; at < (t + 1) * 10000; at += 70) wrong += !right(*source, at, 70, 70);
      });
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
  }

  TEST_CASE("what is read in a row is fetched side by side, and jumps fetch nothing else") {
    const auto slow = std::make_shared<SlowSource>(4000);
    slow->milliseconds = 2;
    const auto source = read_ahead(slow, small);
    for (int64_t at = 0; at < 4000; at += 100) REQUIRE(right(*source, at, 100, 100));
    CHECK(slow->most_under_way >= 2);
    CHECK(slow->most_under_way <= 5);

    const auto other = std::make_shared<SlowSource>(4000);
    const auto jumping = read_ahead(other, small);
    for (const int64_t at : {3000, 100, 2000, 1000}) REQUIRE(right(*jumping, at, 100, 100));
    CHECK(other->reads == 4);
  }

  TEST_CASE("no more is fetched than may wait") {
    const auto slow = std::make_shared<SlowSource>(100000);
    const auto source = read_ahead(slow, small);
    for (int64_t at = 0; at < 300; at += 100) REQUIRE(right(*source, at, 100, 100));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    CHECK(slow->reads <= 3 + 8);
  }

  TEST_CASE("a block that failed is an error of the read that needs it, and is fetched again by the next") {
    const auto slow = std::make_shared<SlowSource>(4000);
    slow->failing_from = 1000;
    const auto source = read_ahead(slow, small);
    for (int64_t at = 0; at < 1000; at += 100) REQUIRE(right(*source, at, 100, 100));
    for (int i = 0; i < 3; ++i) {
      uint8_t buffer[100];
      CHECK_THROWS_WITH_AS(source->read_at(1000, buffer, 100), doctest::Contains("failed at 1"), Error);
    }
    slow->failing_from = 1 << 30;
    // What was under way ahead of the reader may still fail, once per block.
    for (int tries = 0; tries < 10 && !goes(*source, 1000, 900); ++tries) {
    }
    for (int64_t at = 1900; at < 4000; at += 100) REQUIRE(right(*source, at, 100, 100));
  }

  TEST_CASE("stopping ends reads under way, and so does letting go") {
    const auto slow = std::make_shared<SlowSource>(4000);
    const auto source = read_ahead(slow, small);
    REQUIRE(right(*source, 0, 100, 100));
    slow->silent = true;
    std::thread reader([&] {
      uint8_t buffer[100];
      CHECK_THROWS_AS(source->read_at(100, buffer, 100), Error);
    });
    while (slow->under_way == 0) std::this_thread::yield();
    source->stop();
    reader.join();
    const auto begin = std::chrono::steady_clock::now();
    {
      const auto silent = std::make_shared<SlowSource>(4000);
      auto left = read_ahead(silent, small);
      REQUIRE(right(*left, 0, 100, 100));
      REQUIRE(right(*left, 100, 100, 100));
      silent->silent = true;
      left.reset();
      CHECK(silent->under_way == 0);
    }
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
  }

  TEST_CASE("nothing is read ahead of a source that fits into a block, or where it is not wanted") {
    const auto slow = std::make_shared<SlowSource>(100);
    CHECK(read_ahead(slow, small) == slow);
    CHECK(read_ahead(slow, {10, 0, 4}) == slow);
  }
}
