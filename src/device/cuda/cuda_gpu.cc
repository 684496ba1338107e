// The machine's GPUs by CUDA's runtime, which is linked in and finds the driver when it is first asked: without one there are no GPUs, and nothing else changes.
#include <vector>

#include "device/cuda/cuda_call.h"
#include "device/cuda/cuda_graph.h"
#include "device/gpu.h"
#include "device/library.h"

namespace mixnet {
namespace {

using cuda::check;
using cuda::name_of;
using cuda::use;

class CudaEvent final : public Event {
 public:
  CudaEvent(int device, cudaStream_t stream) : device_(device) {
    check(device, cudaEventCreateWithFlags(&event_, cudaEventDisableTiming | cudaEventBlockingSync), "cudaEventCreate");
    const cudaError_t code = cudaEventRecord(event_, stream);
    if (code != cudaSuccess) cudaEventDestroy(event_);
    check(device, code, "cudaEventRecord");
  }
  ~CudaEvent() override { cudaEventDestroy(event_); }
  void wait() const override {
    use(device_);
    check(device_, cudaEventSynchronize(event_), "waiting for an event");
  }
  cudaEvent_t native() const { return event_; }

 private:
  const int device_;
  cudaEvent_t event_ = nullptr;
};

class CudaStream final : public Stream {
 public:
  explicit CudaStream(int device) : device_(device) {
    use(device);
    check(device, cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  }
  void copy(void* to, const void* from, size_t bytes) override {
    if (bytes == 0) return;
    use(device_);
    check(device_, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream_), "cudaMemcpyAsync");
  }
  void fill_zero(void* to, size_t bytes) override {
    if (bytes == 0) return;
    use(device_);
    check(device_, cudaMemsetAsync(to, 0, bytes, stream_), "cudaMemsetAsync");
  }
  EventPtr record() override {
    use(device_);
    return std::make_shared<CudaEvent>(device_, stream_);
  }
  void wait(const Event& event) override {
    use(device_);
    check(device_, cudaStreamWaitEvent(stream_, static_cast<const CudaEvent&>(event).native(), 0),
          "cudaStreamWaitEvent");
  }
  void synchronize() override {
    use(device_);
    check(device_, cudaStreamSynchronize(stream_), "waiting for the stream");
  }
  // Whoever asks is about to launch a kernel.
  void* native() const override {
    use(device_);
    return stream_;
  }

 private:
  const int device_;
  cudaStream_t stream_ = nullptr;  // for the life of the process, as devices are
};

class CudaGpu final : public StreamDevice {
 public:
  explicit CudaGpu(int index) : StreamDevice(index), index_(index) {
    use(index);
    enlist();
  }
  void* allocate(size_t bytes) override {
    use(index_);
    void* data = nullptr;
    const cudaError_t code = cudaMalloc(&data, bytes);
    if (code == cudaSuccess) return data;
    cudaGetLastError();  // a lack of memory is told by the pool, which tries again first
    if (code != cudaErrorMemoryAllocation) check(index_, code, "cudaMalloc");
    return nullptr;
  }
  std::string model() const override {
    cudaDeviceProp properties;
    check(index_, cudaGetDeviceProperties(&properties, index_), "cudaGetDeviceProperties");
    return properties.name;
  }
  // Waits for the device.
  void deallocate(void* data, size_t) override {
    use(index_);
    check(index_, cudaFree(data), "cudaFree");
  }
  MemoryInfo memory() const override {
    use(index_);
    size_t free = 0, total = 0;
    check(index_, cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    return {static_cast<int64_t>(free), static_cast<int64_t>(total)};
  }
  // Of all GPUs of the process.
  void* allocate_pinned(size_t bytes) override {
    use(index_);
    void* data = nullptr;
    if (cudaHostAlloc(&data, bytes, cudaHostAllocPortable) == cudaSuccess) return data;
    cudaGetLastError();
    return nullptr;
  }
  bool pageable(const void* data) const override {
    use(index_);
    cudaPointerAttributes attributes;
    if (cudaPointerGetAttributes(&attributes, data) == cudaSuccess)
      return attributes.type == cudaMemoryTypeUnregistered;
    cudaGetLastError();
    return true;
  }
  // From now on copies to and from the other one go straight where the machine can do that; elsewhere CUDA takes them through the host.
  void reach(const CudaGpu& other) {
    int can = 0;
    use(index_);
    // Somebody else of the process may have done it already, and there are machines with more GPUs than one can reach: no reason to do without this one.
    const bool done = cudaDeviceCanAccessPeer(&can, index_, other.index_) == cudaSuccess &&
                      (!can || cudaDeviceEnablePeerAccess(other.index_, 0) == cudaSuccess);
    if (!done) cudaGetLastError();
  }

 protected:
  std::unique_ptr<Stream> make_stream() override { return std::make_unique<CudaStream>(index_); }
  std::unique_ptr<Recorder> make_recorder() override { return make_cuda_recorder(index_); }

 private:
  const int index_;
};

// How many there are, and what CUDA says where there are none.
struct Found {
  int count = 0;
  std::string why;
};
const Found& found() {
  static const Found result = [] {
    Found f;
    const cudaError_t code = cudaGetDeviceCount(&f.count);
    if (code != cudaSuccess) {
      cudaGetLastError();
      f = {0, cudaGetErrorString(code)};
    }
    return f;
  }();
  return result;
}

}  // namespace

const char* gpu_backend() { return "cuda"; }
int gpu_count() { return found().count; }
void* library_stream(Stream& stream) { return stream.native(); }

StreamDevice& gpu_device(int index) {
  MIXNET_CHECK(found().count > 0, device, "[", name_of(index), "] there is no CUDA device: ", found().why);
  MIXNET_CHECK(index < found().count, device, "[", name_of(index), "] expected an index below ", found().count,
               ", the number of GPUs");
  static std::mutex mutex;
  static auto& gpus = *new std::vector<std::unique_ptr<CudaGpu>>(static_cast<size_t>(found().count));
  const std::lock_guard<std::mutex> lock(mutex);
  std::unique_ptr<CudaGpu>& gpu = gpus[static_cast<size_t>(index)];
  if (gpu) return *gpu;
  auto made = std::make_unique<CudaGpu>(index);
  for (const std::unique_ptr<CudaGpu>& other : gpus) {
    if (!other) continue;
    made->reach(*other);
    other->reach(*made);
  }
  gpu = std::move(made);
  return *gpu;
}

}  // namespace mixnet
