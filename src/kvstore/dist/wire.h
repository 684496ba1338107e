// Messages between members of a group, and how they are written as frames.
//
// A message is a verb with a text (JSON, what the scheduler and orders need), numbers, and records (keys with values). Small values travel inside the
// first frame, large ones in frames of their own that nobody copies. All integers are little-endian. What is read is untrusted: every length is
// checked against what is there and what is allowed before anything is taken; Code::net says what was wrong.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/span.h"
#include "device/tensor_view.h"
#include "kvstore/compression.h"

namespace mixnet {
namespace dist {

// Memory that somebody else may own.
struct Bytes {
  const uint8_t* data = nullptr;
  size_t size = 0;
  std::shared_ptr<const void> owner;

  static Bytes copy_of(const void* data, size_t size);
  static Bytes of(std::string text);
};

enum class Verb : uint8_t {
  // Between a member and the scheduler.
  hello = 1,      // text: role, address, wanted rank, host, process
  view = 2,       // text: the members, once all are there and whenever they change
  heartbeat = 3,  // both ways
  leave = 4,      // a member goes, in order
  end = 5,        // the group is over: servers and scheduler end
  refuse = 6,     // text: why a member is not taken, or no longer
  barrier = 7,    // number: how many barriers this worker has passed
  released = 8,   // number: that barrier
  // Between a worker and a server.
  request = 16,  // records: init, push, pull
  answer = 17,   // records: what was asked, with values or errors
  ask = 18,      // number: the last request that was sent
  held = 19,     // number: as asked; numbers: requests that wait; text: for whom
  order = 20,    // number: like a request's; text: an order for the whole server (optimizer, save, ...)
  done = 21,     // number: that order's; text: its result, or {"error": ...}
};

enum class Ask : uint8_t { init = 1, push = 2, pull = 3 };

struct Record {
  Ask ask = Ask::pull;
  DType dtype = DType::f32;
  Codes codes = Codes::none;  // how the value is written
  float threshold = 0;        // of the codes
  int32_t code = 0;           // of an answer: 0, or an error whose message is the value
  uint32_t part = 0;          // of the key's array
  uint64_t number = 0;        // of the request on this link, from 1
  uint64_t round =
      0;  // push: how-manieth of this worker and part; pull: after how many; answers: how many the value has seen
  uint64_t settled = 0;  // of this worker's rounds: those that were answered
  uint64_t size = 0;     // elements of the part
  uint64_t width = 0;    // of a push or pull by rows: elements of a row (rows_record.h)
  std::string key;
  Bytes value;
};

struct Message {
  Verb verb = Verb::heartbeat;
  uint64_t sender = 0;  // the process that sends, a random number
  uint64_t number = 0;
  std::string text;
  std::vector<uint64_t> numbers;
  std::vector<Record> records;
};

constexpr size_t max_records = 4096;
constexpr size_t max_key = 1024;
constexpr size_t max_text = 1 << 24;
// Values up to so many bytes travel in the first frame.
constexpr size_t inline_value = 4096;

// The first frame, then the values that have frames of their own.
std::vector<Bytes> encode(const Message& message);
// Values of the message share the frames' memory.
Message decode(Span<const Bytes> frames);

}  // namespace dist
}  // namespace mixnet
