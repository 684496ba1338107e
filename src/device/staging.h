// Copies between a GPU and pageable memory of the host, through blocks of pinned memory, which the GPU reads and writes by itself.
//
// Asked to copy pageable memory, CUDA has the calling thread wait. Here nobody waits: a part is put into a block, or taken out of one, when the
// stream has been there, by the thread that watches its events. A copy has one block, or two in turn when it is larger than one; a copy for
// which none are free begins when others give theirs back, in the order of asking.
//
// Blocks are taken from the device when they are first needed, up to MIXNET_GPU_STAGING_BYTES, and kept. Where it has none to give the device copies directly.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "device/watcher.h"

namespace mixnet {

class StreamDevice;

class Staging {
 public:
  static constexpr size_t block_bytes = size_t{1} << 20;

  struct Statistics {
    int64_t pinned = 0;  // bytes of blocks, for the life of the process
    int64_t in_use = 0;  // of those, under way
    int64_t copies = 0;  // begun so far
    int64_t bytes = 0;   // of those
    int64_t waited = 0;  // copies for which no block was free when they were asked for
  };

  struct Copy {
    Stream& stream;
    Watcher& watcher;
    std::vector<EventPtr> before;  // what the stream waits for first
    void* to;
    const void* from;
    size_t bytes;
    bool inwards;  // from the host to the GPU
    Watcher::Done done;
  };

  // `limit`: bytes of blocks, rounded down to whole ones.
  Staging(StreamDevice& device, int64_t limit);
  // Returns at once; `done` may be called before that, and on any thread.
  void copy(Copy copy);
  Statistics statistics() const;

 private:
  class UnderWay;

  // Blocks for the copy that waits longest; false: there are not enough.
  bool take_nolock(std::vector<char*>& blocks);
  void begin_waiting();
  void give_back(char* block);

  StreamDevice& device_;
  mutable std::mutex mutex_;  // guards the rest
  size_t limit_;              // blocks
  size_t made_ = 0;
  std::vector<char*> free_;
  std::deque<std::shared_ptr<UnderWay>> waiting_;
  Statistics statistics_;
};

}  // namespace mixnet
