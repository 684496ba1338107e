// The process's pools. All host devices share one; a CUDA build adds one per GPU.
#include "storage/storage.h"

#include "base/environment.h"
#include "storage/pool.h"

namespace mixnet {

Storage& storage(DeviceId device) {
  get_device(device);  // throws when it is not there
  // Never destroyed: arrays may be freed by other threads while the process ends.
  static Pool& cpu = *new Pool(get_device({}), environment_int("CPU_MEM_POOL_LIMIT", 0));
  return cpu;
}

}  // namespace mixnet
