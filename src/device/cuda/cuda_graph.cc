#include "device/cuda/cuda_graph.h"

#include <vector>

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

// A stream that is only given work while it is captured.
class CudaBranch final : public Stream {
 public:
  // `refused` is told what was not captured.
  CudaBranch(int device, const char** refused) : device_(device), refused_(refused) {
    set_gpu(device);
    check(device, cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  }
  void copy(void* to, const void* from, size_t bytes) override {
    if (bytes == 0) return;
    if (!here(to) || !here(from)) refuse("a copy from or to the host");
    check(device_, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_), "cudaMemcpyAsync");
  }
  void fill_zero(void* to, size_t bytes) override {
    if (bytes == 0) return;
    check(device_, cudaMemsetAsync(to, 0, bytes, stream_), "cudaMemsetAsync");
  }
  EventPtr record() override { refuse("an event"); }
  void wait(const Event&) override { refuse("waiting for an event"); }
  void synchronize() override { refuse("a wait of the host"); }
  void* native() const override {
    use(device_);
    return stream_;
  }
  cudaStream_t stream() const { return stream_; }
  [[noreturn]] void refuse(const char* what) const {
    *refused_ = what;
    fail(Code::unsupported, "[", cuda::name_of(device_), "] ", what, " cannot be part of a graph that is captured");
  }

 private:
  bool here(const void* data) const {
    cudaPointerAttributes attributes;
    check(device_, cudaPointerGetAttributes(&attributes, data), "cudaPointerGetAttributes");
    return attributes.type == cudaMemoryTypeDevice && attributes.device == device_;
  }

  const int device_;
  const char** const refused_;
  cudaStream_t stream_ = nullptr;  // for the life of the process, as devices are
};

// In the thread's own mode: other threads may take memory meanwhile. The first stream is what is captured; another one is drawn in by
// its first wait and joins the first at the end.
class CudaRecorder final : public Recorder, public Branches {
 public:
  explicit CudaRecorder(int device) : device_(device) {
    use(device);
    for (int i = 0; i < most; ++i) {
      branches_[i] = std::make_unique<CudaBranch>(device, &refused_);
      ends_[i] = new_event();
    }
  }

  Branches& begin() override {
    use(device_);
    refused_ = nullptr;
    marks_ = 0;
    for (bool& drawn_in : drawn_in_) drawn_in = false;
    drawn_in_[0] = true;
    check(device_, cudaStreamBeginCapture(native(0), cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
    try {
      start_ = mark(0);
    } catch (...) {
      abandon();
      throw;
    }
    return *this;
  }
  std::unique_ptr<StreamGraph> end() override {
    const cudaError_t joined = join();
    cudaGraph_t graph = nullptr;
    const cudaError_t code = cudaStreamEndCapture(native(0), &graph);
    const std::unique_ptr<CUgraph_st, cudaError_t (*)(cudaGraph_t)> owned(graph, cudaGraphDestroy);
    // Told here, and not to whoever launches next.
    if (joined != cudaSuccess || code != cudaSuccess) cudaGetLastError();
    check(device_, joined, "joining branches of a graph");
    check(device_, code, "cudaStreamEndCapture");
    if (refused_) branches_[0]->refuse(refused_);
    return std::make_unique<CudaGraph>(device_, graph);
  }
  void abandon() noexcept override {
    cudaGraph_t graph = nullptr;
    join();
    cudaStreamEndCapture(native(0), &graph);
    if (graph) cudaGraphDestroy(graph);
    cudaGetLastError();
  }
  int branch_of(const Stream& stream) const override {
    for (int i = 0; i < most; ++i) {
      if (branches_[i].get() == &stream) return i;
    }
    return -1;
  }

  Stream& stream(int branch) override {
    draw_in(branch);
    return *branches_[branch];
  }
  int mark(int branch) override {
    draw_in(branch);
    if (marks_ == events_.size()) events_.push_back(new_event());
    check(device_, cudaEventRecord(events_[marks_], native(branch)), "cudaEventRecord");
    return static_cast<int>(marks_++);
  }
  void wait(int branch, int place) override {
    drawn_in_[branch] = true;
    check(device_, cudaStreamWaitEvent(native(branch), events_[static_cast<size_t>(place)], 0), "cudaStreamWaitEvent");
  }

 private:
  cudaStream_t native(int branch) const { return branches_[branch]->stream(); }
  void draw_in(int branch) {
    if (!drawn_in_[branch]) wait(branch, start_);
  }
  cudaEvent_t new_event() const {
    cudaEvent_t event = nullptr;
    check(device_, cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
    return event;
  }
  // The first stream waits for the others; what went wrong first.
  cudaError_t join() noexcept {
    for (int i = 1; i < most; ++i) {
      if (!drawn_in_[i]) continue;
      cudaError_t code = cudaEventRecord(ends_[i], native(i));
      if (code == cudaSuccess) code = cudaStreamWaitEvent(native(0), ends_[i], 0);
      if (code != cudaSuccess) return code;
    }
    return cudaSuccess;
  }

  const int device_;
  std::unique_ptr<CudaBranch> branches_[most];
  bool drawn_in_[most] = {};
  cudaEvent_t ends_[most] = {};      // events are for the life of the process, too
  std::vector<cudaEvent_t> events_;  // of every recording the first marks_
  size_t marks_ = 0;
  int start_ = 0;
  const char* refused_ = nullptr;
};

}  // namespace

std::unique_ptr<Recorder> make_cuda_recorder(int device) { return std::make_unique<CudaRecorder>(device); }

}  // namespace mixnet
