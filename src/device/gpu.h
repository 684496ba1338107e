// The GPUs of this process. What stands behind them is decided when the library is linked: CUDA (device/cuda), threads of this machine
// (device/emulated, for tests), or nothing.
#pragma once
#include "device/stream_device.h"

namespace mixnet {

// "cuda", "emulated" or "none".
const char* gpu_backend();
// How many there are; 0 where there is no driver.
int gpu_count();
// Made at first use, never destroyed. Throws Code::device: "[gpu(0)] this build has no CUDA backend".
StreamDevice& gpu_device(int index);

// The host waits for all GPUs that have been used; throws the first error.
void synchronize_gpus();

}  // namespace mixnet
