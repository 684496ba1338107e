// Memory pools, one per device: blocks are cached by size class and handed out again.
//
// Thread-safe. A block is 64-byte aligned and at least as large as asked. allocate(0) gives a null block.
// When the device is out of memory, or the cap would be passed, cached blocks are returned to the device and the
// request is tried once more; then Code::memory is thrown. Nothing is zeroed.
#pragma once
#include <cstddef>
#include <cstdint>

#include "device/device_id.h"

namespace mixnet {

struct Block {
  void* data = nullptr;
  size_t size = 0;  // usable bytes, at least what was asked
  DeviceId device;
};

struct StorageStatistics {
  int64_t in_use = 0;        // bytes handed out
  int64_t cached = 0;        // bytes held for reuse
  int64_t peak = 0;          // most in_use since reset_peak
  int64_t allocations = 0;   // calls of allocate
  int64_t hits = 0;          // of those, served from the cache
  int64_t device_calls = 0;  // of those, served by the device
  int64_t limit = 0;         // cap on in_use + cached; 0 means none
};

class Storage {
 public:
  virtual ~Storage() = default;
  virtual Block allocate(size_t bytes) = 0;
  virtual void release(Block block) = 0;
  virtual void empty_cache() = 0;
  virtual void set_limit(int64_t bytes) = 0;
  // For tests: the countdown-th allocation from now throws Code::memory, once; 0 calls it off.
  virtual void fail_at(int64_t countdown) = 0;
  virtual void reset_peak() = 0;
  virtual StorageStatistics statistics() const = 0;
};

// The pool of a device, made at first use and never destroyed. Throws Code::device when there is no such device.
// MIXNET_CPU_MEM_POOL_LIMIT and MIXNET_GPU_MEM_POOL_LIMIT (bytes) cap the pool of each context of the CPU and of each GPU;
// MIXNET_CPU_MEM_POOL_TYPE and MIXNET_GPU_MEM_POOL_TYPE=Unpooled keep no blocks.
Storage& storage(DeviceId device);

}  // namespace mixnet
