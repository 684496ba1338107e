// A queue of work on a GPU: what is put into it runs in order, beside the host and beside other streams.
//
// The host gets an error of work under way where it waits, or at the next call; from then on the device may be lost (Code::device).
#pragma once
#include <cstddef>
#include <memory>

namespace mixnet {

// A place in a stream that has been reached once all put in before is done.
class Event {
 public:
  virtual ~Event() = default;
  // The host waits. Throws what went wrong on the device.
  virtual void wait() const = 0;
};
using EventPtr = std::shared_ptr<const Event>;

class Stream {
 public:
  virtual ~Stream() = default;
  // Bytes within the device, to it or from it; host memory must stay as it is until the stream has been here. Of no bytes it does not matter where they are.
  virtual void copy(void* to, const void* from, size_t bytes) = 0;
  virtual void fill_zero(void* to, size_t bytes) = 0;
  virtual EventPtr record() = 0;
  // What is put in from now on runs after the event; the host does not wait.
  virtual void wait(const Event& event) = 0;
  // The host waits for all that was put in.
  virtual void synchronize() = 0;
  // What the library behind it calls it: a cudaStream_t.
  virtual void* native() const = 0;

  // The index of the GPU whose stream it is; its device says so.
  int gpu() const { return gpu_; }
  void set_gpu(int gpu) { gpu_ = gpu; }
  // Whether kernels are waited for one by one, so that an error names its operator.
  bool in_step() const { return in_step_; }
  void set_in_step(bool in_step) { in_step_ = in_step; }

 private:
  int gpu_ = -1;
  bool in_step_ = false;
};

}  // namespace mixnet
