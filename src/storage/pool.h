// A caching pool over one device. Small blocks come in size classes with a free list each; larger ones are cut from segments, cached
// with best fit, split when much larger than asked and merged with free neighbours. A fork waits until nobody is inside, so the child
// has a whole copy: its blocks are the same, and what other threads of the parent held stays in use there.
//
// A pool that keeps nothing asks the device for every block, of exactly the bytes wanted, so that tools which watch the device's memory see each.
#pragma once
#include <atomic>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/fork.h"
#include "base/spin_lock.h"
#include "device/device.h"
#include "storage/storage.h"

namespace mixnet {

class Pool final : public Storage, private ForkListener {
 public:
  Pool(Device& device, int64_t limit, bool keeps = true);
  ~Pool() override;
  Block allocate(size_t bytes) override;
  void release(Block block) override;
  void empty_cache() override;
  void set_limit(int64_t bytes) override;
  void fail_at(int64_t countdown) override;
  void reset_peak() override;
  StorageStatistics statistics() const override;
  // See storage/capacity.h.
  int64_t capacity() const { return capacity_.load(std::memory_order_relaxed); }

 private:
  void before_fork() override { lock_.lock(); }
  void after_fork() override { lock_.unlock(); }
  void forked() override {}

  // A piece of a segment: neighbours in address order belong to the same call of the device.
  struct Piece {
    char* data;
    size_t size;
    bool free;
    Piece *before, *after;
  };
  struct Smaller {
    bool operator()(const Piece* a, const Piece* b) const {
      return a->size != b->size ? a->size < b->size : a->data < b->data;
    }
  };
  static constexpr size_t small_limit = 64 << 10;
  static constexpr int num_classes = 44;  // four steps per power of two, from 64 bytes to 64 KiB

  static int class_of(size_t bytes);
  static size_t class_size(int index);
  void* take_small(int index);
  Piece* take_large(size_t size);
  Piece* split(Piece* piece, size_t size);
  Piece* merge(Piece* piece);
  char* from_device(size_t size);
  void trim_nolock();
  void record_use() const;

  Device& device_;
  const bool keeps_;
  const std::string counter_;  // its name for the profiler
  mutable SpinLock lock_;
  StorageStatistics s_;
  int64_t fail_at_ = 0;
  int64_t total_;  // the device's memory
  std::atomic<int64_t> capacity_;
  std::vector<void*> small_[num_classes];
  std::set<Piece*, Smaller> free_;
  std::unordered_map<void*, Piece*> used_;
};

}  // namespace mixnet
