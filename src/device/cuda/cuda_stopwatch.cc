#include <cuda_runtime_api.h>

#include "base/error.h"
#include "device/stopwatch.h"

namespace mixnet {
namespace {

void check(cudaError_t code, const char* what) {
  if (code != cudaSuccess) cudaGetLastError();  // else the next kernel's launch would be told of it
  MIXNET_CHECK(code == cudaSuccess, device, "[gpu] ", what, ": ", cudaGetErrorString(code));
}

class CudaStopwatch final : public Stopwatch {
 public:
  explicit CudaStopwatch(Stream& stream) : stream_(stream) {
    native();
    for (cudaEvent_t& event : events_)
      check(cudaEventCreateWithFlags(&event, cudaEventBlockingSync), "cudaEventCreate");
  }
  ~CudaStopwatch() override {
    for (const cudaEvent_t event : events_) {
      if (event) cudaEventDestroy(event);
    }
  }
  void begin() override { check(cudaEventRecord(events_[0], native()), "cudaEventRecord"); }
  void end() override { check(cudaEventRecord(events_[1], native()), "cudaEventRecord"); }
  double seconds() override {
    native();
    float milliseconds = 0;
    check(cudaEventSynchronize(events_[1]), "waiting for an event");
    check(cudaEventElapsedTime(&milliseconds, events_[0], events_[1]), "cudaEventElapsedTime");
    return milliseconds * 1e-3;
  }

 private:
  // Makes the device this thread's.
  cudaStream_t native() const { return static_cast<cudaStream_t>(stream_.native()); }

  Stream& stream_;
  cudaEvent_t events_[2] = {};
};

}  // namespace

std::unique_ptr<Stopwatch> make_stopwatch(Stream& stream) { return std::make_unique<CudaStopwatch>(stream); }

}  // namespace mixnet
