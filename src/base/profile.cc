// Each thread writes into a chain of blocks; the reader follows behind and takes away the blocks that are full. The count of a block is
// what the two share, so neither waits for the other.
#include "base/profile.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "base/fork.h"

namespace mixnet::profile {
namespace internal {
std::atomic<uint32_t> enabled{0};
}

namespace {

constexpr uint32_t block_size = 512;

struct Block {
  Record records[block_size];
  std::atomic<uint32_t> count{0};
  std::atomic<Block*> next{nullptr};
};

struct Buffer {
  ThreadName name;
  Block* writing;      // of the thread
  Block* reading;      // of the reader
  uint32_t taken = 0;  // records of `reading` that the reader has
  std::atomic<int64_t> dropped{0};
  std::atomic<bool> left{false};  // the thread is gone
  Buffer* next = nullptr;
};

struct Recorder {
  std::mutex mutex;  // of the reader
  std::atomic<Buffer*> buffers{nullptr};
  std::atomic<int64_t> held{0};  // records there is memory for, since the last clear
  std::atomic<int64_t> limit{default_limit}, origin{0};
  std::atomic<int32_t> threads{0};
  std::atomic<uint32_t> categories{all_categories};
  std::vector<Record> records;
  std::vector<ThreadName> names;
  int64_t given_back = 0;  // of `held`, in blocks the reader has freed
  int64_t dropped = 0;
  size_t aggregate_from = 0;

  std::atomic<int64_t> refused{0};  // of threads that got no block

  bool reserve();
  void drain(Buffer& buffer);
  void collect();
  void clear();
};

// Made at first use, never destroyed. No lock, because a fork could leave it locked.
std::atomic<Recorder*> the_recorder{nullptr};

// Other threads are gone in a child, wherever they stood: what they held is left to lie.
struct Forks final : ForkListener {
  void forked() override;
};

Recorder& recorder() {
  if (Recorder* made = the_recorder.load(std::memory_order_acquire)) return *made;
  auto candidate = std::make_unique<Recorder>();
  Recorder* expected = nullptr;
  if (!the_recorder.compare_exchange_strong(expected, candidate.get())) return *expected;
  (new Forks)->start_listening();
  return *candidate.release();
}

thread_local Buffer* own_buffer = nullptr;
thread_local const char* own_name = nullptr;
thread_local bool thread_ends = false;

struct Ending {
  ~Ending() {
    if (own_buffer) own_buffer->left.store(true, std::memory_order_release);
    own_buffer = nullptr;
    thread_ends = true;
  }
  bool watched = false;
};
thread_local Ending ending;

const char* default_name() {
#ifdef __linux__
  if (syscall(SYS_gettid) == getpid()) return "main";
#endif
  return "thread";
}

bool Recorder::reserve() {
  const bool room = held.fetch_add(block_size) + block_size <= std::max<int64_t>(limit.load(), block_size);
  if (!room) held.fetch_sub(block_size);
  return room;
}

// Null when there is no room.
Buffer* make_buffer(Recorder& r) noexcept {
  ending.watched = true;
  std::unique_ptr<Buffer> buffer(new (std::nothrow) Buffer);
  std::unique_ptr<Block> block(buffer && r.reserve() ? new (std::nothrow) Block : nullptr);
  if (!block) return nullptr;
  buffer->writing = buffer->reading = block.release();
  buffer->name = {r.threads.fetch_add(1) + 1, own_name ? own_name : default_name()};
  buffer->next = r.buffers.load(std::memory_order_relaxed);
  while (!r.buffers.compare_exchange_weak(buffer->next, buffer.get(), std::memory_order_release)) {
  }
  return buffer.release();
}

// The place for the next record, or null when there is none.
Record* next_record(Recorder& r, Buffer& buffer) {
  Block* block = buffer.writing;
  if (block->count.load(std::memory_order_relaxed) == block_size) {
    if (!r.reserve()) return nullptr;
    auto* fresh = new (std::nothrow) Block;
    if (!fresh) {
      r.held.fetch_sub(block_size);
      return nullptr;
    }
    block->next.store(fresh, std::memory_order_release);  // the block may be gone now
    buffer.writing = block = fresh;
  }
  return &block->records[block->count.load(std::memory_order_relaxed)];
}

// As much as fits, in whole characters of UTF-8.
size_t copy_text(char* to, size_t room, std::string_view text) {
  size_t size = std::min(text.size(), room);
  if (size < text.size()) {
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  }
  if (size > 0) std::memcpy(to, text.data(), size);
  to[size] = '\0';
  return size;
}

void write_text(Record* record, Text text) {
  constexpr size_t room = Record::text_size - 2;
  // A long name leaves the detail at least a quarter.
  const size_t name_room = room - std::min(text.detail.size(), room / 4);
  record->name_size = static_cast<uint8_t>(copy_text(record->text, name_room, text.name));
  copy_text(record->text + record->name_size + 1, room - record->name_size, text.detail);
}

// All of a record but its texts.
struct Head {
  Category category;
  Kind kind;
  int64_t begin, end, value;
  bool failed;
};

void add(const Head& head, Text text) noexcept {
  Recorder* r = the_recorder.load(std::memory_order_acquire);
  if (!r || thread_ends || head.begin < r->origin.load(std::memory_order_relaxed)) return;
  if (!own_buffer) own_buffer = make_buffer(*r);
  Record* record = own_buffer ? next_record(*r, *own_buffer) : nullptr;
  if (!record) {
    (own_buffer ? own_buffer->dropped : r->refused).fetch_add(1, std::memory_order_relaxed);
    return;
  }
  record->begin = head.begin;
  record->end = std::max(head.begin, head.end);
  record->value = head.value;
  record->thread = own_buffer->name.thread;
  record->category = head.category;
  record->kind = head.kind;
  record->failed = head.failed;
  write_text(record, text);
  std::atomic<uint32_t>& count = own_buffer->writing->count;
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

void Forks::forked() {
  internal::enabled.store(0);
  own_buffer = nullptr;
  const Recorder& old = *the_recorder.load();
  auto* fresh = new Recorder;
  fresh->limit = old.limit.load();
  fresh->categories = old.categories.load();
  fresh->origin = now();
  the_recorder.store(fresh);
}

void Recorder::drain(Buffer& buffer) {
  for (;;) {
    Block* block = buffer.reading;
    const uint32_t count = block->count.load(std::memory_order_acquire);
    records.insert(records.end(), block->records + buffer.taken, block->records + count);
    buffer.taken = count;
    Block* next = count == block_size ? block->next.load(std::memory_order_acquire) : nullptr;
    if (!next) return;
    delete block;
    given_back += block_size;
    buffer.reading = next;
    buffer.taken = 0;
  }
}

void Recorder::collect() {
  Buffer* before = nullptr;
  for (Buffer* buffer = buffers.load(std::memory_order_acquire); buffer;) {
    const bool left = buffer->left.load(std::memory_order_acquire);
    const auto known = [&](const ThreadName& name) { return name.thread == buffer->name.thread; };
    if (std::none_of(names.begin(), names.end(), known)) names.push_back(buffer->name);
    drain(*buffer);
    dropped += buffer->dropped.exchange(0, std::memory_order_relaxed);
    Buffer* next = buffer->next;
    // The first one stays: a new thread may be putting its own before it.
    if (left && before) {
      before->next = next;
      delete buffer->reading;
      given_back += block_size;
      delete buffer;
    } else {
      before = buffer;
    }
    buffer = next;
  }
  dropped += refused.exchange(0, std::memory_order_relaxed);
}

void Recorder::clear() {
  collect();
  records = {};
  names.clear();
  held.fetch_sub(given_back);
  given_back = dropped = 0;
  aggregate_from = 0;
}

}  // namespace

int64_t now() { return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1) + 1; }

void add_span(Category category, int64_t begin, int64_t end, Text text, bool failed) noexcept {
  add({category, Kind::span, begin, end, 0, failed}, text);
}

void add_instant(Category category, int64_t when, Text text) noexcept {
  add({category, Kind::instant, when, when, 0, false}, text);
}

void add_counter(Category category, int64_t when, int64_t value, Text text) noexcept {
  add({category, Kind::counter, when, when, value, false}, text);
}

void name_thread(const char* name) { own_name = name; }

void set_options(uint32_t categories, int64_t limit) {
  Recorder& r = recorder();
  r.categories = categories & all_categories;
  r.limit = limit;
  if (internal::enabled.load()) internal::enabled.store(r.categories);
}

void start(bool forget) {
  Recorder& r = recorder();
  if (forget) {
    std::lock_guard<std::mutex> lock(r.mutex);
    r.clear();
    r.origin = now();
  }
  internal::enabled.store(r.categories);
}

void stop() { internal::enabled.store(0); }

namespace {
void read(FunctionRef<void(const Recorded&)> use, bool restart_sums) {
  Recorder& r = recorder();
  std::lock_guard<std::mutex> lock(r.mutex);
  r.collect();
  use({r.records, r.names, r.origin, r.dropped, r.aggregate_from});
  if (restart_sums) r.aggregate_from = r.records.size();
}
}  // namespace

void read(FunctionRef<void(const Recorded&)> use) { read(use, false); }
void read_and_restart_sums(FunctionRef<void(const Recorded&)> use) { read(use, true); }

}  // namespace mixnet::profile
