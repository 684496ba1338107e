#include "kvstore/dist/wire.h"

#include <cstring>

#include "base/error.h"

namespace mixnet {
namespace dist {
namespace {

constexpr uint32_t magic = 0x314e584d;  // "MXN1"
// Flags of a record.
constexpr uint8_t own_frame = 1;  // its value has a frame of its own
constexpr uint8_t by_rows = 2;    // it has a width

class Writer {
 public:
  template <class T>
  void put(T value) {
    static_assert(std::is_integral<T>::value, "");
    for (size_t i = 0; i < sizeof(T); ++i) out_.push_back(static_cast<char>(static_cast<uint64_t>(value) >> (8 * i)));
  }
  void put_text(const void* data, size_t size) { out_.append(static_cast<const char*>(data), size); }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

class Reader {
 public:
  explicit Reader(const Bytes& frame) : frame_(frame) {}
  template <class T>
  T get(const char* what) {
    const uint8_t* at = take(sizeof(T), what);
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) value |= static_cast<uint64_t>(at[i]) << (8 * i);
    return static_cast<T>(value);
  }
  std::string get_text(size_t size, size_t limit, const char* what) {
    MIXNET_CHECK(size <= limit, net, "[message] ", what, ": expected at most ", limit, " bytes, got ", size);
    const uint8_t* at = take(size, what);
    return {reinterpret_cast<const char*>(at), size};
  }
  Bytes get_value(size_t size) { return {take(size, "value"), size, frame_.owner}; }
  size_t left() const { return frame_.size - at_; }

 private:
  const uint8_t* take(size_t size, const char* what) {
    MIXNET_CHECK(size <= left(), net, "[message] ", what, ": expected ", size, " bytes, got ", left());
    const uint8_t* at = frame_.data + at_;
    at_ += size;
    return at;
  }
  const Bytes& frame_;
  size_t at_ = 0;
};

uint32_t bits_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

float float_of(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

bool known(Verb verb) {
  const auto v = static_cast<uint8_t>(verb);
  return (v >= 1 && v <= 8) || (v >= 16 && v <= 21);
}

void write(Writer& out, const Record& record, bool own) {
  out.put(static_cast<uint8_t>(record.ask));
  out.put(static_cast<uint8_t>(record.dtype));
  out.put(static_cast<uint8_t>(record.codes));
  out.put(static_cast<uint8_t>((own ? own_frame : 0) | (record.width > 0 ? by_rows : 0)));
  out.put(bits_of(record.threshold));
  out.put(record.code);
  out.put(record.part);
  out.put(record.number);
  out.put(record.round);
  out.put(record.settled);
  out.put(record.size);
  if (record.width > 0) out.put(record.width);
  out.put(static_cast<uint64_t>(record.value.size));
  out.put(static_cast<uint16_t>(record.key.size()));
  out.put_text(record.key.data(), record.key.size());
  if (!own) out.put_text(record.value.data, record.value.size);
}

Record read(Reader& in, Span<const Bytes> frames, size_t& next_frame) {
  Record record;
  record.ask = static_cast<Ask>(in.get<uint8_t>("record"));
  MIXNET_CHECK(record.ask >= Ask::init && record.ask <= Ask::pull, net,
               "[message] record: expected init, push or pull, got ", static_cast<int>(record.ask));
  const auto dtype = in.get<uint8_t>("dtype");
  MIXNET_CHECK(dtype_valid(dtype), net, "[message] dtype: expected a known one, got ", static_cast<int>(dtype));
  record.dtype = static_cast<DType>(dtype);
  const auto codes = in.get<uint8_t>("codes");
  MIXNET_CHECK(codes <= static_cast<uint8_t>(Codes::half), net, "[message] codes: expected 0 to 3, got ",
               static_cast<int>(codes));
  record.codes = static_cast<Codes>(codes);
  const auto flags = in.get<uint8_t>("flags");
  MIXNET_CHECK(flags <= (own_frame | by_rows), net, "[message] flags: expected 0 to 3, got ", static_cast<int>(flags));
  record.threshold = float_of(in.get<uint32_t>("threshold"));
  record.code = in.get<int32_t>("code");
  record.part = in.get<uint32_t>("part");
  record.number = in.get<uint64_t>("number");
  record.round = in.get<uint64_t>("round");
  record.settled = in.get<uint64_t>("settled");
  record.size = in.get<uint64_t>("size");
  if (flags & by_rows) {
    record.width = in.get<uint64_t>("width");
    MIXNET_CHECK(record.width > 0 && record.ask != Ask::init, net,
                 "[message] width: expected one above 0 of a push or pull, got ", record.width);
  }
  const auto bytes = in.get<uint64_t>("value");
  record.key = in.get_text(in.get<uint16_t>("key"), max_key, "key");
  if (!(flags & own_frame)) {
    record.value = in.get_value(bytes);
    return record;
  }
  MIXNET_CHECK(next_frame < frames.size() && frames[next_frame].size == bytes, net,
               "[message] value: expected a frame of ", bytes, " bytes, got ",
               next_frame < frames.size() ? concat(frames[next_frame].size) : std::string("none"));
  record.value = frames[next_frame++];
  return record;
}

}  // namespace

Bytes Bytes::copy_of(const void* data, size_t size) { return of(std::string(static_cast<const char*>(data), size)); }

Bytes Bytes::of(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  return {reinterpret_cast<const uint8_t*>(owner->data()), owner->size(), owner};
}

std::vector<Bytes> encode(const Message& message) {
  Writer out;
  out.put(magic);
  out.put(static_cast<uint8_t>(message.verb));
  out.put(message.sender);
  out.put(message.number);
  out.put(static_cast<uint32_t>(message.text.size()));
  out.put(static_cast<uint32_t>(message.numbers.size()));
  out.put(static_cast<uint32_t>(message.records.size()));
  out.put_text(message.text.data(), message.text.size());
  for (uint64_t number : message.numbers) out.put(number);
  std::vector<Bytes> frames(1);
  for (const Record& record : message.records) {
    const bool own = record.value.size > inline_value;
    write(out, record, own);
    if (own) frames.push_back(record.value);
  }
  frames[0] = Bytes::of(out.take());
  return frames;
}

Message decode(Span<const Bytes> frames) {
  MIXNET_CHECK(!frames.empty(), net, "[message] expected a frame, got none");
  Reader in(frames[0]);
  const auto first = in.get<uint32_t>("magic");
  MIXNET_CHECK(first == magic, net, "[message] magic: expected ", magic, ", got ", first);
  Message message;
  message.verb = static_cast<Verb>(in.get<uint8_t>("verb"));
  MIXNET_CHECK(known(message.verb), net, "[message] verb: expected a known one, got ", static_cast<int>(message.verb));
  message.sender = in.get<uint64_t>("sender");
  message.number = in.get<uint64_t>("number");
  const auto text = in.get<uint32_t>("text"), numbers = in.get<uint32_t>("numbers"),
             records = in.get<uint32_t>("records");
  message.text = in.get_text(text, max_text, "text");
  MIXNET_CHECK(numbers <= in.left() / 8, net, "[message] numbers: expected ", numbers, ", got ", in.left(), " bytes");
  for (uint32_t i = 0; i < numbers; ++i) message.numbers.push_back(in.get<uint64_t>("numbers"));
  MIXNET_CHECK(records <= max_records, net, "[message] records: expected at most ", max_records, ", got ", records);
  size_t next_frame = 1;
  for (uint32_t i = 0; i < records; ++i) message.records.push_back(read(in, frames, next_frame));
  MIXNET_CHECK(in.left() == 0 && next_frame == frames.size(), net, "[message] expected its end, got ", in.left(),
               " more bytes and ", frames.size() - next_frame, " more frames");
  return message;
}

}  // namespace dist
}  // namespace mixnet
