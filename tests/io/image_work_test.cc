// Examples of records with images: labels of the record or of a list, draws that depend on the place alone, and what is broken is told.
#include "io/image_work.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "io/record_writer.h"

using namespace mixnet;

namespace {

struct Temporary {
  std::string path = concat("/tmp/mixnet_image_work_test_", getpid());
  ~Temporary() { unlink(path.c_str()); }
};

std::string packed(uint64_t id, const std::vector<float>& labels, const std::string& file, bool as_flag = true) {
  std::string text(24, '\0');
  const auto flag = static_cast<uint32_t>(as_flag ? labels.size() : 0);
  if (as_flag) {
    std::memcpy(&text[0], &flag, 4);
    text.append(reinterpret_cast<const char*>(labels.data()), labels.size() * 4);
  } else {
    std::memcpy(&text[4], labels.data(), 4);
  }
  std::memcpy(&text[8], &id, 8);
  return text + file;
}

std::shared_ptr<const Source> records_of(const std::vector<std::string>& records) {
  Temporary file;
  RecordWriter writer(file.path);
  for (const std::string& r : records) writer.write(r.data(), static_cast<int64_t>(r.size()));
  writer.close();
  return open_file(file.path);
}

// The first byte of the file, and a number drawn.
void first_byte(Span<const uint8_t> file, Draws* draws, std::vector<float>*, uint8_t* row) {
  MIXNET_CHECK(!file.empty(), io, "[decode] expected an image, got nothing");
  const float values[] = {static_cast<float>(file[0]), static_cast<float>(draws->uniform())};
  std::memcpy(row, values, sizeof values);
}

struct Made {
  std::vector<float> data, label;
  std::vector<uint64_t> ids;
  IterReport report;
};

Made all_of(const std::shared_ptr<const Source>& source, const ImageWorkOptions& options, int64_t threads = 2) {
  PipelineOptions pipeline;
  pipeline.name = options.examples.place;
  pipeline.threads = threads;
  pipeline.round = false;
  const auto iter = make_pipeline(make_image_work(source, options, first_byte), {{"data", {1, 2}, DType::f32, "NC"}},
                                  {{"label", {1, options.row_width}, DType::f32, "NC"}}, pipeline);
  Made made;
  Batch batch;
  while (iter->next(&batch)) {
    const size_t d = made.data.size(), l = made.label.size();
    made.data.resize(d + 2);
    made.label.resize(l + static_cast<size_t>(options.row_width));
    batch.data[0].copy_to_host(&made.data[d], 8);
    batch.label[0].copy_to_host(&made.label[l], 4 * options.row_width);
    made.ids.push_back(batch.index[0]);
  }
  made.report = iter->report();
  return made;
}

ImageWorkOptions options(int64_t width) {
  ImageWorkOptions o;
  o.examples.place = "ImageRecordIter";
  o.label_width = o.row_width = width;
  return o;
}

TEST_SUITE_BEGIN("io");

TEST_CASE("image_work: labels of the records, one or several") {
  const auto one = records_of({packed(7, {1.5f}, "a", false), packed(9, {2.5f}, "b")});
  Made made = all_of(one, options(1));
  CHECK(made.label == std::vector<float>{1.5f, 2.5f});
  CHECK(made.ids == std::vector<uint64_t>{7, 9});
  CHECK(made.data[0] == 'a');
  made = all_of(records_of({packed(7, {1, 2, 3}, "a"), packed(9, {4, 5, 6}, "b")}), options(3));
  CHECK(made.label == std::vector<float>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("image_work: labels of any number are filled up") {
  const auto source = records_of({packed(0, {1, 2, 3}, "a"), packed(1, {4}, "b")});
  ImageWorkOptions o = options(-1);
  o.row_width = widest_label(source, 0, 1);
  CHECK(o.row_width == 3);
  o.filling = -1;
  CHECK(all_of(source, o).label == std::vector<float>{1, 2, 3, 4, -1, -1});
}

TEST_CASE("image_work: what is broken is left out and told with its place") {
  std::string many = packed(3, {1, 2}, "");
  const uint32_t huge = 0xFFFFFFFFu;
  std::memcpy(&many[0], &huge, 4);
  const auto source = records_of(
      {packed(0, {1}, "a"), "short", "", packed(1, {2, 2}, "b"), packed(2, {3}, ""), many, packed(4, {4}, "c")});
  for (int64_t threads : {1, 3}) {
    const Made made = all_of(source, options(1), threads);
    CHECK(made.label == std::vector<float>{1, 4});
    CHECK(made.report.examples == 2);
    CHECK(made.report.skipped == 5);
    const char* expected[] = {"record 1 at byte 40: expected an image's header of 24 bytes, got 5",
                              "record 2 at byte 56: expected an image's header of 24 bytes, got 0",
                              "record 3 at byte 64: expected 1 label (label_width), got 2",
                              "record 4 at byte 108: [decode] expected an image, got nothing",
                              "record 5 at byte 144: expected 4294967295 labels, got 8 bytes"};
    REQUIRE(made.report.faults.size() == 5);
    for (size_t i = 0; i < 5; ++i) CHECK(made.report.faults[i] == expected[i]);
  }
}

TEST_CASE("image_work: labels of a list; what it does not have is an error") {
  const auto source = records_of({packed(7, {1}, "a"), packed(9, {2}, "b")});
  Temporary file;
  ImageWorkOptions o = options(1);
  std::ofstream(file.path) << "9\t20\tb.jpg\n7\t10\ta.jpg\n";
  o.list = std::make_shared<ImageList>("test", file.path, 1);
  CHECK(all_of(source, o).label == std::vector<float>{10, 20});
  std::ofstream(file.path) << "9\t20\tb.jpg\n";
  o.list = std::make_shared<ImageList>("test", file.path, 1);
  CHECK_THROWS_WITH_AS(all_of(source, o),
                       "[ImageRecordIter] path_imglist: expected labels for id 7 of record 0 at byte 0, got none",
                       Error);
}

TEST_CASE("image_work: what is drawn for a record depends on its place, not on share, order or threads") {
  std::vector<std::string> records;
  for (int i = 0; i < 64; ++i)
    records.push_back(packed(static_cast<uint64_t>(i), {0}, std::string(1, static_cast<char>(i))));
  const auto source = records_of(records);
  std::vector<double> drawn(64, -1);
  for (bool shuffle : {false, true}) {
    for (int64_t parts : {1, 3}) {
      for (int64_t part = 0; part < parts; ++part) {
        ImageWorkOptions o = options(1);
        o.examples.shuffle = shuffle;
        o.examples.part = part;
        o.examples.parts = parts;
        o.seed = 5;
        const Made made = all_of(source, o, parts);
        for (size_t i = 0; i < made.data.size(); i += 2) {
          double& known = drawn[static_cast<size_t>(made.data[i])];
          if (known < 0) known = made.data[i + 1];
          CHECK(known == made.data[i + 1]);
        }
      }
    }
  }
  double sum = 0;
  for (double d : drawn) sum += d;
  CHECK(std::abs(sum / 64 - 0.5) < 0.2);  // 5 deviations
}

TEST_SUITE_END();

}  // namespace
