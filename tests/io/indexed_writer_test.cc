// A writer with an index that is broken off anywhere leaves files that another one goes on with.
#include "io/indexed_writer.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "base/error.h"
#include "io/record_reader.h"

using namespace mixnet;

namespace {

struct Files {
  std::string record = concat("/tmp/mixnet_indexed_test_", getpid(), ".rec");
  std::string index = concat("/tmp/mixnet_indexed_test_", getpid(), ".idx");
  Files() { remove(); }
  ~Files() { remove(); }
  void remove() const {
    unlink(record.c_str());
    unlink(index.c_str());
  }
};

std::string read(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void put(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Some have the magic number inside, so that they are in several parts.
std::string content(int i) {
  std::string text(static_cast<size_t>(i * 5 % 17), static_cast<char>('a' + i));
  if (i % 2)
    text.append(4 - text.size() % 4, '.').append(reinterpret_cast<const char*>(&record_magic), 4).append("more");
  return text;
}

void write(const Files& files, int first, int last, const Written& kept = {}) {
  IndexedWriter writer(files.record, files.index, kept);
  for (int i = first; i < last; ++i) {
    const std::string text = content(i);
    writer.write(static_cast<uint64_t>(100 + i), text.data(), static_cast<int64_t>(text.size()));
  }
  writer.close();
}

}  // namespace

TEST_SUITE("io") {
  TEST_CASE("indexed writer: ids and places") {
    const Files files;
    write(files, 0, 3);
    CHECK(read(files.index) == "100\t0\n101\t8\n102\t36\n");
    const Written all = find_written(files.record, files.index);
    CHECK(all.records == 3);
    CHECK(all.record_bytes == static_cast<int64_t>(read(files.record).size()));
    CHECK(all.index_bytes == static_cast<int64_t>(read(files.index).size()));
  }

  TEST_CASE("indexed writer: goes on wherever it was broken off") {
    const Files files;
    write(files, 0, 8);
    const std::string record = read(files.record), index = read(files.index);
    for (size_t cut = 0; cut <= record.size(); ++cut) {
      put(files.record, record.substr(0, cut));
      put(files.index, index);
      const Written kept = find_written(files.record, files.index);
      REQUIRE(kept.record_bytes <= static_cast<int64_t>(cut));
      write(files, static_cast<int>(kept.records), 8, kept);
      REQUIRE(read(files.record) == record);
      REQUIRE(read(files.index) == index);
    }
    for (size_t cut = 0; cut <= index.size(); ++cut) {
      put(files.record, record + "half a rec");
      put(files.index, index.substr(0, cut));
      const Written kept = find_written(files.record, files.index);
      write(files, static_cast<int>(kept.records), 8, kept);
      REQUIRE(read(files.record) == record);
      REQUIRE(read(files.index) == index);
    }
  }

  TEST_CASE("indexed writer: an index of something else is refused") {
    const Files files;
    write(files, 0, 3);
    for (const char* index :
         {"100\t0\n101\t0\n", "100 0\n", "100\tx\n", "100\t-1\n", "100\t99999999999999999999\n", "\n"}) {
      put(files.index, index);
      CHECK_THROWS_AS(find_written(files.record, files.index), Error);
    }
    put(files.index, "100\t4\n");  // no record begins there
    CHECK(find_written(files.record, files.index).records == 0);
    CHECK_THROWS_AS(IndexedWriter("/nonexistent/a.rec", files.index), Error);
    CHECK_THROWS_AS(IndexedWriter(files.record, "/nonexistent/a.idx"), Error);
  }
}
