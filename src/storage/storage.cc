// The process's pools: one per context of the CPU and one per GPU.
//
// A GPU's blocks are used by kernels of its compute stream, or by copies that end before their engine operation does: what is released goes to
// whoever comes later in that stream.
#include "storage/storage.h"

#include <atomic>
#include <memory>

#include "base/environment.h"
#include "base/error.h"
#include "storage/capacity.h"
#include "storage/pool.h"

namespace mixnet {

namespace {

// As MXNet's variables of these names say it, of which Round is a pool of other sizes.
bool keeps_blocks(const char* setting) {
  const std::string type = environment_string(setting, "Naive");
  MIXNET_CHECK(type == "Naive" || type == "Round" || type == "Unpooled", invalid, "[storage] MIXNET_", setting,
               ": expected Naive, Round or Unpooled, got ", type);
  return type != "Unpooled";
}

Pool& pool(DeviceId device) {
  Device& on = get_device(device);  // throws when it is not there
  // Never destroyed: arrays may be freed by other threads while the process ends. No lock, because a fork could leave it locked.
  constexpr int most_gpus = 64;
  static std::atomic<Pool*> cpus[host_contexts] = {}, gpus[most_gpus] = {};
  std::atomic<Pool*>& pool = device.host() ? cpus[host_context(device)] : gpus[device.index % most_gpus];
  if (Pool* made = pool.load(std::memory_order_acquire)) return *made;
  auto candidate =
      std::make_unique<Pool>(on, environment_int(device.host() ? "CPU_MEM_POOL_LIMIT" : "GPU_MEM_POOL_LIMIT", 0),
                             keeps_blocks(device.host() ? "CPU_MEM_POOL_TYPE" : "GPU_MEM_POOL_TYPE"));
  Pool* expected = nullptr;
  return pool.compare_exchange_strong(expected, candidate.get()) ? *candidate.release() : *expected;
}

}  // namespace

Storage& storage(DeviceId device) { return pool(device); }
int64_t storage_capacity(DeviceId device) { return pool(device).capacity(); }

}  // namespace mixnet
