// Records of an epoch: read once through and found by their headers, any bytes give the same records and the same number of faults; shares of either are the
// whole; and headers of images are read or refused.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "io/examples.h"
#include "io/image_record.h"
#include "target.h"

using namespace mixnet;

namespace {

struct Found {
  std::vector<std::string> records;
  size_t faults = 0;
};

void read_labels(const Span<const uint8_t>& bytes) {
  try {
    const ImageRecord image = read_image_record(bytes);
    if (image.file.size() > bytes.size()) std::abort();
    float sum = 0;
    for (size_t i = 0; i < image.num_labels(); ++i) sum += image.label(i);
    volatile const float read = sum;
    (void)read;
  } catch (const Error& e) {
    if (e.code() != Code::io) std::abort();
  }
}

void add_records(const std::shared_ptr<const Source>& source, bool shuffle, int64_t part, int64_t parts, Found* found) {
  ExampleOptions options;
  options.place = "fuzz";
  options.shuffle = shuffle;
  options.part = part;
  options.parts = parts;
  Examples examples(source, options);
  examples.begin(0);
  Examples::Record record;
  for (int64_t taken = 0;; ++taken) {
    if (taken > source->size() + 2) std::abort();  // every call goes on
    std::string fault;
    const Work::Taken what = examples.take(&record, &fault);
    if (what == Work::Taken::end) return;
    try {
      if (what == Work::Taken::hole) fail(Code::io, fault);
      examples.read(&record);
      read_labels(record.bytes);
      found->records.emplace_back(reinterpret_cast<const char*>(record.bytes.data()), record.bytes.size());
    } catch (const Error& e) {
      if (e.code() != Code::io) std::abort();
      ++found->faults;
    }
  }
}

Found all_records(const std::shared_ptr<const Source>& source, bool shuffle, int64_t parts) {
  Found found;
  for (int64_t part = 0; part < parts; ++part) add_records(source, shuffle, part, parts, &found);
  std::sort(found.records.begin(), found.records.end());
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto source = make_memory_source("fuzz", data, size);
  const Found once = all_records(source, false, 1), scanned = all_records(source, true, 1);
  if (once.records != scanned.records || once.faults != scanned.faults) std::abort();
  for (const int64_t parts : {2, 3}) {
    if (all_records(source, false, parts).records != all_records(source, true, parts).records) std::abort();
  }
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

std::string image(char labels, const std::string& rest) {
  std::string header(24, '\0');
  header[0] = labels;
  return header + rest;
}

}  // namespace

std::vector<std::string> seeds() {
  return {part(0, image(0, "file")), part(0, image(2, "12345678file")) + part(0, "short"),
          part(1, "1234") + part(2, "") + part(3, "56") + part(0, "x") + part(0, ""),
          part(3, "lost") + part(0, "a") + part(1, "open")};
}

std::vector<std::string> dictionary() {
  std::vector<std::string> words;
  for (const uint32_t kind : {0, 1, 2, 3, 4, 7}) words.push_back(part(kind, ""));
  return words;
}

}  // namespace mixnet::fuzz
