// What all GPUs have in common, whoever makes their streams: a stream per purpose, copies from and to the host, and a thread that tells when work is done.
//
// Kernels run on the compute stream in the order in which they were put in; engine operations on such a device are over as soon as that has happened,
// since whatever follows them there follows in the stream. Copies from and to other devices run on streams of their own, behind what the
// compute stream has been given so far, and their engine operations end when the bytes have arrived.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>

#include "base/function_ref.h"
#include "device/device.h"
#include "device/stream_graph.h"
#include "device/watcher.h"

namespace mixnet {

class StreamDevice : public Device {
 public:
  explicit StreamDevice(int index) : id_{DeviceKind::gpu, index} {}
  DeviceId id() const final { return id_; }
  Stream* stream() final { return &stream_of(Use::compute); }
  // What its maker calls it: "NVIDIA H200".
  virtual std::string model() const = 0;
  void copy_from(const Device& other, void* to, const void* from, size_t bytes) final;
  // From this device or to it. Returns at once; `done` is called on another thread when the bytes have arrived, with what went wrong or nothing.
  void copy_later(Device& source, Device& target, void* to, const void* from, size_t bytes, Watcher::Done done);
  // The host waits for all streams.
  void synchronize();
  // What `work` puts into the stream that it gets; nothing of it is run. Throws what `work` throws, and Code::unsupported where it did what cannot be
  // done again and again: memory of the device taken or given back, waits, events, copies from or to the host, work for other streams.
  // Other threads use the device meanwhile as ever; their work is not recorded.
  std::unique_ptr<StreamGraph> capture(FunctionRef<void(Stream&)> work);

  // Devices that have been made: the i-th, or null.
  static int in_use();
  static StreamDevice* used(int index);

 protected:
  virtual std::unique_ptr<Stream> make_stream() = 0;
  virtual std::unique_ptr<Recorder> make_recorder() = 0;
  // By the maker, once it can be used.
  void enlist();

 private:
  enum class Use { compute, copy_in, copy_out };
  Stream& stream_of(Use use);

  const DeviceId id_;
  std::mutex mutex_;  // guards making
  std::unique_ptr<Stream> streams_[3];
  std::atomic<Stream*> made_[3] = {};
  std::unique_ptr<Watcher> watcher_;
  std::mutex capturing_;  // one recording at a time
  std::unique_ptr<Recorder> recorder_;
};

}  // namespace mixnet
