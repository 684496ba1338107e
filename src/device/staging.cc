#include "device/staging.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "device/stream_device.h"

namespace mixnet {

class Staging::UnderWay : public std::enable_shared_from_this<UnderWay> {
 public:
  UnderWay(Staging& staging, Copy copy) : staging_(staging), copy_(std::move(copy)) {}
  size_t blocks() const { return copy_.bytes > block_bytes ? 2 : 1; }
  size_t bytes() const { return copy_.bytes; }
  bool begun() const { return has_begun_; }

  // Without blocks the stream copies directly.
  void begin(const std::vector<char*>& blocks) {
    has_begun_ = true;
    users_ = std::max<size_t>(blocks.size(), 1);
    try {
      for (const EventPtr& event : copy_.before) copy_.stream.wait(*event);
    } catch (const Error& e) {
      error_ = std::make_unique<Error>(e);
    }
    copy_.before.clear();
    if (blocks.empty()) next(nullptr);
    for (char* block : blocks) next(block);
  }

 private:
  // The next part through this block; without one, everything at once.
  void next(char* block) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!error_ && begun_ < copy_.bytes) {
        try {
          return put(block);
        } catch (const Error& e) {
          error_ = std::make_unique<Error>(e);
        }
      }
    }
    if (block) staging_.give_back(block);
    if (--users_ == 0) copy_.done(error_.get());
  }

  void put(char* block) {
    const size_t at = begun_, bytes = block ? std::min(block_bytes, copy_.bytes - at) : copy_.bytes;
    char* const to = static_cast<char*>(copy_.to) + at;
    const char* const from = static_cast<const char*>(copy_.from) + at;
    begun_ += bytes;
    if (block && copy_.inwards) std::memcpy(block, from, bytes);
    copy_.stream.copy(block && !copy_.inwards ? block : to, block && copy_.inwards ? block : from, bytes);
    copy_.watcher.tell(copy_.stream.record(), [self = shared_from_this(), block, to, bytes](const Error* error) {
      if (error) self->fail(*error);
      else if (block && !self->copy_.inwards) std::memcpy(to, block, bytes);
      self->next(block);
    });
  }

  void fail(const Error& error) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!error_) error_ = std::make_unique<Error>(error);
  }

  Staging& staging_;
  Copy copy_;
  std::atomic<bool> has_begun_{false};
  std::atomic<size_t> users_{0};  // blocks it still has
  std::mutex mutex_;              // guards the rest
  size_t begun_ = 0;              // bytes put into the stream
  std::unique_ptr<Error> error_;
};

Staging::Staging(StreamDevice& device, int64_t limit)
    : device_(device), limit_(static_cast<size_t>(std::max<int64_t>(limit, 0)) / block_bytes) {}

void Staging::copy(Copy copy) {
  auto asked = std::make_shared<UnderWay>(*this, std::move(copy));
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++statistics_.copies;
    statistics_.bytes += static_cast<int64_t>(asked->bytes());
    waiting_.push_back(asked);
  }
  begin_waiting();
  if (asked->begun()) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  ++statistics_.waited;
}

bool Staging::take_nolock(std::vector<char*>& blocks) {
  const size_t wanted = waiting_.front()->blocks();
  while (free_.size() < wanted && made_ < limit_) {
    if (auto* block = static_cast<char*>(device_.allocate_pinned(block_bytes))) {
      free_.push_back(block);
      ++made_;
    } else {
      limit_ = made_;
    }
  }
  const size_t count = std::min(wanted, limit_);
  if (free_.size() < count) return false;
  blocks.assign(free_.end() - static_cast<std::ptrdiff_t>(count), free_.end());
  free_.resize(free_.size() - count);
  return true;
}

void Staging::begin_waiting() {
  // A copy that fails at once gives its blocks back from inside of begin(): the loop around it sees them.
  static thread_local const Staging* beginning = nullptr;
  if (beginning == this) return;
  beginning = this;
  for (;;) {
    std::vector<char*> blocks;
    std::shared_ptr<UnderWay> next;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (waiting_.empty() || !take_nolock(blocks)) break;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    next->begin(blocks);
  }
  beginning = nullptr;
}

void Staging::give_back(char* block) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(block);
  }
  begin_waiting();
}

Staging::Statistics Staging::statistics() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  Statistics result = statistics_;
  result.pinned = static_cast<int64_t>(made_ * block_bytes);
  result.in_use = static_cast<int64_t>((made_ - free_.size()) * block_bytes);
  return result;
}

}  // namespace mixnet
