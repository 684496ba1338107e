#include "device/emulated/emulated_memory.h"

#include <sys/mman.h>

#include <atomic>

#include "base/error.h"
#include "base/poison.h"

namespace mixnet {

namespace {

std::atomic<EmulatedMemory*> made[8];  // never destroyed

// Whole pages, and with AddressSanitizer one behind them that nobody may touch.
size_t room(size_t bytes) {
  constexpr size_t page = 4096;
  return (bytes + page - 1) / page * page + (poisons ? page : 0);
}

}  // namespace

EmulatedMemory::EmulatedMemory() {
  // Large pages, where the system has them: opening and closing ordinary ones takes longer than the work.
  constexpr size_t large = size_t{2} << 20;
  void* data = mmap(nullptr, total + large, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  MIXNET_CHECK(data != MAP_FAILED, memory, "[emulated gpu] no address space");
  base_ = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(data) + large - 1) / large * large);
  madvise(base_, total, MADV_HUGEPAGE);
  free_[0] = total;
  for (std::atomic<EmulatedMemory*>& slot : made) {
    EmulatedMemory* none = nullptr;
    if (slot.compare_exchange_strong(none, this)) break;
  }
}

void* EmulatedMemory::allocate(size_t bytes) {
  const size_t size = room(bytes);
  const std::lock_guard<std::mutex> lock(mutex_);
  for (auto it = free_.begin(); it != free_.end(); ++it) {
    if (it->second < size) continue;
    const size_t at = it->first, rest = it->second - size;
    free_.erase(it);
    if (rest > 0) free_[at + size] = rest;
    in_use_ += size;
    unpoison(base_ + at, bytes);
    poison(base_ + at + bytes, size - bytes);
    return base_ + at;
  }
  return nullptr;
}

void EmulatedMemory::deallocate(void* data, size_t bytes) {
  size_t at = static_cast<size_t>(static_cast<char*>(data) - base_), size = room(bytes);
  const std::lock_guard<std::mutex> lock(mutex_);
  poison(data, bytes);
  in_use_ -= size;
  auto after = free_.lower_bound(at);
  if (after != free_.end() && after->first == at + size) {
    size += after->second;
    after = free_.erase(after);
  }
  if (after != free_.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second == at) {
      before->second += size;
      return;
    }
  }
  free_[at] = size;
}

MemoryInfo EmulatedMemory::info() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return {static_cast<int64_t>(total - in_use_), static_cast<int64_t>(total)};
}

EmulatedMemory* EmulatedMemory::of(const void* data) {
  const char* at = static_cast<const char*>(data);
  for (const std::atomic<EmulatedMemory*>& slot : made) {
    EmulatedMemory* memory = slot.load();
    if (memory && at >= memory->base_ && at < memory->base_ + total) return memory;
  }
  return nullptr;
}

EmulatedMemory::Open::Open(EmulatedMemory* memory) : memory_(memory) {
  if (!memory_) return;
  const std::lock_guard<std::mutex> lock(memory_->mutex_);
  if (memory_->open_++ == 0) mprotect(memory_->base_, total, PROT_READ | PROT_WRITE);
}

EmulatedMemory::Open::~Open() {
  if (!memory_) return;
  const std::lock_guard<std::mutex> lock(memory_->mutex_);
  if (--memory_->open_ == 0) mprotect(memory_->base_, total, PROT_NONE);
}

std::string EmulatedMemory::broken() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return broken_;
}

void EmulatedMemory::break_down(const std::string& why) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (broken_.empty() || why.empty()) broken_ = why;
}

}  // namespace mixnet
