// What is linked where there is no backend for GPUs.
#include "base/error.h"
#include "device/gpu.h"
#include "device/library.h"

namespace mixnet {

const char* gpu_backend() { return "none"; }
int gpu_count() { return 0; }
void* library_stream(Stream& stream) { return stream.native(); }
StreamDevice& gpu_device(int index) { fail(Code::device, "[gpu(", index, ")] this build has no CUDA backend"); }

}  // namespace mixnet
