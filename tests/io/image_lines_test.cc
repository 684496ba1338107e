// Lines of .lst files.
#include "io/image_lines.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include "base/error.h"

using namespace mixnet;

TEST_SUITE("io") {
  TEST_CASE("image lines: lines") {
    const ImageListEntry one = parse_image_list_line("7\t2.000000\tfolder/a b.jpg");
    CHECK(one.id == 7);
    CHECK(one.labels == std::vector<float>{2});
    CHECK(one.path == "folder/a b.jpg");
    CHECK(parse_image_list_line("18446744073709551615\t1\t-2e3\t0.1\tx").labels == std::vector<float>{1, -2000, 0.1f});
    for (const char* bad : {"", "7", "7\t2", "x\t2\ta", "-1\t2\ta", "7 \t2\ta", "7\t\ta", "7\t2x\ta", "7\tx\ta",
                            "18446744073709551616\t1\ta"})
      CHECK_THROWS_WITH_AS(parse_image_list_line(bad), doctest::Contains("expected"), Error);
  }

  TEST_CASE("image lines: files") {
    const std::string path = concat("/tmp/mixnet_image_list_test_", getpid(), ".lst");
    std::ofstream(path, std::ios::binary) << "1\t0\ta.jpg\r\n\n  \n2\t0\tb.jpg";
    ImageListReader reader(path);
    std::string line;
    REQUIRE(reader.next(&line));
    CHECK(line == "1\t0\ta.jpg");
    REQUIRE(reader.next(&line));
    CHECK(line == "2\t0\tb.jpg");
    CHECK(reader.line_number() == 4);
    CHECK(!reader.next(&line));
    CHECK(count_image_list(path) == 2);
    unlink(path.c_str());
    CHECK_THROWS_WITH_AS(ImageListReader{path}, doctest::Contains("No such file"), Error);
  }
}
