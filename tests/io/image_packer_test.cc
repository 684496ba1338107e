// Lists of images to records: the list's order on any number of threads, faults told and left out, runs that go on, pictures made smaller.
#include "io/image_packer.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "io/image_record.h"
#include "io/record_reader.h"

using namespace mixnet;

namespace {

const auto quiet = [](const ImagePackReport&) {};

struct Folder {
  std::string path = concat("/tmp/mixnet_packer_test_", getpid());
  Folder() { REQUIRE(mkdir(path.c_str(), 0700) == 0); }
  ~Folder() { CHECK(std::system(concat("rm -r ", path).c_str()) == 0); }
  std::string in(const std::string& name) const { return path + "/" + name; }
  void put(const std::string& name, const std::string& bytes) const {
    std::ofstream(in(name), std::ios::binary | std::ios::trunc) << bytes;
  }
  void put(const std::string& name, const std::vector<uint8_t>& bytes) const {
    put(name, std::string(bytes.begin(), bytes.end()));
  }
  std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(in(name), std::ios::binary).rdbuf();
    return text.str();
  }
  ImagePackOptions options() const {
    ImagePackOptions o;
    o.root = path;
    o.list = in("a.lst");
    o.record = in("a.rec");
    o.index = in("a.idx");
    o.pass_through = true;
    o.threads = 3;
    return o;
  }
};

// So many files and their list; those with a number divisible by 7 are missing.
void make_files(const Folder& folder, int count) {
  std::string list;
  for (int i = 0; i < count; ++i) {
    const std::string name = concat("f", i);
    list += concat(i * 3, "\t", i * 0.5, "\t", i, "\t", name, "\n");
    if (i % 7 != 3) folder.put(name, std::string(static_cast<size_t>(i * 131 % 4000 + 1), static_cast<char>(i)));
  }
  folder.put("a.lst", list);
}

std::vector<std::vector<uint8_t>> records(const std::string& path) {
  RecordReader reader(open_file(path));
  std::vector<std::vector<uint8_t>> all;
  for (Span<const uint8_t> record; reader.next(&record);) all.emplace_back(record.begin(), record.end());
  return all;
}

struct Header {
  uint32_t flag = 0;
  float label = 0;
  uint64_t id = 0, second_id = 0;
};

Header header(const std::vector<uint8_t>& record) {
  Header h;
  REQUIRE(record.size() >= sizeof h);
  std::memcpy(&h, record.data(), sizeof h);
  return h;
}

Image gradient(int64_t height, int64_t width, int64_t channels = 3) {
  Image image(height, width, channels);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t i = 0; i < image.stride(); ++i)
      image.row(y)[i] = static_cast<uint8_t>(y * 2 + i / channels + i % channels * 40);
  return image;
}

// The picture that is packed from `file` under the name a.
Image packed(const Folder& folder, const std::vector<uint8_t>& file, ImagePackOptions options, int64_t channels = 0) {
  folder.put("a", file);
  folder.put("a.lst", "1\t2\ta\n");
  options.pass_through = false;
  REQUIRE(pack_images(options, quiet).packed == 1);
  const std::vector<uint8_t> record = records(options.record).at(0);
  DecodeRequest request;
  request.channels = channels;
  return decode_image(read_image_record(record).file, request);
}

}  // namespace

TEST_SUITE("io") {
  TEST_CASE("image packer: the list's order, whatever the number of threads; faults are told") {
    const Folder folder;
    make_files(folder, 100);
    ImagePackOptions options = folder.options();
    options.threads = 1;
    const ImagePackReport report = pack_images(options, quiet);
    CHECK(report.total == 100);
    CHECK(report.done == 100);
    CHECK(report.packed == 86);
    CHECK(report.skipped == 14);
    REQUIRE(report.faults.size() == 14);
    CHECK(report.faults[1].line == 11);
    CHECK(report.faults[1].id == "30");
    CHECK(report.faults[1].path == folder.in("f10"));
    CHECK(report.faults[1].reason.find("No such file") != std::string::npos);
    const std::string one = folder.read("a.rec"), index = folder.read("a.idx");
    CHECK(report.bytes == static_cast<int64_t>(one.size()));
    for (int threads : {2, 5}) {
      options.threads = threads;
      pack_images(options, quiet);
      CHECK(folder.read("a.rec") == one);
      CHECK(folder.read("a.idx") == index);
    }
    const auto all = records(options.record);
    REQUIRE(all.size() == 86);
    CHECK(header(all[4]).id == 15);  // number 3 is missing
    CHECK(header(all[4]).label == 2.5f);
    CHECK(header(all[4]).flag == 0);
    CHECK(all[4].size() == 24 + 656);
  }

  TEST_CASE("image packer: labels") {
    const Folder folder;
    folder.put("f", "x");
    folder.put("a.lst", "1\t2\t3\t4\tf\n2\t5\tf\n");
    ImagePackOptions options = folder.options();
    options.pack_label = true;
    pack_images(options, quiet);
    auto all = records(options.record);
    REQUIRE(all.size() == 2);
    CHECK(header(all[0]).flag == 3);
    CHECK(header(all[0]).label == 0);
    CHECK(all[0].size() == 24 + 12 + 1);
    CHECK(header(all[1]).flag == 0);
    CHECK(header(all[1]).label == 5);
    options.pack_label = false;
    options.label_width = 2;
    const ImagePackReport report = pack_images(options, quiet);
    CHECK(report.packed == 1);
    REQUIRE(report.faults.size() == 1);
    CHECK(report.faults[0].reason == "expected 2 labels, got 1");
    CHECK(header(records(options.record).at(0)).flag == 2);
  }

  TEST_CASE("image packer: lines and files that are nothing") {
    const Folder folder;
    folder.put("f", "x");
    folder.put("empty", "");
    folder.put("a.lst", "x\t1\tf\n1\tf\n\n2\t1\tempty\n3\t1\t.\n4\t1\tf\n5\t1\t/nonexistent/f\n");
    ImagePackOptions options = folder.options();
    const ImagePackReport report = pack_images(options, quiet);
    CHECK(report.total == 6);
    CHECK(report.packed == 1);
    REQUIRE(report.faults.size() == 5);
    CHECK(report.faults[0].path == "x\t1\tf");
    CHECK(report.faults[0].id == "");
    CHECK(report.faults[2].line == 4);
    CHECK(report.faults[2].reason == "expected an image, got an empty file");
    CHECK(report.faults[4].path == "/nonexistent/f");
    options.check = true;
    const ImagePackReport strict = pack_images(options, quiet);
    CHECK(strict.packed == 0);
    folder.put("a.lst", "");
    CHECK(pack_images(options, quiet).total == 0);
    CHECK(folder.read("a.rec") == "");
  }

  TEST_CASE("image packer: a run that was stopped goes on") {
    const Folder folder;
    make_files(folder, 60);
    ImagePackOptions options = folder.options();
    pack_images(options, quiet);
    const std::string all = folder.read("a.rec"), index = folder.read("a.idx");
    options.resume = true;
    for (int64_t stop : {0, 1, 4, 25, 59}) {
      unlink(options.record.c_str());
      unlink(options.index.c_str());
      const auto until = [&](const ImagePackReport& r) { MIXNET_CHECK(r.done < stop, user, "enough"); };
      CHECK_THROWS_WITH_AS(pack_images(options, until), "enough", Error);
      CHECK(all.compare(0, folder.read("a.rec").size(), folder.read("a.rec")) == 0);
      const ImagePackReport report = pack_images(options, quiet);
      CHECK(report.done == 60);
      CHECK(report.packed == 51);
      CHECK(report.skipped == 9);
      CHECK(report.resumed <= stop);
      CHECK(folder.read("a.rec") == all);
      CHECK(folder.read("a.idx") == index);
    }
    folder.put("a.rec", all.substr(0, all.size() / 2));
    CHECK(pack_images(options, quiet).resumed > 10);
    CHECK(folder.read("a.rec") == all);
    folder.put("a.lst", "77\t1\tf1\n");
    CHECK_THROWS_WITH_AS(pack_images(options, quiet), doctest::Contains("the list has no image 0 there"), Error);
  }

  TEST_CASE("image packer: shares are the whole") {
    const Folder folder;
    make_files(folder, 50);
    ImagePackOptions options = folder.options();
    pack_images(options, quiet);
    const auto all = records(options.record);
    options.parts = 4;
    std::vector<std::vector<uint8_t>> found;
    for (options.part = 0; options.part < 4; ++options.part) {
      pack_images(options, quiet);
      for (auto& record : records(options.record)) found.push_back(record);
    }
    CHECK(found == all);
  }

  TEST_CASE("image packer: options that make no sense") {
    const Folder folder;
    make_files(folder, 1);
    const auto refused = [&](void (*change)(ImagePackOptions&), const char* what) {
      ImagePackOptions options = folder.options();
      change(options);
      CHECK_THROWS_WITH_AS(pack_images(options, quiet), doctest::Contains(what), Error);
    };
    refused([](ImagePackOptions& o) { o.quality = 0; }, "quality: expected 1 to 100, got 0");
    refused([](ImagePackOptions& o) { o.resize = -1; }, "resize: expected 0 to 65500, got -1");
    refused([](ImagePackOptions& o) { o.color = 2; }, "color: expected -1 to 1, got 2");
    refused([](ImagePackOptions& o) { o.label_width = 0; }, "label_width");
    refused([](ImagePackOptions& o) { o.interpolation = static_cast<Interpolation>(5); }, "inter_method");
    refused([](ImagePackOptions& o) { o.threads = -1; }, "num_thread");
    refused([](ImagePackOptions& o) { o.part = 1; }, "part: expected 0 to 0, got 1");
    refused([](ImagePackOptions& o) { o.parts = 0; }, "nsplit");
    refused([](ImagePackOptions& o) { o.list = "/nonexistent.lst"; }, "No such file");
    refused([](ImagePackOptions& o) { o.record = "/nonexistent/a.rec"; }, "No such file");
  }

  TEST_CASE("image packer: crops, resizes and encodes") {
    const Folder folder;
    ImagePackOptions options = folder.options();
    const std::vector<uint8_t> tall = encode_png(gradient(60, 40));
    const Image same = packed(folder, tall, options);
    CHECK(same.height() == 60);
    CHECK(same.width() == 40);
    options.encoding = ImageFormat::png;
    const Image exact = packed(folder, tall, options);
    CHECK(std::memcmp(exact.data(), gradient(60, 40).data(), 60 * 40 * 3) == 0);
    options.center_crop = true;
    const Image square = packed(folder, tall, options);
    CHECK(square.height() == 40);
    CHECK(square.width() == 40);
    CHECK(std::memcmp(square.data(), gradient(60, 40).row(10), 40 * 40 * 3) == 0);
    options.center_crop = false;
    options.resize = 30;
    const Image smaller = packed(folder, tall, options);
    CHECK(smaller.height() == 45);
    CHECK(smaller.width() == 30);
    const Image expected = resize(gradient(60, 40), 45, 30, Interpolation::bilinear);
    CHECK(std::memcmp(smaller.data(), expected.data(), 45 * 30 * 3) == 0);
    const Image wide = packed(folder, encode_png(gradient(33, 77)), options);
    CHECK(wide.height() == 30);
    CHECK(wide.width() == 70);
    options.interpolation = Interpolation::automatic;
    CHECK(packed(folder, encode_jpeg(gradient(640, 480)), options).height() == 40);
  }

  TEST_CASE("image packer: colours") {
    const Folder folder;
    ImagePackOptions options = folder.options();
    options.color = 0;
    CHECK(packed(folder, encode_jpeg(gradient(20, 20)), options).channels() == 1);
    options.color = -1;
    CHECK(packed(folder, encode_jpeg(gradient(20, 20, 1)), options).channels() == 1);
    CHECK(packed(folder, encode_png(gradient(20, 20, 4)), options).channels() == 3);
    options.encoding = ImageFormat::png;
    CHECK(packed(folder, encode_png(gradient(20, 20, 4)), options).channels() == 4);
    options.color = 1;
    CHECK(packed(folder, encode_png(gradient(20, 20, 4)), options).channels() == 3);
    CHECK(packed(folder, encode_png(gradient(20, 20, 1)), options).channels() == 3);
  }

  TEST_CASE("image packer: a broken picture is left out") {
    const Folder folder;
    std::vector<uint8_t> file = encode_jpeg(gradient(50, 50));
    folder.put("good", file);
    file.resize(file.size() / 2);
    folder.put("bad", file);
    folder.put("a.lst", "1\t0\tgood\n2\t0\tbad\n3\t0\tgood\n");
    for (const bool pass : {false, true}) {
      ImagePackOptions options = folder.options();
      options.pass_through = options.check = pass;
      const ImagePackReport report = pack_images(options, quiet);
      CHECK(report.packed == 2);
      REQUIRE(report.faults.size() == 1);
      CHECK(report.faults[0].id == "2");
    }
  }
}
