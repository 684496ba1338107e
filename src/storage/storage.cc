// The process's pools: one per context of the CPU; a CUDA build adds one per GPU.
#include "storage/storage.h"

#include <atomic>
#include <memory>

#include "base/environment.h"
#include "storage/capacity.h"
#include "storage/pool.h"

namespace mixnet {

namespace {

Pool& pool(DeviceId device) {
  Device& on = get_device(device);  // throws when it is not there
  // Never destroyed: arrays may be freed by other threads while the process ends. No lock, because a fork could leave it locked.
  static std::atomic<Pool*> cpus[host_contexts] = {};
  std::atomic<Pool*>& cpu = cpus[host_context(device)];
  if (Pool* made = cpu.load(std::memory_order_acquire)) return *made;
  auto candidate = std::make_unique<Pool>(on, environment_int("CPU_MEM_POOL_LIMIT", 0));
  Pool* expected = nullptr;
  return cpu.compare_exchange_strong(expected, candidate.get()) ? *candidate.release() : *expected;
}

}  // namespace

Storage& storage(DeviceId device) { return pool(device); }
int64_t storage_capacity(DeviceId device) { return pool(device).capacity(); }

}  // namespace mixnet
