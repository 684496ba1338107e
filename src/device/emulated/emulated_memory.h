// The memory of an emulated GPU, which the host cannot read or write: whoever tries is ended by the system, so that tests find it.
//
// The threads of streams open it while they work, so that a wrong access is found unless something runs on the device at that moment.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "device/device.h"

namespace mixnet {

class EmulatedMemory {
 public:
  EmulatedMemory();
  // nullptr when there is no room.
  void* allocate(size_t bytes);
  void deallocate(void* data, size_t bytes);
  MemoryInfo info();
  // The one that this address belongs to, or null.
  static EmulatedMemory* of(const void* data);

  // While one exists, this process may use the memory.
  class Open {
   public:
    explicit Open(EmulatedMemory* memory);  // may be null
    ~Open();
    Open(const Open&) = delete;

   private:
    EmulatedMemory* const memory_;
  };

  // What broke the device, or empty.
  std::string broken();
  // Empty: it is well again.
  void break_down(const std::string& why);

 private:
  static constexpr size_t total = size_t{1} << 30;
  char* base_;
  std::mutex mutex_;               // guards the rest
  std::map<size_t, size_t> free_;  // bytes by offset
  size_t in_use_ = 0;
  int open_ = 0;
  std::string broken_;
};

}  // namespace mixnet
