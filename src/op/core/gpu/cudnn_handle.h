// A handle of cuDNN for one device, and plans that run by it. Convolutions, attention and RNNs have one each, so that they do not wait for each other.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "base/span.h"
#include "device/gpu.h"
#include "op/core/gpu/cudnn.h"

namespace mixnet::gpu::cudnn {

class Handle {
 public:
  // Makes the device this thread's, as `use` does.
  Handle(const Functions& cudnn, int device);
  Handle(const Handle&) = delete;
  // From now on what it is given goes into this stream of the device.
  void use(Stream& stream);
  void* native() const { return native_; }

  const Functions& cudnn;
  StreamDevice& device;
  Stream& stream;    // the device's own
  std::mutex mutex;  // held by whoever uses the handle: it is for one thread at a time

 private:
  void* native_ = nullptr;
  void* native_stream_ = nullptr;
};

// What of type S, made of the library and a device, belongs to these; never destroyed.
template <class S>
S& session_of(const Functions& cudnn, int device) {
  static std::mutex mutex;
  static auto& sessions = *new std::map<std::pair<const Functions*, int>, std::unique_ptr<S>>;
  const std::lock_guard<std::mutex> lock(mutex);
  std::unique_ptr<S>& session = sessions[{&cudnn, device}];
  if (!session) session = std::make_unique<S>(cudnn, device);
  return *session;
}

// A graph's plan by one engine.
class Execution {
 public:
  Execution(Handle& handle, const Descriptor& config);
  size_t workspace() const { return workspace_; }
  // The handle's mutex is the caller's. The tensors' addresses by their ids.
  void run(Stream& stream, Span<const int64_t> ids, Span<const void* const> addresses, void* workspace,
           const char* what) const;

 private:
  Handle& handle_;
  Descriptor it_;
  size_t workspace_ = 0;
};

}  // namespace mixnet::gpu::cudnn
