#include "storage/pool.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <vector>

#include "base/error.h"
#include "base/profile.h"

namespace mixnet {
namespace {
constexpr size_t block_alignment = 64;
constexpr size_t largest = size_t{1} << (8 * sizeof(size_t) - 2);
}  // namespace

Pool::Pool(Device& device, int64_t limit, bool keeps)
    : device_(device),
      keeps_(keeps),
      counter_(concat("Memory: ", device.id().host() ? "cpu" : "gpu", "/", device.id().index)) {
  total_ = device.memory().total_bytes;
  set_limit(limit);
  start_listening();
}

Pool::~Pool() {
  stop_listening();
  empty_cache();
}

// Four steps per power of two, rounded up to whole cache lines: at most a quarter is lost above 256 bytes.
size_t Pool::class_size(int index) {
  const size_t size = (size_t{64} << (index / 4)) + (size_t{16} << (index / 4)) * static_cast<size_t>(index % 4);
  return (size + block_alignment - 1) / block_alignment * block_alignment;
}

int Pool::class_of(size_t bytes) {
  int index = bytes <= 64 ? 0 : 4 * (63 - __builtin_clzll(bytes - 1) - 6);
  while (class_size(index) < bytes) ++index;
  // Rounding makes neighbours equal: the first of them is the class.
  while (index > 0 && class_size(index - 1) >= bytes) --index;
  return index;
}

Block Pool::allocate(size_t bytes) {
  if (bytes == 0) return {nullptr, 0, device_.id()};
  MIXNET_CHECK(bytes < largest, memory, "[", device_.id().str(), "] cannot give ", bytes, " bytes");
  std::lock_guard<SpinLock> lock(lock_);
  // Systems that promise memory they have not would end the process when it is touched.
  MIXNET_CHECK(s_.limit > 0 || bytes <= static_cast<size_t>(capacity()), memory, "[", device_.id().str(),
               "] cannot give ", bytes, " bytes, it has ", capacity());
  ++s_.allocations;
  if (fail_at_ > 0 && --fail_at_ == 0)
    fail(Code::memory, "[", device_.id().str(), "] out of memory: a test asked for it");
  Block block;
  block.device = device_.id();
  if (!keeps_) {
    block.data = from_device(bytes);
    block.size = bytes;
  } else if (bytes <= small_limit) {
    const int index = class_of(bytes);
    block.size = class_size(index);
    block.data = take_small(index);
  } else {
    Piece* piece = take_large((bytes + block_alignment - 1) / block_alignment * block_alignment);
    block.data = piece->data;
    block.size = piece->size;
  }
  s_.in_use += static_cast<int64_t>(block.size);
  s_.peak = std::max(s_.peak, s_.in_use);
  record_use();
  return block;
}

// With the lock, so that values stand in the order of their times.
void Pool::record_use() const {
  if (profile::on(profile::Category::memory))
    profile::add_counter(profile::Category::memory, profile::now(), s_.in_use, {counter_, {}});
}

void* Pool::take_small(int index) {
  std::vector<void*>& list = small_[index];
  const size_t size = class_size(index);
  if (list.empty()) return from_device(size);
  void* data = list.back();
  list.pop_back();
  s_.cached -= static_cast<int64_t>(size);
  ++s_.hits;
  return data;
}

Pool::Piece* Pool::take_large(size_t size) {
  Piece key{nullptr, size, true, nullptr, nullptr};
  auto it = free_.lower_bound(&key);
  Piece* piece;
  if (it != free_.end()) {
    piece = *it;
    free_.erase(it);
    s_.cached -= static_cast<int64_t>(piece->size);
    ++s_.hits;
    piece = split(piece, size);
  } else {
    piece = new Piece{from_device(size), size, false, nullptr, nullptr};
  }
  piece->free = false;
  used_.emplace(piece->data, piece);
  return piece;
}

// Keeps `size` bytes of the piece; the rest becomes a free neighbour if it is worth it.
Pool::Piece* Pool::split(Piece* piece, size_t size) {
  const size_t rest = piece->size - size;
  if (rest <= small_limit) return piece;
  Piece* tail = new Piece{piece->data + size, rest, true, piece, piece->after};
  if (tail->after) tail->after->before = tail;
  piece->after = tail;
  piece->size = size;
  free_.insert(tail);
  s_.cached += static_cast<int64_t>(rest);
  return piece;
}

// Joins a piece with its free neighbours, which leave the free set.
Pool::Piece* Pool::merge(Piece* piece) {
  auto swallow = [](Piece* first, Piece* second) {
    first->size += second->size;
    first->after = second->after;
    if (first->after) first->after->before = first;
    delete second;
  };
  if (piece->after && piece->after->free) {
    free_.erase(piece->after);
    swallow(piece, piece->after);
  }
  if (piece->before && piece->before->free) {
    Piece* before = piece->before;
    free_.erase(before);
    swallow(before, piece);
    piece = before;
  }
  return piece;
}

char* Pool::from_device(size_t size) {
  const int64_t bytes = static_cast<int64_t>(size);
  auto fits = [&] { return s_.limit == 0 || s_.in_use + s_.cached + bytes <= s_.limit; };
  void* data = fits() ? device_.allocate(size) : nullptr;
  if (!data) {
    trim_nolock();
    data = fits() ? device_.allocate(size) : nullptr;
  }
  if (!data && !fits()) {
    fail(Code::memory, "[", device_.id().str(), "] cannot give ", size, " bytes: ", s_.in_use,
         " are in use and the limit is ", s_.limit);
  }
  MIXNET_CHECK(data, memory, "[", device_.id().str(), "] out of memory: cannot give ", size, " bytes, ", s_.in_use,
               " are in use");
  ++s_.device_calls;
  return static_cast<char*>(data);
}

void Pool::release(Block block) {
  if (!block.data) return;
  std::unique_lock<SpinLock> lock(lock_);
  s_.in_use -= static_cast<int64_t>(block.size);
  if (!keeps_) {
    record_use();
    lock.unlock();
    return device_.deallocate(block.data, block.size);  // may wait for the device
  }
  s_.cached += static_cast<int64_t>(block.size);
  record_use();
  if (block.size <= small_limit) {
    small_[class_of(block.size)].push_back(block.data);
    return;
  }
  auto it = used_.find(block.data);
  Piece* piece = it->second;
  used_.erase(it);
  piece->free = true;
  free_.insert(merge(piece));
}

// Whole segments and all small blocks go back to the device.
void Pool::trim_nolock() {
  for (int i = 0; i < num_classes; ++i) {
    const size_t size = class_size(i);
    for (void* data : small_[i]) device_.deallocate(data, size);
    s_.cached -= static_cast<int64_t>(size * small_[i].size());
    small_[i].clear();
  }
  for (auto it = free_.begin(); it != free_.end();) {
    Piece* piece = *it;
    if (piece->before || piece->after) {
      ++it;
      continue;
    }
    it = free_.erase(it);
    s_.cached -= static_cast<int64_t>(piece->size);
    device_.deallocate(piece->data, piece->size);
    delete piece;
  }
}

void Pool::empty_cache() {
  std::lock_guard<SpinLock> lock(lock_);
  trim_nolock();
}

void Pool::set_limit(int64_t bytes) {
  MIXNET_CHECK(bytes >= 0, invalid, "[storage] limit: expected at least 0 bytes, got ", bytes);
  std::lock_guard<SpinLock> lock(lock_);
  s_.limit = bytes;
  capacity_ = bytes > 0 ? bytes : total_ > 0 ? total_ : std::numeric_limits<int64_t>::max();
}

void Pool::fail_at(int64_t countdown) {
  std::lock_guard<SpinLock> lock(lock_);
  fail_at_ = countdown;
}

void Pool::reset_peak() {
  std::lock_guard<SpinLock> lock(lock_);
  s_.peak = s_.in_use;
}

StorageStatistics Pool::statistics() const {
  std::lock_guard<SpinLock> lock(lock_);
  return s_;
}

}  // namespace mixnet
