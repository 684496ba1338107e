// RecordIO: what is written is read, shares are the whole, and what is no record is told once and skipped.
#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <sstream>

#include "base/error.h"
#include "io/record_reader.h"
#include "io/record_writer.h"

using namespace mixnet;

namespace {

struct File {
  std::string path = concat("/tmp/mixnet_record_test_", getpid(), ".rec");
  ~File() { unlink(path.c_str()); }
  std::string bytes() const {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
};

std::string magic(int times = 1) {
  std::string text;
  for (int i = 0; i < times; ++i) text.append(reinterpret_cast<const char*>(&record_magic), 4);
  return text;
}

void write_all(const std::string& path, const std::vector<std::string>& records) {
  RecordWriter writer(path);
  for (const std::string& r : records) writer.write(r.data(), static_cast<int64_t>(r.size()));
  writer.close();
}

std::vector<std::string> read_all(RecordReader& reader, std::vector<std::string>* errors = nullptr) {
  std::vector<std::string> found;
  for (;;) {
    Span<const uint8_t> record;
    try {
      if (!reader.next(&record)) return found;
      found.emplace_back(reinterpret_cast<const char*>(record.data()), record.size());
    } catch (const Error& e) {
      REQUIRE(errors);
      CHECK(e.code() == Code::io);
      errors->push_back(e.what());
    }
  }
}

std::vector<std::string> read_bytes(const std::string& bytes, std::vector<std::string>* errors = nullptr) {
  RecordReader reader(make_memory_source("memory", bytes.data(), bytes.size()));
  return read_all(reader, errors);
}

// Records of all lengths with the magic number at every kind of place, and some longer than the reader's buffer.
std::vector<std::string> records_of(uint32_t seed, int count) {
  std::mt19937 random(seed);
  std::vector<std::string> records;
  for (int i = 0; i < count; ++i) {
    std::string text;
    const size_t length = random() % 60 == 0 ? 1500000 + random() % 9 : random() % 70;
    while (text.size() < length) {
      if (random() % 5 == 0) text += magic();
      else text.append(1 + random() % 9, static_cast<char>(random()));
    }
    text.resize(length);
    records.push_back(text);
  }
  return records;
}

}  // namespace

TEST_CASE("record: bytes of a file are those of the format") {
  File file;
  write_all(file.path, {"abcde", "", "1234" + magic() + "56" + magic() + "78", magic(2)});
  const auto header = [](uint32_t kind, uint32_t length) {
    const uint32_t word = kind << 29 | length;
    return magic() + std::string(reinterpret_cast<const char*>(&word), 4);
  };
  const std::string zeros(3, '\0');
  // The second magic number of the third record stands at no multiple of 4.
  CHECK(file.bytes() == header(0, 5) + "abcde" + zeros + header(0, 0) + header(1, 4) + "1234" + header(3, 8) + "56" +
                            magic() + "78" + header(1, 0) + header(2, 0) + header(3, 0));
}

TEST_CASE("record: what is written is read, whatever the bytes, and from every place") {
  File file;
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const std::vector<std::string> records = records_of(seed, 80);
    std::vector<int64_t> places;
    {
      RecordWriter writer(file.path);
      for (size_t i = 0; i < 50; ++i)
        places.push_back(writer.write(records[i].data(), static_cast<int64_t>(records[i].size())));
    }
    RecordWriter more(file.path, true);
    for (size_t i = 50; i < 80; ++i)
      places.push_back(more.write(records[i].data(), static_cast<int64_t>(records[i].size())));
    more.flush();
    RecordReader reader(open_file(file.path));
    CHECK(read_all(reader) == records);
    for (size_t i = 79; i < 80; i -= 7) {
      reader.seek(places[i]);
      CHECK(reader.tell() == places[i]);
      Span<const uint8_t> record;
      REQUIRE(reader.next(&record));
      CHECK(std::string(reinterpret_cast<const char*>(record.data()), record.size()) == records[i]);
    }
    reader.reset();
    CHECK(read_all(reader) == records);
  }
}

TEST_CASE("record: shares of any number are the file, no record twice") {
  File file;
  for (uint32_t seed = 0; seed < 12; ++seed) {
    const std::vector<std::string> records = records_of(seed, 1 + static_cast<int>(seed * 7));
    write_all(file.path, records);
    const auto source = open_file(file.path);
    for (const int64_t parts : {1, 2, 3, 7, 40, 1000}) {
      std::vector<std::string> all;
      for (int64_t part = 0; part < parts; ++part) {
        RecordReader reader(source, part, parts);
        for (std::string& r : read_all(reader)) all.push_back(std::move(r));
      }
      CAPTURE(seed);
      CAPTURE(parts);
      CHECK(all == records);
    }
  }
}

TEST_CASE("record: what is no record is told with its place and skipped") {
  File file;
  write_all(file.path, {"first one", "1234" + magic() + "5678", "third"});
  const std::string good = file.bytes();
  std::vector<std::string> errors;

  std::string bad = good;
  bad[0] ^= 1;
  CHECK(read_bytes(bad, &errors) == std::vector<std::string>{"1234" + magic() + "5678", "third"});
  CHECK(errors == std::vector<std::string>{"[recordio] memory at byte 0: expected the beginning of a record"});

  errors.clear();
  CHECK(read_bytes(good.substr(0, good.size() - 4), &errors).size() == 2);
  CHECK(errors == std::vector<std::string>{
                      concat("[recordio] memory at byte ", good.size() - 16, ": expected 5 bytes of a record, got 4")});

  errors.clear();
  bad = good;
  bad[20 + 7] = 0x20 | (bad[20 + 7] & 0x1f);
  bad.erase(20 + 12, 12);  // the second part of the second record
  CHECK(read_bytes(bad, &errors) == std::vector<std::string>{"first one", "third"});
  CHECK(errors == std::vector<std::string>{"[recordio] memory at byte 32: a record without its end"});

  errors.clear();
  bad = good;
  bad.erase(20, 12);
  CHECK(read_bytes(bad, &errors) == std::vector<std::string>{"first one", "third"});
  CHECK(errors == std::vector<std::string>{"[recordio] memory at byte 20: a record without its beginning"});

  errors.clear();
  CHECK(read_bytes("nothing of the kind", &errors).empty());
  CHECK(errors.size() == 1);
  CHECK(read_bytes("").empty());
}

TEST_CASE("record: wrong arguments and places") {
  File file;
  write_all(file.path, {"abc"});
  const auto text_of = [](auto&& body) {
    try {
      body();
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(text_of([] { open_file("/nowhere/x.rec"); }) == "[open] /nowhere/x.rec: No such file or directory");
  CHECK(text_of([] { open_file("/tmp"); }) == "[open] /tmp: expected a file");
  CHECK(text_of([] { RecordWriter("/nowhere/x.rec"); }) == "[recordio] /nowhere/x.rec: No such file or directory");
  const auto source = open_file(file.path);
  CHECK(text_of([&] { RecordReader(source, 2, 2); }) == "[recordio] part_index: expected 0 to 1, got 2");
  CHECK(text_of([&] { RecordReader(source, 0, 0); }) == "[recordio] num_parts: expected at least 1, got 0");
  RecordReader reader(source);
  CHECK(text_of([&] { reader.seek(3); }).find("expected a multiple of 4 from 0 to 12, got 3") != std::string::npos);
  RecordWriter writer(file.path);
  writer.close();
  CHECK(text_of([&] { writer.write("a", 1); }).find("expected an open file, got a closed one") != std::string::npos);
  CHECK(text_of([&] {
          RecordWriter(file.path).write(nullptr, max_record + 1);
        }).find("expected at most 536870911 bytes") != std::string::npos);
  RecordWriter full("/dev/full", false);
  full.write("abc", 3);
  CHECK(text_of([&] { full.flush(); }) == "[recordio write] /dev/full: No space left on device");
  CHECK(text_of([&] { full.write("a", 1); }).find("got a closed one") != std::string::npos);
}
