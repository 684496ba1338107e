// Where memory lives and work runs. The codes are those of MXNet's files.
#pragma once
#include <cstdint>
#include <string>

namespace mixnet {

enum class DeviceKind : int32_t { cpu = 1, gpu = 2, pinned = 3 };

struct DeviceId {
  DeviceKind kind = DeviceKind::cpu;
  int32_t index = 0;

  bool operator==(const DeviceId& o) const { return kind == o.kind && index == o.index; }
  bool operator!=(const DeviceId& o) const { return !(*this == o); }
  bool host() const { return kind != DeviceKind::gpu; }
  // "cpu(0)", "gpu(1)", "cpu_pinned(0)".
  std::string str() const;
};

}  // namespace mixnet
