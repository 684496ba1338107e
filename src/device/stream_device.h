// What all GPUs have in common, whoever makes their streams: a stream per purpose, copies from and to the host, and a thread that tells when work is done.
//
// Kernels run on the compute stream in the order in which they were put in; engine operations on such a device are over as soon as that has happened,
// since whatever follows them there follows in the stream. Copies from and to other devices run on streams of their own, behind what the
// compute stream has been given so far, and their engine operations end when the bytes have arrived. Between GPUs they go straight where one can
// reach the other's memory, between a GPU and pageable memory of the host through pinned blocks (staging.h).
#pragma once
#include <atomic>
#include <memory>
#include <mutex>

#include "base/function_ref.h"
#include "device/device.h"
#include "device/staging.h"
#include "device/stream_graph.h"
#include "device/watcher.h"

namespace mixnet {

class StreamDevice : public Device {
 public:
  explicit StreamDevice(int index);
  DeviceId id() const final { return id_; }
  Stream* stream() final { return &stream_of(Use::compute); }
  // What its maker calls it: "NVIDIA H200".
  virtual std::string model() const = 0;
  // Where collectives run (collectives.h), beside the kernels.
  Stream& communication() { return stream_of(Use::communication); }
  // From another GPU: the compute streams of both wait for each other, and the host does not.
  void copy_from(const Device& other, void* to, const void* from, size_t bytes) final;
  // From this device or to it. Returns at once; `done` is called on another thread when the bytes have arrived, with what went wrong or nothing.
  void copy_later(Device& source, Device& target, void* to, const void* from, size_t bytes, Watcher::Done done);
  // `done` is called on another thread when the compute stream has done what it was given so far.
  void when_computed(Watcher::Done done);
  // The host waits for all streams.
  void synchronize();
  // What `work` puts into the stream that it gets; nothing of it is run. Throws what `work` throws, and Code::unsupported where it did what cannot be
  // done again and again: memory of the device taken or given back, waits, events, copies from or to the host, work for other streams.
  // Other threads use the device meanwhile as ever; their work is not recorded.
  std::unique_ptr<StreamGraph> capture(FunctionRef<void(Stream&)> work);
  // The same of several streams side by side.
  std::unique_ptr<StreamGraph> capture_branches(FunctionRef<void(Branches&)> work);
  // Which of the streams that capture_branches gives this is; 0 for every other one of this device.
  int branch_of(const Stream& stream) const;
  Staging& staging() { return staging_; }
  // Memory of the host that the device reads and writes by itself, or nullptr. For the life of the process.
  virtual void* allocate_pinned(size_t bytes) = 0;
  // Whether memory of the host is of the ordinary kind, which the system may move.
  virtual bool pageable(const void* data) const = 0;

  // Devices that have been made: the i-th, or null.
  static int in_use();
  static StreamDevice* used(int index);

 protected:
  virtual std::unique_ptr<Stream> make_stream() = 0;
  virtual std::unique_ptr<Recorder> make_recorder() = 0;
  // By the maker, once it can be used.
  void enlist();

 private:
  enum class Use { compute, copy_in, copy_out, communication };
  Stream& stream_of(Use use);
  Watcher& watcher_of(Use use);

  const DeviceId id_;
  std::mutex mutex_;  // guards making
  std::unique_ptr<Stream> streams_[4];
  std::atomic<Stream*> made_[4] = {};
  std::unique_ptr<Watcher> watchers_[4];
  Staging staging_;
  std::mutex capturing_;  // one recording at a time
  std::unique_ptr<Recorder> recorder_;
};

}  // namespace mixnet
