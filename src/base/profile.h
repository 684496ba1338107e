// The profiler's recorder: what happens when, on which thread. Layers above call it; writing it out is engine/trace.h.
//
// Off, a place that could record costs one relaxed load. On, a record goes into a block of the thread's own, without a lock; blocks are
// bounded in number, and records that find no room are counted. Texts longer than a record are cut.
//
// Recording goes on until stop(); what was recorded stays until start(true) forgets it. A forked child begins with nothing and stopped.
// May be called from any thread and at any time, also while the process ends.
#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/function_ref.h"

namespace mixnet::profile {

enum class Category : uint8_t {
  engine = 0,      // tasks, whoever runs them
  symbolic = 1,    // steps of bound plans
  imperative = 2,  // operators called one by one
  memory = 3,      // bytes in use, per device
  api = 4,         // issuing of operators, waits, pushes and pulls of stores
  user = 5,        // the program's own
};
constexpr uint32_t all_categories = 63;
constexpr int64_t default_limit = 1 << 20;  // records: 128 MiB

enum class Kind : uint8_t { span = 0, instant = 1, counter = 2 };

struct Record {
  static constexpr size_t text_size = 96;
  int64_t begin, end;  // nanoseconds of now()
  int64_t value;       // of a counter; of others bytes, or 0
  int32_t thread;
  Category category;
  Kind kind;
  bool failed;  // it threw
  uint8_t name_size;
  char text[text_size];  // name, then detail, each ended by 0
  const char* name() const { return text; }
  const char* detail() const { return text + name_size + 1; }
};
static_assert(sizeof(Record) == 128 && std::is_trivially_copyable_v<Record>, "two cache lines");

namespace internal {
extern std::atomic<uint32_t> enabled;  // categories, as bits
}

inline bool on(Category category) {
  return (internal::enabled.load(std::memory_order_relaxed) >> static_cast<uint32_t>(category)) & 1u;
}

// Nanoseconds of a clock that only goes forward; never 0.
int64_t now();

// When something begins: the time, or 0 while its category is off.
inline int64_t begin(Category category) { return on(category) ? now() : 0; }

struct Text {
  std::string_view name, detail;
};
void add_span(Category category, int64_t begin, int64_t end, Text text, bool failed = false) noexcept;
void add_instant(Category category, int64_t when, Text text) noexcept;
void add_counter(Category category, int64_t when, int64_t value, Text text) noexcept;

// From here to the end of the block. The texts must stay as long.
class Span {
 public:
  explicit Span(Category category, std::string_view name, std::string_view detail = {})
      : begin_(profile::begin(category)), category_(category), text_{name, detail} {}
  ~Span() {
    if (begin_) add_span(category_, begin_, now(), text_);
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

 private:
  int64_t begin_;
  Category category_;
  Text text_;
};

// How this thread is called in traces; the text must live for ever.
void name_thread(const char* name);

// Which categories a start turns on, and the bound on records: rounded up to whole blocks of 512.
void set_options(uint32_t categories, int64_t limit);
void start(bool forget);
void stop();

struct ThreadName {
  int32_t thread;
  const char* name;
};
struct Recorded {
  const std::vector<Record>& records;  // those of one thread in the order of their ends
  const std::vector<ThreadName>& threads;
  int64_t origin;         // the time of the last start(true)
  int64_t dropped;        // for lack of room
  size_t aggregate_from;  // records before it are not to be summed any more
};
// What was recorded so far, also while recording goes on. One reader at a time; `use` must not record.
void read(FunctionRef<void(const Recorded&)> use);
// The same, and what was read is not summed again.
void read_and_restart_sums(FunctionRef<void(const Recorded&)> use);

}  // namespace mixnet::profile
