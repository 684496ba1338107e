#include "io/read_ahead.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/environment.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/worker_thread.h"

namespace mixnet {
namespace {

struct Block {
  enum State { queued, loading, ready, failed };
  State state = queued;
  int waiters = 0;
  std::vector<char> bytes;
  std::exception_ptr error;
};

// What a fork leaves to the parent.
struct Fetching {
  std::mutex mutex;
  std::condition_variable work, done;
  std::map<int64_t, std::shared_ptr<Block>> blocks;  // by number
  std::vector<std::thread> threads;
  bool stop = false;
  int64_t next = 0;  // where the last read ended
  bool in_a_row = false;
};

class ReadAhead final : public Source, private ForkListener {
 public:
  ReadAhead(std::shared_ptr<const Source> source, const ReadAheadOptions& options)
      : source_(std::move(source)),
        block_(options.block),
        blocks_ahead_(std::max<int64_t>(1, options.ahead / options.block)),
        threads_(static_cast<size_t>(std::min<int64_t>(options.threads, blocks_ahead_))),
        fetching_(std::make_unique<Fetching>()) {
    start_listening();
  }
  ~ReadAhead() {
    stop_listening();
    stop();
    for (std::thread& thread : fetching_->threads) thread.join();
  }

  const std::string& name() const override { return source_->name(); }
  int64_t size() const override { return source_->size(); }
  size_t read_at(int64_t offset, void* buffer, size_t bytes) const override;
  void stop() const override {
    source_->stop();
    const std::lock_guard<std::mutex> lock(fetching_->mutex);
    fetching_->stop = true;
    fetching_->work.notify_all();
    fetching_->done.notify_all();
  }

 private:
  bool goes_on(int64_t begin, int64_t end) const;
  std::shared_ptr<Block> take(int64_t number) const;
  void plan(int64_t number) const;
  void start_threads() const;
  void fetch() const;
  void load(std::unique_lock<std::mutex>& lock, int64_t number, Block& block) const;

  // The child has none of the threads, and the lock may be held.
  void forked() override {
    static_cast<void>(fetching_.release());
    fetching_ = std::make_unique<Fetching>();
  }

  const std::shared_ptr<const Source> source_;
  const int64_t block_, blocks_ahead_;
  const size_t threads_;
  std::unique_ptr<Fetching> fetching_;
};

size_t ReadAhead::read_at(int64_t offset, void* buffer, size_t bytes) const {
  const int64_t begin = std::min(std::max<int64_t>(0, offset), size());
  const int64_t end = begin + static_cast<int64_t>(std::min(bytes, static_cast<size_t>(size() - begin)));
  if (!goes_on(begin, end)) return source_->read_at(offset, buffer, bytes);
  for (int64_t at = begin; at < end;) {
    const std::shared_ptr<Block> block = take(at / block_);
    const int64_t skip = at % block_, count = std::min(block_ - skip, end - at);
    const int64_t there = static_cast<int64_t>(block->bytes.size()) - skip;
    if (there < count) return static_cast<size_t>(at - begin);
    std::memcpy(static_cast<char*>(buffer) + (at - begin), block->bytes.data() + skip, static_cast<size_t>(count));
    at += count;
  }
  return static_cast<size_t>(end - begin);
}

// Whether this read follows the last one, or what it wants is there.
bool ReadAhead::goes_on(int64_t begin, int64_t end) const {
  Fetching& f = *fetching_;
  const std::lock_guard<std::mutex> lock(f.mutex);
  f.in_a_row = begin > 0 && begin >= f.next && begin < f.next + block_;
  f.next = end;
  const auto found = f.blocks.find(begin / block_);
  if (f.in_a_row || (found != f.blocks.end() && found->second->state == Block::ready)) return true;
  for (auto it = f.blocks.begin(); it != f.blocks.end();)
    it = it->second->state == Block::queued && it->second->waiters == 0 ? f.blocks.erase(it) : std::next(it);
  return false;
}

// Lets go of what is behind or too far ahead, and asks for what is next. Locked.
void ReadAhead::plan(int64_t number) const {
  Fetching& f = *fetching_;
  for (auto it = f.blocks.begin(); it != f.blocks.end();) {
    const bool used = it->first >= number && it->first <= number + blocks_ahead_;
    it = used || it->second->waiters > 0 ? std::next(it) : f.blocks.erase(it);
  }
  const int64_t until = f.in_a_row ? number + blocks_ahead_ : number;
  for (int64_t i = number; i <= until && i * block_ < size(); ++i) {
    auto& block = f.blocks[i];
    if (!block) block = std::make_shared<Block>();
  }
}

void ReadAhead::start_threads() const {
  Fetching& f = *fetching_;
  while (f.threads.size() < threads_) f.threads.push_back(start_worker_thread([this] { fetch(); }));
}

// The block, whole. Throws what fetching it threw.
std::shared_ptr<Block> ReadAhead::take(int64_t number) const {
  Fetching& f = *fetching_;
  std::unique_lock<std::mutex> lock(f.mutex);
  plan(number);
  start_threads();
  const std::shared_ptr<Block> block = f.blocks[number];
  ++block->waiters;
  f.work.notify_all();
  // What failed did so long ago, perhaps; and who waits for a thread would wait for what the threads wait for.
  if (!f.stop && (block->state == Block::queued || block->state == Block::failed)) load(lock, number, *block);
  f.done.wait(lock, [&] { return f.stop || block->state == Block::ready || block->state == Block::failed; });
  --block->waiters;
  if (block->state == Block::ready) return block;
  const bool failed = block->state == Block::failed;
  const auto found = f.blocks.find(number);
  if (failed && found != f.blocks.end() && found->second == block) f.blocks.erase(found);
  if (failed) std::rethrow_exception(block->error);
  fail(Code::net, "[read] ", name(), " at byte ", number * block_, ": reading was stopped");
}

void ReadAhead::fetch() const {
  Fetching& f = *fetching_;
  std::unique_lock<std::mutex> lock(f.mutex);
  for (;;) {
    std::pair<int64_t, std::shared_ptr<Block>> next{-1, nullptr};
    const auto find = [&] {
      next = {-1, nullptr};
      for (const auto& entry : f.blocks) {
        if (!next.second && entry.second->state == Block::queued) next = entry;
      }
      return f.stop || next.second != nullptr;
    };
    f.work.wait(lock, find);
    if (f.stop) return;
    load(lock, next.first, *next.second);
  }
}

// Unlocks while it reads.
void ReadAhead::load(std::unique_lock<std::mutex>& lock, int64_t number, Block& block) const {
  block.state = Block::loading;
  lock.unlock();
  const auto count = static_cast<size_t>(std::min(block_, size() - number * block_));
  std::exception_ptr error;
  try {
    block.bytes.resize(count);
    block.bytes.resize(source_->read_at(number * block_, block.bytes.data(), count));
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  block.error = error;
  block.state = error ? Block::failed : Block::ready;
  fetching_->done.notify_all();
}

}  // namespace

std::shared_ptr<const Source> read_ahead(std::shared_ptr<const Source> source, ReadAheadOptions options) {
  if (options.ahead < 0) options.ahead = environment_int("IO_AHEAD_BYTES", 16 << 20);
  if (options.ahead <= 0 || options.threads <= 0 || source->size() <= options.block) return source;
  return std::make_shared<ReadAhead>(std::move(source), options);
}

}  // namespace mixnet
