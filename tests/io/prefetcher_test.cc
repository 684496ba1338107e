// A thread makes batches ahead: as many as it may, in order, and it ends whenever nobody wants more.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "io/prefetcher.h"

using namespace mixnet;

namespace {

struct Watch {
  std::atomic<int64_t> loaded{0}, given{-1}, gone{0};
};

// Batches of two examples, numbered; `limit` of them, then the end or an error.
class Numbers : public BatchLoader {
 public:
  Numbers(Watch* watch, int64_t limit, bool fails = false, int wait_ms = 0)
      : watch_(watch), limit_(limit), fails_(fails), wait_ms_(wait_ms) {}
  ~Numbers() override { ++watch_->gone; }
  const std::vector<ArrayDesc>& data() const override { return data_; }
  const std::vector<ArrayDesc>& label() const override { return none_; }
  bool load(Batch* batch) override {
    if (wait_ms_ > 0) std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms_));
    if (next_ == limit_ && fails_) fail(Code::io, "[numbers] no more");
    if (next_ == limit_) return false;
    const NDArray array(Shape{2}, DType::f32);
    array.view().as<float>()[0] = static_cast<float>(next_);
    batch->data = {array};
    batch->pad = next_ + 1 == limit_;
    ++next_;
    ++watch_->loaded;
    return true;
  }
  void restart(int64_t given) override {
    watch_->given = given;
    next_ = 0;
  }

 private:
  Watch* const watch_;
  const int64_t limit_;
  const bool fails_;
  const int wait_ms_;
  int64_t next_ = 0;
  std::vector<ArrayDesc> data_{{"data", Shape{2}, DType::f32, ""}}, none_;
};

std::vector<float> rest(DataIter& iter) {
  std::vector<float> all;
  for (Batch batch; iter.next(&batch);) all.push_back(batch.data[0].view().as<float>()[0]);
  return all;
}

}  // namespace

TEST_SUITE("prefetcher") {
  TEST_CASE("batches in order, epoch after epoch, with a thread and without") {
    for (int64_t ahead : {0, 1, 2, 10}) {
      Watch watch;
      const auto iter = make_prefetcher("test", std::make_unique<Numbers>(&watch, 5), ahead);
      Batch batch;
      for (int epoch = 1; epoch < 4; ++epoch) {
        CHECK(rest(*iter) == std::vector<float>{0, 1, 2, 3, 4});
        CHECK_FALSE(iter->next(&batch));
        CHECK(iter->report().examples == epoch * 9);
        iter->reset();
        CHECK(watch.given == 5);
      }
      CHECK(iter->next(&batch));
      iter->reset();
      CHECK(watch.given == 1);
      CHECK(rest(*iter).size() == 5);
    }
  }

  TEST_CASE("no more are made ahead than asked for, and memory stays what it is") {
    Watch watch;
    const auto iter = make_prefetcher("test", std::make_unique<Numbers>(&watch, 10000), 3);
    Batch batch;
    for (int64_t given = 1; iter->next(&batch); ++given) {
      const int64_t ahead = watch.loaded - given;
      REQUIRE(ahead >= 0);
      REQUIRE(ahead <= 3);
    }
    CHECK(watch.loaded == 10000);
  }

  TEST_CASE("an error comes behind the batches before it, stays, and a reset begins anew") {
    for (int64_t ahead : {0, 2}) {
      Watch watch;
      const auto iter = make_prefetcher("test", std::make_unique<Numbers>(&watch, 2, true), ahead);
      Batch batch;
      for (int epoch = 0; epoch < 2; ++epoch) {
        CHECK(iter->next(&batch));
        CHECK(iter->next(&batch));
        for (int again = 0; again < 2; ++again) {
          CHECK_THROWS_WITH_AS(iter->next(&batch), "[numbers] no more", Error);
        }
        iter->reset();
      }
    }
  }

  TEST_CASE("a wait that ends early loses nothing") {
    Watch watch;
    const auto iter = make_prefetcher("test", std::make_unique<Numbers>(&watch, 2, false, 60), 1);
    Batch batch;
    WaitOptions brief;
    brief.timeout_s = 0.005;
    CHECK_THROWS_WITH_AS(iter->next(&batch, brief), doctest::Contains("got a time-out"), Error);
    CancelToken token;
    token.cancel();
    WaitOptions cancelled;
    cancelled.cancel = &token;
    CHECK_THROWS_WITH_AS(iter->next(&batch, cancelled), doctest::Contains("cancelled"), Error);
    CHECK(rest(*iter) == std::vector<float>{0, 1});
  }

  TEST_CASE("it is closed at any point, from any thread") {
    Watch watch;
    for (int i = 0; i < 60; ++i) {
      auto iter = make_prefetcher("test", std::make_unique<Numbers>(&watch, 1000, false, i % 3 == 0), 2);
      Batch batch;
      for (int k = 0; k < i % 5; ++k) iter->next(&batch);
      if (i % 2) std::thread([&] { iter.reset(); }).join();
      else iter.reset();
      CHECK(watch.gone == i + 1);
    }
  }
}
