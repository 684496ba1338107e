#include "io/prefetcher.h"

#include <atomic>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/fork.h"
#include "base/profile.h"
#include "base/worker_thread.h"
#include "engine/parking.h"

namespace mixnet {
namespace {

// What the thread and who asks for batches share. An epoch ends with an item without batch: an error or the end.
class Shelf {
 public:
  struct Item {
    Batch batch;
    bool last = false;
    std::exception_ptr error;
  };

  explicit Shelf(int64_t room) : room_(room) {}

  // Waits for room; false when nobody wants more.
  bool wait_for_room() {
    places_.wait([this] { return closed_ || count_ < room_; }, {});
    return !closed_;
  }
  void put(Item item) {
    std::lock_guard<std::mutex> lock(mutex_);
    items_.push_back(std::move(item));
    goods_.notify([this] { ++count_; });
  }
  // The first item, which stays when it is the last.
  Item take(const char* place, const WaitOptions& wait) {
    check_wait(goods_.wait([this] { return count_ > 0; }, wait), place, wait);
    std::lock_guard<std::mutex> lock(mutex_);
    if (items_.front().last) return items_.front();
    Item item = std::move(items_.front());
    items_.pop_front();
    places_.notify([this] { --count_; });
    return item;
  }
  void close() {
    places_.notify([this] { closed_ = true; });
  }

 private:
  const int64_t room_;
  std::atomic<int64_t> count_{0};
  std::atomic<bool> closed_{false};
  Parking goods_, places_;
  std::mutex mutex_;  // guards items_
  std::deque<Item> items_;
};

class Prefetcher : public DataIter {
 public:
  Prefetcher(std::string name, std::unique_ptr<BatchLoader> loader, int64_t batches)
      : name_(std::move(name)), loader_(std::move(loader)), batches_(batches) {}
  ~Prefetcher() override {
    if (!orphaned()) loader_->stop();
    stop();
  }

  const std::vector<ArrayDesc>& data() const override { return loader_->data(); }
  const std::vector<ArrayDesc>& label() const override { return loader_->label(); }
  IterReport report() const override { return report_; }

  bool next(Batch* batch, const WaitOptions& wait) override {
    Shelf::Item item = batches_ > 0 ? prefetched(wait) : made_now();
    if (item.error) std::rethrow_exception(item.error);
    if (item.last) return false;
    ++given_;
    report_.examples += loader_->data()[0].shape[0] - item.batch.pad;
    *batch = std::move(item.batch);
    return true;
  }

  void reset() override {
    check_process();
    stop();
    ended_ = {};
    loader_->restart(given_);
    given_ = 0;
  }

 private:
  static Shelf::Item make(BatchLoader& loader, const std::string& name) {
    Shelf::Item item;
    profile::Span span(profile::Category::engine, name, "batch");
    try {
      item.last = !loader.load(&item.batch);
    } catch (...) {
      item.last = true;
      item.error = std::current_exception();
    }
    return item;
  }

  Shelf::Item made_now() {
    if (!ended_.last) {
      Shelf::Item item = make(*loader_, name_);
      if (!item.last) return item;
      ended_ = std::move(item);
    }
    return ended_;
  }

  Shelf::Item prefetched(const WaitOptions& wait) {
    check_process();
    if (!shelf_) start();
    return shelf_->take(name_.c_str(), wait);
  }

  void start() {
    shelf_ = std::make_unique<Shelf>(batches_);
    generation_ = fork_generation();
    try {
      thread_ = std::make_unique<std::thread>(start_worker_thread([this] { work(); }));
    } catch (...) {
      shelf_.reset();
      throw;
    }
  }

  void work() {
    profile::name_thread("prefetch");
    for (bool more = true; more && shelf_->wait_for_room();) {
      Shelf::Item item = make(*loader_, name_);
      more = !item.last;
      shelf_->put(std::move(item));
    }
  }

  bool orphaned() const { return shelf_ && generation_ != fork_generation(); }
  void check_process() const {
    MIXNET_CHECK(!orphaned(), unsupported, "[", name_,
                 "] next: expected the process that began the epoch, got a fork of it: make the iterator in the child");
  }

  void stop() {
    if (!shelf_) return;
    if (orphaned()) {  // the thread is not here, and what it used may be in any state
      static_cast<void>(thread_.release());
      static_cast<void>(shelf_.release());
      static_cast<void>(loader_.release());
      return;
    }
    shelf_->close();
    thread_->join();
    thread_.reset();
    shelf_.reset();
  }

  const std::string name_;
  std::unique_ptr<BatchLoader> loader_;
  const int64_t batches_;
  int64_t given_ = 0;  // of this epoch
  IterReport report_;
  Shelf::Item ended_;  // without a thread: how the epoch ended
  std::unique_ptr<Shelf> shelf_;
  std::unique_ptr<std::thread> thread_;
  uint32_t generation_ = 0;
};

}  // namespace

std::unique_ptr<DataIter> make_prefetcher(std::string name, std::unique_ptr<BatchLoader> loader, int64_t batches) {
  return std::make_unique<Prefetcher>(std::move(name), std::move(loader), batches);
}

}  // namespace mixnet
