#include "device/device.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
//[full
#include "device/gpu.h"
//]

namespace mixnet {

std::string DeviceId::str() const {
  const char* name = kind == DeviceKind::cpu ? "cpu" : kind == DeviceKind::gpu ? "gpu" : "cpu_pinned";
  return std::string(name) + "(" + std::to_string(index) + ")";
}

namespace {

class CpuDevice : public Device {
  static constexpr size_t cache_line = 64, huge_page = 2 << 20, least_huge = 2 * huge_page;

 public:
  DeviceId id() const override { return {DeviceKind::cpu, index_}; }
  void set_index(int index) { index_ = index; }
  void* allocate(size_t bytes) override {
    // Large blocks lie in huge pages where the system has any: a net's weights are walked through once per step.
    const size_t alignment = bytes >= least_huge ? huge_page : cache_line;
    void* data = nullptr;
    if (posix_memalign(&data, alignment, bytes) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
    // The rest of the last page stays small, so that no memory is taken for it.
    if (bytes >= least_huge) madvise(data, bytes / huge_page * huge_page, MADV_HUGEPAGE);
#endif
    return data;
  }
  void deallocate(void* data, size_t) override { std::free(data); }
  void copy_from(const Device& other, void* to, const void* from, size_t bytes) override {
    if (!other.id().host()) return get_device(other.id()).copy_from(*this, to, from, bytes);
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  MemoryInfo memory() const override {
    const int64_t page = sysconf(_SC_PAGESIZE);
    return {page * sysconf(_SC_AVPHYS_PAGES), page * sysconf(_SC_PHYS_PAGES)};
  }

 private:
  int32_t index_ = 0;
};

CpuDevice* make_cpus() {
  auto* cpus = new CpuDevice[host_contexts];
  for (int i = 0; i < host_contexts; ++i) cpus[i].set_index(i);
  return cpus;
}

}  // namespace

Device& get_device(DeviceId id) {
  MIXNET_CHECK(id.index >= 0, device, "[", id.str(), "] expected a device index of at least 0");
  //[full
  if (id.kind == DeviceKind::gpu) return gpu_device(id.index);
  //]
  MIXNET_CHECK(id.host(), device, "[", id.str(), "] this build has no CUDA backend");
  // Never destroyed: arrays may outlive main.
  static CpuDevice* const cpus = make_cpus();
  return cpus[host_context(id)];
}

int host_context(DeviceId id) {
  return id.kind == DeviceKind::pinned ? 0 : std::min<int32_t>(id.index, host_contexts - 1);
}

//[full
int device_count(DeviceKind kind) { return kind == DeviceKind::gpu ? gpu_count() : 1; }
//]

}  // namespace mixnet
