// GPUs of threads and guarded memory, two of them: kernels written for CUDA, compiled for this machine, run on them as asynchronously as on real ones.
#include "device/emulated/emulated_gpu.h"

#include <cstdlib>

#include "base/error.h"
#include "device/emulated/emulated_graph.h"
#include "device/emulated/emulated_stream.h"
#include "device/gpu.h"

namespace mixnet {
namespace {

constexpr int count = 2;

class EmulatedGpu final : public StreamDevice {
 public:
  explicit EmulatedGpu(int index) : StreamDevice(index) { enlist(); }
  void* allocate(size_t bytes) override {
    refuse_while_recording("taking memory of the device");
    return memory_.allocate(bytes);
  }
  // As cudaFree does: nobody uses the memory any more.
  void deallocate(void* data, size_t bytes) override {
    refuse_while_recording("giving memory back to the device");
    synchronize();
    memory_.deallocate(data, bytes);
  }
  MemoryInfo memory() const override { return memory_.info(); }
  std::string model() const override { return "emulated"; }
  void* allocate_pinned(size_t bytes) override { return std::aligned_alloc(64, bytes); }
  bool pageable(const void*) const override { return true; }
  EmulatedMemory& guarded() { return memory_; }

 protected:
  std::unique_ptr<Stream> make_stream() override { return std::make_unique<EmulatedStream>(memory_); }
  std::unique_ptr<Recorder> make_recorder() override { return make_emulated_recorder(memory_, id().index); }

 private:
  mutable EmulatedMemory memory_;
};

}  // namespace

const char* gpu_backend() { return "emulated"; }
int gpu_count() { return count; }

StreamDevice& gpu_device(int index) {
  MIXNET_CHECK(index < count, device, "[gpu(", index, ")] expected an index below ", count, ", the number of GPUs");
  static auto* const gpus = new EmulatedGpu[count]{EmulatedGpu(0), EmulatedGpu(1)};
  return gpus[index];
}

void break_emulated_gpu(int index, const std::string& why) {
  static_cast<EmulatedStream*>(gpu_device(index).stream())->break_down(why);
}
void mend_emulated_gpu(int index) { static_cast<EmulatedGpu&>(gpu_device(index)).guarded().break_down({}); }

}  // namespace mixnet
