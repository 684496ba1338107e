#include "device/cuda/cuda_graph.h"

#include "device/cuda/cuda_call.h"

namespace mixnet {
namespace {

using cuda::check;
using cuda::use;

class CudaGraph final : public StreamGraph {
 public:
  CudaGraph(int device, cudaGraph_t graph) : device_(device) {
    check(device, cudaGraphInstantiate(&executable_, graph, 0), "cudaGraphInstantiate");
  }
  // One that is under way is freed when it is done.
  ~CudaGraph() override { cudaGraphExecDestroy(executable_); }
  void launch(Stream& stream) override {
    const auto native = static_cast<cudaStream_t>(stream.native());
    check(device_, cudaGraphLaunch(executable_, native), "cudaGraphLaunch");
  }

 private:
  const int device_;
  cudaGraphExec_t executable_ = nullptr;
};

// A stream that is only given work while it is captured, in the thread's own mode: other threads may take memory meanwhile.
class CudaCapture final : public Stream, public Recorder {
 public:
  explicit CudaCapture(int device) : device_(device) {
    use(device);
    check(device, cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  }

  Stream& begin() override {
    use(device_);
    refused_ = nullptr;
    check(device_, cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
    return *this;
  }
  std::unique_ptr<StreamGraph> end() override {
    cudaGraph_t graph = nullptr;
    const cudaError_t code = cudaStreamEndCapture(stream_, &graph);
    const std::unique_ptr<CUgraph_st, cudaError_t (*)(cudaGraph_t)> owned(graph, cudaGraphDestroy);
    // Told here, and not to whoever launches next.
    if (code != cudaSuccess) cudaGetLastError();
    check(device_, code, "cudaStreamEndCapture");
    if (refused_) refuse(refused_);
    return std::make_unique<CudaGraph>(device_, graph);
  }
  void abandon() noexcept override {
    cudaGraph_t graph = nullptr;
    cudaStreamEndCapture(stream_, &graph);
    if (graph) cudaGraphDestroy(graph);
    cudaGetLastError();
  }

  void copy(void* to, const void* from, size_t bytes) override {
    if (!here(to) || !here(from)) refuse("a copy from or to the host");
    check(device_, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_), "cudaMemcpyAsync");
  }
  void fill_zero(void* to, size_t bytes) override {
    check(device_, cudaMemsetAsync(to, 0, bytes, stream_), "cudaMemsetAsync");
  }
  EventPtr record() override { refuse("an event"); }
  void wait(const Event&) override { refuse("waiting for an event"); }
  void synchronize() override { refuse("a wait of the host"); }
  void* native() const override {
    use(device_);
    return stream_;
  }

 private:
  [[noreturn]] void refuse(const char* what) {
    refused_ = what;
    fail(Code::unsupported, "[", cuda::name_of(device_), "] ", what, " cannot be part of a graph that is captured");
  }
  bool here(const void* data) const {
    cudaPointerAttributes attributes;
    check(device_, cudaPointerGetAttributes(&attributes, data), "cudaPointerGetAttributes");
    return attributes.type == cudaMemoryTypeDevice && attributes.device == device_;
  }

  const int device_;
  cudaStream_t stream_ = nullptr;  // for the life of the process, as devices are
  const char* refused_ = nullptr;
};

}  // namespace

std::unique_ptr<Recorder> make_cuda_recorder(int device) { return std::make_unique<CudaCapture>(device); }

}  // namespace mixnet
