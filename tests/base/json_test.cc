// The JSON parser and writer: numbers, escapes, surrogates, depth, and errors that say where.
#include "base/json.h"

#include <doctest/doctest.h>

#include <clocale>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace mixnet {
namespace {

Json parse(const std::string& text) { return Json::parse(text, "test"); }

// The message of the error, or "accepted".
std::string refused(const std::string& text) {
  try {
    parse(text);
    return "accepted";
  } catch (const Error& e) {
    CHECK(e.code() == Code::io);
    return e.what();
  }
}

}  // namespace

TEST_CASE("json: numbers") {
  CHECK(parse("0").as_int() == 0);
  CHECK(parse("-0").as_int() == 0);
  CHECK(parse(" 9223372036854775807 ").as_int() == std::numeric_limits<int64_t>::max());
  CHECK(parse("-9223372036854775808").as_int() == std::numeric_limits<int64_t>::min());
  CHECK(parse("9223372036854775808").as_double() == 9223372036854775808.0);
  CHECK_THROWS_AS(parse("9223372036854775808").as_int(), Error);
  CHECK(parse("1e3").as_int() == 1000);
  CHECK(parse("1E+3").as_double() == 1000);
  CHECK(parse("-2.5e-3").as_double() == -2.5e-3);
  CHECK(parse("1e-400").as_double() == 0);
  CHECK(parse("4.9406564584124654e-324").as_double() == 4.9406564584124654e-324);
  CHECK(parse("1.7976931348623157e308").as_double() == std::numeric_limits<double>::max());
  CHECK(refused("1e999") == "[test] byte 5: a number beyond double precision");
  for (const char* text :
       {"-", "+1", ".5", "1.", "1.e3", "1e", "1e+", "01x", "0x10", "NaN", "Infinity", "1 2", "--1"}) {
    CAPTURE(text);
    CHECK(refused(text) != "accepted");
  }
}

TEST_CASE("json: what is written is read again, to the last bit") {
  for (double x : {0.1, 1.0, -1e-7, 1e300, 5e-324, 1.0 / 3, 123456.75, 1e15, 1e16, 1e22}) {
    CAPTURE(x);
    const Json again = parse(Json(x).dump());
    CHECK(again.kind() == Json::Kind::real);
    CHECK(again.as_double() == x);
  }
  CHECK(parse(Json(-0.0).dump()).as_double() == 0);
  CHECK(std::signbit(parse(Json(-0.0).dump()).as_double()));
  const int64_t least = std::numeric_limits<int64_t>::min();
  CHECK(parse(Json(least).dump()).as_int() == least);
}

TEST_CASE("json: strings") {
  CHECK(parse(R"("\"\\\/\b\f\n\r\t")").as_string() == "\"\\/\b\f\n\r\t");
  CHECK(parse(R"("\u0041\u00e9\u20AC\ud83d\ude00")").as_string() == "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  CHECK(parse(R"("\uD800\uDC00\uDBFF\uDFFF")").as_string() == "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF");
  CHECK(parse("\"\\u0000\"").as_string() == std::string(1, '\0'));
  for (const char* text :
       {R"("\ud83d")", R"("\ud83dx")", R"("\ud83d\n")", R"("\ud83d\u0041")", R"("\ude00")", R"("\ud83d\ud83d")",
        R"("\u12")", R"("\u12g4")", R"("\x41")", R"("\)", "\"", "\"a", "\"\n\"", "\"\t\"", "'a'"}) {
    CAPTURE(text);
    CHECK(refused(text) != "accepted");
  }
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  CHECK(parse(Json(all).dump()).as_string() == all);
}

TEST_CASE("json: structure") {
  const Json j = parse(R"( { "a" : [ 1 , [ ] , { } , null , true , false ] , "b" : "c" } )");
  CHECK(j.at("a").items().size() == 6);
  CHECK(j.at("a").items()[4].as_bool());
  CHECK(j.find("z") == nullptr);
  CHECK_THROWS_WITH_AS(j.at("z"), doctest::Contains("'z'"), Error);
  CHECK_THROWS_WITH_AS(j.at("b").as_int(), "[json] expected an integer, got a text", Error);
  CHECK_THROWS_AS(j.items(), Error);
  CHECK_THROWS_AS(j.at("a").members(), Error);
  // The last of equal keys counts, as elsewhere.
  CHECK(parse(R"({"k":1,"k":2})").at("k").as_int() == 2);
  for (const char* text : {"",
                           " ",
                           "{",
                           "[",
                           "]",
                           "{]",
                           "[}",
                           "[1,]",
                           "[,1]",
                           "{,}",
                           R"({"a"})",
                           R"({"a":})",
                           R"({"a":1,})",
                           R"({a:1})",
                           R"({1:1})",
                           "[1 2]",
                           "nul",
                           "tru",
                           "TRUE",
                           "[1]]",
                           "null null",
                           "\xEF\xBB\xBF[]",
                           "//c\n1"}) {
    CAPTURE(text);
    CHECK(refused(text) != "accepted");
  }
  CHECK(refused(std::string("1\0", 2)) != "accepted");
}

TEST_CASE("json: errors say where") {
  CHECK(refused("[1, 2, x]") == "[test] byte 7: expected a value");
  CHECK(refused("{\"a\" 1}") == "[test] byte 5: expected ':'");
  CHECK(refused("[1") == "[test] byte 2: expected ',' or ']'");
  CHECK(refused("{} x") == "[test] byte 3: expected the end of the text");
}

TEST_CASE("json: depth is bounded") {
  const std::string deep(256, '['), too_deep(257, '['), absurd(1000000, '[');
  CHECK(parse(deep + std::string(256, ']')).is_array());
  CHECK(refused(too_deep + std::string(257, ']')).find("nested too deeply") != std::string::npos);
  CHECK(refused(absurd).find("nested too deeply") != std::string::npos);
  std::string objects;
  for (int i = 0; i < 300; ++i) objects += "{\"a\":";
  CHECK(refused(objects).find("nested too deeply") != std::string::npos);
}

TEST_CASE("json: the program's locale changes nothing") {
  const std::string before = std::setlocale(LC_NUMERIC, nullptr);
  bool found = false;
  for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "nl_NL.UTF-8"})
    found = found || std::setlocale(LC_NUMERIC, name);
  MESSAGE("a locale with a decimal comma: " << std::string(found ? "found" : "none on this machine"));
  CHECK(parse("1.5").as_double() == 1.5);
  CHECK(Json(1.5).dump() == "1.5");
  std::setlocale(LC_NUMERIC, before.c_str());
}

}  // namespace mixnet
