// Lines of files and numbers in lines: what counts as one, in what order, and in which share.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <random>

#include "base/error.h"
#include "io/number_text.h"
#include "io/row_lines.h"
#include "io/text_lines.h"

using namespace mixnet;

namespace {

struct Folder {
  std::string path = concat("/tmp/mixnet_text_test_", getpid());
  std::vector<std::string> files;
  Folder() { mkdir(path.c_str(), 0700); }
  ~Folder() {
    for (const std::string& file : files) unlink(file.c_str());
    rmdir(path.c_str());
  }
  std::string write(const std::string& name, const std::string& content) {
    files.push_back(path + "/" + name);
    std::ofstream(files.back(), std::ios::binary) << content;
    return files.back();
  }
};

std::vector<std::string> texts(TextLines& lines, int64_t at_once) {
  std::vector<std::string> all;
  for (;;) {
    const std::vector<TextLine>& some = lines.take(at_once);
    if (some.empty()) return all;
    for (const TextLine& line : some) all.emplace_back(line.text);
  }
}

template <class T>
std::string rest_of(std::string_view text, T* value) {
  return read_number(&text, value) ? std::string(text) : "none";
}

}  // namespace

TEST_SUITE("text") {
  TEST_CASE("lines are what is not blank, whatever ends them and however many are taken at once") {
    Folder folder;
    const std::string path = folder.write("a", "\xEF\xBB\xBF 1,2\r\n\n \t\r\n3,4 # no\n# no\n5,6");
    for (int64_t at_once : {1, 2, 3, 100}) {
      TextLines lines("test", path, '#');
      CHECK(texts(lines, at_once) == std::vector<std::string>{"1,2", "3,4", "5,6"});
      CHECK(lines.tell() == 3);
      lines.rewind();
      CHECK(lines.take(1)[0].number == 1);
      CHECK(lines.take(1)[0].number == 4);
      CHECK(*lines.take(1)[0].file == path);
    }
  }

  TEST_CASE("files of a folder by name, and lists of files") {
    Folder folder;
    const std::string b = folder.write("b", "3\n4"), a = folder.write("a", "1\n2\n");
    TextLines all("test", folder.path), some("test", b + ";" + a);
    CHECK(texts(all, 2) == std::vector<std::string>{"1", "2", "3", "4"});
    CHECK(texts(some, 3) == std::vector<std::string>{"3", "4", "1", "2"});
    CHECK_THROWS_WITH_AS(TextLines("test", folder.path + "/none"), doctest::Contains("expected a readable file"),
                         Error);
    CHECK_THROWS_WITH_AS(TextLines("test", ";"), doctest::Contains("got none"), Error);
  }

  TEST_CASE("shares are the whole, of nearly equal length, and lines longer than a block are whole") {
    Folder folder;
    std::mt19937 random(1);
    std::string content;
    std::vector<std::string> expected;
    for (int i = 0; i < 3000; ++i) {
      expected.push_back(std::to_string(i) + std::string(i == 700 ? 3000000 : random() % 900, 'x'));
      content += expected.back() + (i % 3 ? "\n" : "\r\n\n");
    }
    const std::string path = folder.write("long", content);
    for (int64_t parts : {1, 2, 7, 4000}) {
      std::vector<std::string> found;
      for (int64_t part = 0; part < parts; part += parts > 100 && part > 5 && part < 3990 ? 100 : 1) {
        TextLines lines("test", path);
        lines.share(part, parts);
        const int64_t first = lines.tell();
        const std::vector<std::string> mine = texts(lines, 13);
        if (parts <= 100) found.insert(found.end(), mine.begin(), mine.end());
        for (size_t i = 0; i < mine.size(); ++i) REQUIRE(mine[i] == expected[static_cast<size_t>(first) + i]);
        CHECK(std::abs(static_cast<double>(mine.size()) - 3000.0 / static_cast<double>(parts)) <= 1);
        lines.rewind();
        CHECK(texts(lines, 1000) == mine);
      }
      if (parts <= 100) CHECK(found == expected);
    }
  }

  TEST_CASE("numbers end where they end, and read as strtod reads them") {
    double value = 0;
    CHECK(rest_of("1.5,2", &value) == ",2");
    CHECK(value == 1.5);
    CHECK(rest_of(" +.5 ", &value) == " ");
    CHECK(value == 0.5);
    CHECK(rest_of("7.:", &value) == ":");
    CHECK(value == 7);
    CHECK(rest_of("-inf", &value) == "");
    CHECK(value == -INFINITY);
    CHECK(rest_of("nan,", &value) == ",");
    CHECK(std::isnan(value));
    CHECK(rest_of("1e999", &value) == "");
    CHECK(value == INFINITY);
    CHECK(rest_of("1e-999", &value) == "");
    CHECK(value == 0);
    CHECK(rest_of("-0", &value) == "");
    CHECK(std::signbit(value));
    for (const char* none : {"", ".", "-", "+-1", "x", ",", "--1", "+", "-."}) CHECK(rest_of(none, &value) == "none");
    float narrow = 0;
    CHECK(rest_of("1e39", &narrow) == "");
    CHECK(narrow == INFINITY);
    int32_t whole = 0;
    CHECK(rest_of("-12.5", &whole) == ".5");
    CHECK(whole == -12);
    CHECK(rest_of("99999999999", &whole) == "none");
  }

  TEST_CASE("any decimal has the value that strtod gives it") {
    std::mt19937_64 random(3);
    for (int i = 0; i < 200000; ++i) {
      std::string text = i % 2 ? "-" : "";
      const int digits = 1 + static_cast<int>(random() % 22), point = static_cast<int>(random() % 24);
      for (int k = 0; k < digits; ++k) text += (k == point ? "." : "") + std::to_string(random() % 10);
      if (i % 5 == 0) text += "e" + std::to_string(static_cast<int>(random() % 60) - 30);
      double value = 0;
      REQUIRE(rest_of(text, &value) == "");
      if (value != std::strtod(text.c_str(), nullptr)) FAIL(text);
    }
  }

  TEST_CASE("of rows that fail the first one speaks, on any number of threads") {
    for (int trial = 0; trial < 20; ++trial) {
      std::string message;
      try {
        for_each_row(1000, 1 << 24, [](int64_t i) {
          if (i % 100 == 37) fail(Code::io, "row ", i);
        });
      } catch (const Error& e) {
        message = e.what();
      }
      CHECK(message == "row 37");
    }
  }
}
