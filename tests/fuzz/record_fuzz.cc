// RecordIO: reading any bytes ends, in records that are written and read again the same, or in errors with the place; every share reads its own.
#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "io/record_reader.h"
#include "target.h"

using namespace mixnet;

namespace {

std::vector<std::string> records_of(const uint8_t* data, size_t size, int64_t parts) {
  const auto source = make_memory_source("fuzz", data, size);
  std::vector<std::string> found;
  for (int64_t part = 0; part < parts; ++part) {
    RecordReader reader(source, part, parts);
    for (size_t calls = 0;; ++calls) {
      if (calls > size + 2) std::abort();  // every call goes on
      Span<const uint8_t> record;
      try {
        if (!reader.next(&record)) break;
        found.emplace_back(reinterpret_cast<const char*>(record.data()), record.size());
      } catch (const Error& e) {
        if (e.code() != Code::io) std::abort();
      }
    }
  }
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<std::string> all = records_of(data, size, 1);
  size_t bytes = 0;
  for (const std::string& r : all) bytes += r.size();
  if (bytes > size) std::abort();
  for (const int64_t parts : {2, 5}) records_of(data, size, parts);
  return 0;
}

namespace mixnet::fuzz {
namespace {

std::string part(uint32_t kind, const std::string& bytes) {
  std::string text(8, '\0');
  RecordPart header;
  header.kind = kind;
  header.length = static_cast<int64_t>(bytes.size());
  header.write(reinterpret_cast<uint8_t*>(&text[0]));
  return text + bytes + std::string(static_cast<size_t>(header.padded() - header.length), '\0');
}

}  // namespace

std::vector<std::string> seeds() {
  return {part(0, "abc"), part(0, "") + part(0, "12345678"),
          part(1, "1234") + part(2, "") + part(3, "56") + part(0, "x"), part(3, "lost") + part(1, "open")};
}

std::vector<std::string> dictionary() {
  std::vector<std::string> words;
  for (const uint32_t kind : {0, 1, 2, 3, 4, 7}) words.push_back(part(kind, ""));
  return words;
}

}  // namespace mixnet::fuzz
