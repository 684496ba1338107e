// The order of an epoch: shares are the whole, shuffles are permutations that depend on seed and epoch alone, and what is no record is told where it is.
#include "io/examples.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "io/image_list.h"
#include "io/record_files.h"
#include "io/record_writer.h"
#include "io/source_error.h"

using namespace mixnet;

namespace {

struct Folder {
  std::string path = concat("/tmp/mixnet_examples_test_", getpid());
  Folder() { (void)!system(("rm -rf " + path + "; mkdir " + path).c_str()); }
  ~Folder() { (void)!system(("rm -rf " + path).c_str()); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path + "/" + name, std::ios::binary) << text;
    return path + "/" + name;
  }
  std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(path + "/" + name, std::ios::binary).rdbuf();
    return text.str();
  }
};

// Record i: its number, and magic numbers where those stand at the beginning of parts.
std::string content(int i) {
  std::string text = concat("record ", i, ";");
  text.resize((text.size() + 3) / 4 * 4, '.');
  for (int k = 0; k < i % 4; ++k) text.append(reinterpret_cast<const char*>(&record_magic), 4);
  return text + std::string(static_cast<size_t>(i % 7), 'x');
}

// Writes records first .. first + count - 1 and their index.
std::string write_records(const Folder& folder, const std::string& name, int count, int first = 0) {
  RecordWriter writer(folder.path + "/" + name + ".rec");
  std::string index;
  for (int i = first; i < first + count; ++i) {
    index += concat(i, "\t", writer.tell(), "\n");
    const std::string text = content(i);
    writer.write(text.data(), static_cast<int64_t>(text.size()));
  }
  writer.close();
  folder.write(name + ".idx", index);
  return folder.path + "/" + name + ".rec";
}

std::vector<int> numbers(Examples& examples, uint64_t epoch, std::vector<std::string>* faults = nullptr) {
  std::vector<int> found;
  Examples::Record record;
  examples.begin(epoch);
  for (;;) {
    std::string fault;
    const Work::Taken taken = examples.take(&record, &fault);
    if (taken == Work::Taken::end) return found;
    try {
      if (taken == Work::Taken::hole) fail(Code::io, fault);
      examples.read(&record);
      const std::string text(reinterpret_cast<const char*>(record.bytes.data()), record.bytes.size());
      const int i = std::atoi(text.c_str() + 7);
      CHECK(text == content(i));
      found.push_back(i);
    } catch (const Error& e) {
      REQUIRE(faults);
      faults->push_back(concat(record.number, " at ", record.offset));
    }
  }
}

std::vector<int> counted(int count, int first = 0) {
  std::vector<int> all(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) all[static_cast<size_t>(i)] = first + i;
  return all;
}

ExampleOptions options(const std::string& index = "", bool shuffle = false) {
  ExampleOptions o;
  o.place = "test";
  o.path_index = index;
  o.shuffle = shuffle;
  return o;
}

TEST_SUITE_BEGIN("io");

TEST_CASE("examples: in the order of the file, with an index and without") {
  Folder folder;
  const auto source = open_file(write_records(folder, "a", 100));
  for (const std::string& index : {std::string(), folder.path + "/a.idx"}) {
    Examples examples(source, options(index));
    for (uint64_t epoch : {0, 1, 5}) CHECK(numbers(examples, epoch) == counted(100));
  }
}

TEST_CASE("examples: an index may be in any order, and may name some records only") {
  Folder folder;
  const auto source = open_file(write_records(folder, "a", 10));
  std::istringstream lines(folder.read("a.idx"));
  std::vector<std::string> all;
  for (std::string line; std::getline(lines, line);) all.push_back(line + "\n");
  Examples examples(source, options(folder.write("b.idx", all[7] + all[2] + all[9] + all[2])));
  CHECK(numbers(examples, 0) == std::vector<int>{2, 7, 9});
}

TEST_CASE("examples: shares are the whole, no record twice") {
  Folder folder;
  const auto source = open_file(write_records(folder, "a", 57));
  for (const std::string& index : {std::string(), folder.path + "/a.idx"}) {
    for (bool shuffle : {false, true}) {
      for (int64_t parts : {1, 2, 3, 7, 56, 57, 58, 200, 1000}) {
        std::vector<int> found;
        for (int64_t part = 0; part < parts; ++part) {
          ExampleOptions o = options(index, shuffle);
          o.part = part;
          o.parts = parts;
          Examples examples(source, o);
          const std::vector<int> share = numbers(examples, 3);
          found.insert(found.end(), share.begin(), share.end());
        }
        if (shuffle) std::sort(found.begin(), found.end());
        CHECK(found == counted(57));
      }
    }
  }
}

TEST_CASE("examples: shuffled by seed and epoch, the same with an index and without") {
  Folder folder;
  const auto source = open_file(write_records(folder, "a", 50));
  std::set<std::vector<int>> orders;
  for (uint64_t seed : {0, 1}) {
    ExampleOptions o = options("", true);
    o.seed = seed;
    Examples scanned(source, o);
    o.path_index = folder.path + "/a.idx";
    Examples indexed(source, o);
    for (uint64_t epoch : {0, 1, 2}) {
      std::vector<int> order = numbers(scanned, epoch);
      CHECK(numbers(indexed, epoch) == order);
      CHECK(numbers(scanned, epoch) == order);
      orders.insert(order);
      std::sort(order.begin(), order.end());
      CHECK(order == counted(50));
    }
  }
  CHECK(orders.size() == 6);
}

TEST_CASE("examples: a shuffle is fair") {
  Folder folder;
  const auto source = open_file(write_records(folder, "a", 4));
  Examples examples(source, options("", true));
  std::map<std::vector<int>, int> seen;
  for (uint64_t epoch = 0; epoch < 2400; ++epoch) ++seen[numbers(examples, epoch)];
  CHECK(seen.size() == 24);
  for (const auto& [order, times] : seen) CHECK(std::abs(times - 100) < 50);  // 5 deviations
}

TEST_CASE("examples: chunks are shuffled, and records in them") {
  Folder folder;
  const auto source = open_file(write_records(folder, "a", 200));
  ExampleOptions o = options("", true);
  o.chunk_bytes = source->size() / 10;
  Examples examples(source, o);
  std::vector<int> order = numbers(examples, 0);
  // Neighbours are of one chunk, but for as many places as there are chunks.
  int far = 0;
  for (size_t i = 1; i < order.size(); ++i) far += std::abs(order[i] - order[i - 1]) > 30;
  CHECK(far >= 3);
  CHECK(far <= 12);
  CHECK(numbers(examples, 1) != order);
  std::sort(order.begin(), order.end());
  CHECK(order == counted(200));
}

TEST_CASE("examples: what is no record is a hole with its place, in any order") {
  Folder folder;
  std::string bytes = folder.read(write_records(folder, "a", 40).substr(folder.path.size() + 1));
  const auto whole = make_memory_source("memory", bytes.data(), bytes.size());
  const std::vector<RecordPlace> places = scanned_records(whole, 0, 1);
  REQUIRE(places.size() == 40);
  bytes[static_cast<size_t>(places[5].offset)] ^= 1;       // no magic number
  bytes[static_cast<size_t>(places[17].offset) + 6] ^= 1;  // a length far too large
  bytes.resize(bytes.size() - 4);                          // the last is cut
  const auto broken = make_memory_source("memory", bytes.data(), bytes.size());
  for (int64_t parts : {1, 2, 5, 40}) {
    std::vector<std::string> found[2];
    std::vector<int> numbers_found[2];
    for (int shuffled : {0, 1}) {
      for (int64_t part = 0; part < parts; ++part) {
        ExampleOptions o = options("", shuffled == 1);
        o.part = part;
        o.parts = parts;
        Examples examples(broken, o);
        const std::vector<int> some = numbers(examples, 0, &found[shuffled]);
        numbers_found[shuffled].insert(numbers_found[shuffled].end(), some.begin(), some.end());
      }
      std::sort(found[shuffled].begin(), found[shuffled].end());
      std::sort(numbers_found[shuffled].begin(), numbers_found[shuffled].end());
    }
    CHECK(numbers_found[0] == numbers_found[1]);
    CHECK(numbers_found[0].size() == 37);
    CHECK(found[1].size() == 3);
    // Who reads once through does not see what is broken where one share ends and the next begins.
    CHECK(found[0].size() <= 3);
    if (parts == 1) CHECK(found[0] == found[1]);
  }
}

TEST_CASE("examples: bad indexes are told with their line") {
  Folder folder;
  const auto source = open_file(write_records(folder, "a", 3));
  for (const char* line : {"1", "1\t", "1\tx", "1\t-4", "1\t2", "1\t100000", "1\t4 5"}) {
    const std::string path = folder.write("bad.idx", concat("0\t0\n", line, "\n"));
    try {
      Examples examples(source, options(path));
      FAIL("expected an error for ", line);
    } catch (const Error& e) {
      CHECK(e.code() == Code::io);
      CHECK(std::string(e.what()).find(path + " line 2: expected") != std::string::npos);
    }
  }
  CHECK_THROWS_AS(Examples(source, options(folder.path + "/none.idx")), Error);
  ExampleOptions o = options();
  o.parts = 2;
  o.part = 2;
  CHECK_THROWS_AS(Examples(source, o), Error);
}

TEST_CASE("examples: errors of a source are not holes") {
  struct Gone final : Source {
    std::string title = "gone";
    const std::string& name() const override { return title; }
    int64_t size() const override { return 1000; }
    size_t read_at(int64_t, void*, size_t) const override { fail(Code::io, "[gone] no answer"); }
  };
  for (bool shuffle : {false, true}) {
    Examples examples(std::make_shared<Gone>(), options("", shuffle));
    std::string fault;
    Examples::Record record;
    CHECK_THROWS_AS((examples.begin(0), examples.take(&record, &fault)), SourceError);
  }
}

TEST_CASE("examples: several files are one, folders are their files") {
  Folder folder;
  write_records(folder, "a", 10);
  write_records(folder, "b", 5, 10);
  // A file that ends in the middle of a record's filling.
  std::string bytes = folder.read("a.rec");
  while (!bytes.empty() && bytes.back() == 0) bytes.pop_back();
  folder.write("a.rec", bytes);
  for (const std::string& paths : {folder.path + "/a.rec;" + folder.path + "/b.rec", folder.path}) {
    const auto source = open_records("test", paths);
    for (bool shuffle : {false, true}) {
      Examples examples(source, options("", shuffle));
      std::vector<int> found = numbers(examples, 0);
      if (shuffle) std::sort(found.begin(), found.end());
      CHECK(found == counted(15));
    }
  }
  CHECK_THROWS_AS(open_records("test", folder.path + "/c.rec"), Error);
  CHECK_THROWS_AS(open_records("test", ""), Error);
}

TEST_CASE("image_list: labels by id, errors with their line") {
  Folder folder;
  const std::string path = folder.write("a.lst", "7\t1.5\t2\ta/b c.jpg\n\n3\t-1\t4e1\tx.jpg\r\n");
  const ImageList list("test", path, 2);
  REQUIRE(list.find(3).size() == 2);
  CHECK(list.find(3)[1] == 40);
  CHECK(list.find(7)[0] == 1.5f);
  CHECK(list.find(5).empty());
  CHECK(ImageList("test", path, -1).widest() == 2);
  for (const char* line : {"1", "1\tx", "x\t1\t2\ta", "1\t2\ta", "1\t1\t2\t3\ta", "1\t1\tb\ta"}) {
    CHECK_THROWS_AS(ImageList("test", folder.write("bad.lst", line), 2), Error);
  }
}

TEST_SUITE_END();

}  // namespace
