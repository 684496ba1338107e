// What a kind of device must be able to do for the rest of the library: give raw memory and copy.
//
// There is one Device object per DeviceId for the life of the process; the contexts of the CPU (cpu(0), cpu(1), ...) have the same kind of
// memory and are told apart only so that what lies on each is counted and planned as on devices of its own. Callers do not cache memory here: src/storage
// does. A device that is not there is an ordinary error (Code::device) from get_device.
#pragma once
#include <cstddef>
#include <cstdint>

#include "device/device_id.h"

namespace mixnet {

class Stream;

struct MemoryInfo {
  int64_t free_bytes = 0;
  int64_t total_bytes = 0;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual DeviceId id() const = 0;
  // 64-byte aligned memory, or nullptr when there is none.
  virtual void* allocate(size_t bytes) = 0;
  virtual void deallocate(void* data, size_t bytes) = 0;
  // Between this device and `other`, or within this device. Returns when the bytes have arrived.
  virtual void copy_from(const Device& other, void* to, const void* from, size_t bytes) = 0;
  virtual MemoryInfo memory() const = 0;
  // Where kernels run on a GPU; nullptr on a host device: they run on the thread that calls them.
  virtual Stream* stream() { return nullptr; }
};

// Contexts of the CPU that have a Device each; those beyond share the last one's. Pinned memory is that of cpu(0).
constexpr int host_contexts = 64;
// Which of them a host device is; its index is not negative.
int host_context(DeviceId id);

// Throws Code::device where there is none: "[gpu(0)] this build has no CUDA backend".
Device& get_device(DeviceId id);
// Number of devices of a kind; 1 for the CPU.
int device_count(DeviceKind kind);

}  // namespace mixnet
