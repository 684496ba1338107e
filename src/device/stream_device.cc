#include "device/stream_device.h"

#include <algorithm>
#include <atomic>

#include "base/environment.h"
#include "base/error.h"

namespace mixnet {
namespace {

constexpr int most_gpus = 64;
std::atomic<StreamDevice*> devices[most_gpus];

// MIXNET_GPU_SYNC=1, or MIXNET_ENGINE=naive.
bool in_step() {
  const std::string engine = environment_string("ENGINE", "");
  return environment_bool("GPU_SYNC", engine == "naive" || engine == "NaiveEngine");
}

}  // namespace

StreamDevice::StreamDevice(int index)
    : id_{DeviceKind::gpu, index}, staging_(*this, environment_int("GPU_STAGING_BYTES", int64_t{32} << 20)) {}

int StreamDevice::in_use() { return most_gpus; }
StreamDevice* StreamDevice::used(int index) { return devices[index].load(std::memory_order_acquire); }
void StreamDevice::enlist() { devices[id_.index % most_gpus].store(this, std::memory_order_release); }

Stream& StreamDevice::stream_of(Use use) {
  const auto i = static_cast<size_t>(use);
  if (Stream* made = made_[i].load(std::memory_order_acquire)) return *made;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!streams_[i]) {
    streams_[i] = make_stream();
    streams_[i]->set_gpu(id_.index);
    streams_[i]->set_in_step(in_step());
    made_[i].store(streams_[i].get(), std::memory_order_release);
  }
  return *streams_[i];
}

Watcher& StreamDevice::watcher_of(Use use) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::unique_ptr<Watcher>& watcher = watchers_[static_cast<size_t>(use)];
  if (!watcher) watcher = std::make_unique<Watcher>();
  return *watcher;
}

void StreamDevice::copy_from(const Device& other, void* to, const void* from, size_t bytes) {
  if (bytes == 0) return;
  Stream& compute = stream_of(Use::compute);
  if (!other.id().host() && other.id() != id_) {
    Stream& source = *get_device(other.id()).stream();
    compute.wait(*source.record());
    compute.copy(to, from, bytes);
    source.wait(*compute.record());
    return;
  }
  // The caller waits anyway: nothing is gained by pinned blocks.
  compute.copy(to, from, bytes);
  compute.synchronize();
}

void StreamDevice::copy_later(Device& source, Device& target, void* to, const void* from, size_t bytes,
                              Watcher::Done done) {
  const bool inwards = source.id().host();
  const Use use = inwards ? Use::copy_in : Use::copy_out;
  Stream& way = stream_of(use);
  std::vector<EventPtr> before;
  for (Device* device : {&source, &target}) {
    if (Stream* stream = device->stream()) before.push_back(stream->record());
  }
  const void* const host = inwards ? from : target.id().host() ? to : nullptr;
  if (host && bytes > 0 && pageable(host))
    return staging_.copy({way, watcher_of(use), std::move(before), to, from, bytes, inwards, std::move(done)});
  for (const EventPtr& event : before) way.wait(*event);
  if (bytes > 0) way.copy(to, from, bytes);
  watcher_of(use).tell(way.record(), std::move(done));
}

void StreamDevice::when_computed(Watcher::Done done) {
  watcher_of(Use::compute).tell(stream_of(Use::compute).record(), std::move(done));
}

void StreamDevice::synchronize() {
  for (const auto& made : made_) {
    if (Stream* stream = made.load(std::memory_order_acquire)) stream->synchronize();
  }
}

std::unique_ptr<StreamGraph> StreamDevice::capture(FunctionRef<void(Stream&)> work) {
  return capture_branches([&](Branches& branches) { work(branches.stream(0)); });
}

std::unique_ptr<StreamGraph> StreamDevice::capture_branches(FunctionRef<void(Branches&)> work) {
  const std::lock_guard<std::mutex> lock(capturing_);
  if (!recorder_) recorder_ = make_recorder();
  Branches& branches = recorder_->begin();
  try {
    work(branches);
  } catch (...) {
    recorder_->abandon();
    throw;
  }
  return recorder_->end();
}

int StreamDevice::branch_of(const Stream& stream) const {
  for (const auto& made : made_) {
    if (made.load(std::memory_order_acquire) == &stream) return 0;
  }
  // Only who records has another one, and then the recorder is there.
  return recorder_ ? std::max(0, recorder_->branch_of(stream)) : 0;
}

}  // namespace mixnet
