#include "device/gpu.h"

namespace mixnet {

void synchronize_gpus() {
  for (int i = 0; i < StreamDevice::in_use(); ++i) {
    if (StreamDevice* device = StreamDevice::used(i)) device->synchronize();
  }
}

}  // namespace mixnet
