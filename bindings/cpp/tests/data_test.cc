// RecordIO files and the library's iterators, and the conformance data of both.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mixnet/operator_call.hpp>
#include <sstream>

#include "handles.h"

using namespace mixnet;
using Words = std::vector<std::string>;

namespace {

const char* const given = std::getenv("MIXNET_CONFORMANCE");
const std::string folder = std::string(given ? given : MIXNET_CONFORMANCE) + "/";

// A file of this process that is gone when the test ends.
struct Scratch {
  explicit Scratch(const std::string& name) {
    static int count = 0;
    path = "/tmp/mixnet-" + std::to_string(getpid()) + "-" + std::to_string(count++) + "-" + name;
  }
  ~Scratch() { std::remove(path.c_str()); }
  std::string path;
};

Bytes content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

Bytes bytes(const std::string& text) { return Bytes(text.begin(), text.end()); }

const std::vector<Bytes> records = {bytes("one"), {}, bytes("four\x0a\x23\xd7\xce\x0a\x23\xd7\xce"), bytes("last")};

void write_all(const std::string& path, const std::vector<Bytes>& some) {
  RecordWriter writer(path);
  for (const Bytes& record : some) {
    const int64_t place = writer.tell();
    CHECK_EQ(writer.write(record), place);
  }
  writer.close();
  writer.close();
  CHECK_THROWS_WITH_AS(writer.write(Bytes()), doctest::Contains("an open file"), Error);
}

std::vector<Bytes> read_all(RecordReader& reader) {
  std::vector<Bytes> found;
  for (Bytes record; reader.next(record);) found.push_back(record);
  return found;
}

// Words of the lines of one case of data.txt, by their first word.
std::map<std::string, std::vector<Words>> lines_of(const std::string& block) {
  std::map<std::string, std::vector<Words>> found;
  std::istringstream text(block);
  for (std::string line; std::getline(text, line);) {
    Words words = detail::words(line.c_str());
    const std::string first = words.at(0);
    words.erase(words.begin());
    found[first].push_back(words);
  }
  return found;
}

std::vector<std::map<std::string, std::vector<Words>>> cases() {
  const Bytes all = content_of(folder + "data.txt");
  const std::string text(all.begin(), all.end());
  std::vector<std::map<std::string, std::vector<Words>>> found;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find("\n\n", at), text.size());
    found.push_back(lines_of(text.substr(at, end - at)));
    at = end + 2;
  }
  return found;
}

void same(const NDArray& found, const NDArray& expected, const std::string& what) {
  INFO(what);
  CHECK_EQ(found.shape(), expected.shape());
  CHECK_EQ(found.dtype(), expected.dtype());
  CHECK_EQ(found.values(), expected.values());
}

// Points left and right in a CSV file, and their sides in another.
struct Sides {
  Sides() {
    std::ofstream points(data.path), sides(label.path);
    for (int i = 0; i < 40; ++i) {
      points << 2 * (i % 2) - 1 + i / 400.0 << "," << i % 7 << "\n";
      sides << i % 2 << "\n";
    }
  }
  iters::CSVIter options() const {
    return iters::CSVIter().data_csv(data.path).data_shape({2}).label_csv(label.path).batch_size(10);
  }
  Scratch data{"points.csv"}, label{"sides.csv"};
};

}  // namespace

TEST_CASE("records are read as written") {
  HandleCount handles;
  const Scratch file("some.rec");
  write_all(file.path, {records.begin(), records.begin() + 3});
  RecordWriter writer(file.path, true);
  writer.write("last");
  writer.flush();
  RecordReader reader(file.path);
  CHECK_EQ(read_all(reader), records);
  Bytes record;
  CHECK_FALSE(reader.next(record));
  reader.reset();
  CHECK(reader.next(record));
  const int64_t place = reader.tell();
  const std::vector<Bytes> rest = read_all(reader);
  reader.seek(place);
  CHECK_EQ(read_all(reader), rest);
  CHECK_EQ(rest, std::vector<Bytes>(records.begin() + 1, records.end()));
  CHECK_THROWS_WITH_AS(reader.seek(-1), doctest::Contains("at least 0"), Error);
  writer.close();
  std::vector<Bytes> shared;
  for (int64_t share = 0; share < 3; ++share) {
    RecordReader part(file.path, share, 3);
    for (Bytes& one : read_all(part)) shared.push_back(std::move(one));
  }
  CHECK_EQ(shared, records);
}

TEST_CASE("what is no record is told once") {
  const Scratch file("some.rec");
  write_all(file.path, records);
  Bytes broken = content_of(file.path);
  broken[12] ^= 1;
  std::ofstream(file.path, std::ios::binary)
      .write(reinterpret_cast<const char*>(broken.data()), static_cast<std::streamsize>(broken.size()));
  RecordReader reader(file.path);
  Bytes record;
  CHECK(reader.next(record));
  CHECK_THROWS_WITH_AS(reader.next(record), doctest::Contains("12"), Error);
  CHECK(reader.next(record));
  CHECK_EQ(record, records[2]);
  CHECK_THROWS_AS(RecordReader(file.path + ".missing"), Error);
  CHECK_THROWS_AS(RecordReader(file.path, 3, 3), Error);
  CHECK_THROWS_AS(RecordWriter(file.path + "/beneath"), Error);
}

TEST_CASE("images are packed") {
  HandleCount handles;
  const std::vector<uint8_t> values = {1, 2, 3, 40, 50, 60, 7, 80, 9, 100, 110, 120};
  const Bytes record = pack_image({{4}, 9, 0, 0}, encode_image(NDArray(values, {2, 2, 3}), ".png", 3));
  Bytes content;
  const ImageHeader header = unpack_image(record, content);
  CHECK_EQ(header.labels, std::vector<float>{4});
  CHECK_EQ(header.id, 9);
  CHECK_EQ(decode_image(content).values<uint8_t>(), values);
  CHECK_EQ(decode_image(content, 1).shape(), Shape{2, 2, 1});
  Bytes several = pack_image({{1, 2, 3}, 0, 0, 0}, {});
  CHECK_EQ(unpack_image(several, content).labels, std::vector<float>{1, 2, 3});
  several.resize(32);
  CHECK_THROWS_WITH_AS(unpack_image(several, content), doctest::Contains("expected 3 labels"), Error);
  several.resize(20);
  CHECK_THROWS_WITH_AS(unpack_image(several, content), doctest::Contains("header of 24 bytes"), Error);
  CHECK_THROWS_WITH_AS(decode_image(record, 2), doctest::Contains("0, 1 or 3"), Error);
}

TEST_CASE("models learn from the library's iterators") {
  HandleCount handles;
  const Sides sides;
  LibraryIter batches(sides.options());
  seed(1);
  FeedForward model(
      op::SoftmaxOutput(op::FullyConnected(Symbol::variable("data")).num_hidden(2).name("fc")).name("softmax"));
  Optimizer optimizer("sgd", {{"learning_rate", 0.5}});
  FitOptions how;
  how.epochs = 15;
  how.optimizer = &optimizer;
  model.fit(batches, how);
  CHECK_GT(model.score(batches, *metric::accuracy()), 0.95);
  CHECK_EQ(model.predict(batches).at(0).shape(), Shape{40, 2});
  CHECK_NE(batches.description().find("\"report\""), std::string::npos);
  batches.rename("points", "side");
  CHECK_EQ(batches.provide_data().at(0).name, "points");
  CHECK_EQ(batches.provide_label().at(0).name, "side");
}

TEST_CASE("iterators tell what is wrong, and go on after a reset") {
  HandleCount handles;
  const Sides sides;
  std::ofstream(sides.data.path, std::ios::app) << "1,x\n";
  std::ofstream(sides.label.path, std::ios::app) << "1\n";
  LibraryIter batches(sides.options());
  Batch batch;
  for (int epoch = 0; epoch < 2; ++epoch) {
    for (int i = 0; i < 4; ++i) CHECK(batches.next(batch));
    CHECK_THROWS_WITH_AS(batches.next(batch), doctest::Contains("41"), Error);
    batches.reset();
  }
  CHECK_THROWS_WITH_AS(LibraryIter(iters::CSVIter().data_csv("no.csv").data_shape({2})), doctest::Contains("no.csv"),
                       Error);
  CHECK_THROWS_WITH_AS(LibraryIter(iters::CSVIter().data_csv("no.csv")), doctest::Contains("data_shape"), Error);
  CHECK_THROWS_WITH_AS(LibraryIter(IterOptions{"NoIter", {}}), doctest::Contains("NoIter"), Error);
}

TEST_CASE("conformance: records and iterators") {
  HandleCount handles;
  const Arrays arrays = load(folder + "data.params");
  for (auto& at : cases()) {
    INFO(at["case"][0][0]);
    if (at.count("records")) {
      RecordReader reader(folder + at["records"][0][0]);
      std::vector<Bytes> packed;
      for (const Words& line : at["record"]) {
        Bytes record, content;
        REQUIRE(reader.next(record));
        CHECK_EQ(record, arrays.at(line[0]).values<uint8_t>());
        const ImageHeader header = unpack_image(record, content);
        CHECK_EQ(content, arrays.at(line[1]).values<uint8_t>());
        std::vector<float> labels;
        for (size_t i = 5; i < line.size(); ++i) labels.push_back(std::stof(line[i]));
        CHECK_EQ(header.labels, labels);
        CHECK_EQ(header.flag, std::stoul(line[2]));
        CHECK_EQ(header.id, std::stoull(line[3]));
        CHECK_EQ(header.id2, std::stoull(line[4]));
        packed.push_back(pack_image(header, content));
      }
      const Scratch copy("copy.rec");
      write_all(copy.path, packed);
      CHECK_EQ(content_of(copy.path), content_of(folder + at["records"][0][0]));
      continue;
    }
    IterOptions options{at["iterator"][0][0], {}};
    for (const Words& set : at["set"]) options.given[set[0]] = set[1];
    for (const Words& file : at["file"]) options.given[file[0]] = folder + file[1];
    LibraryIter batches(options);
    Batch batch;
    std::string epoch = "0";
    for (const Words& line : at["batch"]) {
      if (line[0] != epoch) {
        CHECK_FALSE(batches.next(batch));
        batches.reset();
        epoch = line[0];
      }
      REQUIRE(batches.next(batch));
      CHECK_EQ(batch.pad, std::stoll(line[1]));
      same(batch.data.at(0), arrays.at(line[2]), line[2]);
      same(batch.label.at(0), arrays.at(line[3]), line[3]);
    }
    CHECK_FALSE(batches.next(batch));
  }
}
