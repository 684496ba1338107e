// Decoding: pixels are MXNet's, parts are parts of the whole, what is broken is an error.
#include "codec/decode.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "files.h"

using namespace mixnet;

namespace {

using Bytes = std::vector<uint8_t>;

Image expected_of(std::string name) {
  const size_t at = name.find("_progressive");
  if (at != std::string::npos) name.erase(at, std::strlen("_progressive"));
  return decode_image(read_image_file(name + ".expected.png"), {4});
}

// The largest difference of a channel.
int difference(const Image& image, const Image& expected, int64_t channel, int64_t expected_channel) {
  REQUIRE(image.height() == expected.height());
  REQUIRE(image.width() == expected.width());
  int most = 0;
  for (int64_t i = 0; i < image.height() * image.width(); ++i)
    most = std::max(most,
                    std::abs(image.data()[i * image.channels() + channel] - expected.data()[i * 4 + expected_channel]));
  return most;
}

bool same(const ImageView& a, const ImageView& b) {
  if (a.height != b.height || a.width != b.width || a.channels != b.channels) return false;
  for (int64_t y = 0; y < a.height; ++y) {
    if (std::memcmp(a.row(y), b.row(y), static_cast<size_t>(a.width * a.channels)) != 0) return false;
  }
  return true;
}

Image part_of(const Bytes& file, const Region& r, int64_t channels = 3) {
  DecodeRequest request;
  request.channels = channels;
  request.region = r;
  return decode_image(file, request);
}

std::string error_of(const Bytes& file, const DecodeRequest& request = {}) {
  try {
    decode_image(file, request);
    return "none";
  } catch (const Error& e) {
    CHECK(e.code() == Code::io);
    return e.what();
  }
}

Bytes with_orientation(uint8_t value) {
  Bytes file = read_image_file("exif.jpg");
  const uint8_t little[] = {0x12, 0x01, 3, 0, 1, 0, 0, 0}, big[] = {0x01, 0x12, 0, 3, 0, 0, 0, 1};
  auto at = std::search(file.begin(), file.end(), std::begin(little), std::end(little));
  if (at != file.end()) {
    at[8] = value;
  } else {
    at = std::search(file.begin(), file.end(), std::begin(big), std::end(big));
    REQUIRE(at != file.end());
    at[9] = value;
  }
  return file;
}

// A progressive picture of one block: its mean, then one coefficient after the other, each one bit after the other.
Bytes of_scans(int count) {
  Bytes file = {0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0};
  file.insert(file.end(), 64, 1);
  const auto add = [&](std::initializer_list<int> bytes) { file.insert(file.end(), bytes.begin(), bytes.end()); };
  add({0xFF, 0xC2, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0});
  for (const int table : {0x00, 0x10})
    add({0xFF, 0xC4, 0, 20, table, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  add({0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 0, 0x00, 0x7F});
  for (int i = 1; i < count; ++i) {
    const int coefficient = 1 + (i - 1) / 14, bit = 13 - (i - 1) % 14;
    add({0xFF, 0xDA, 0, 8, 1, 1, 0, coefficient, coefficient, (bit == 13 ? 0 : bit + 1) << 4 | bit, 0x7F});
  }
  add({0xFF, 0xD9});
  return file;
}

}  // namespace

TEST_SUITE("codec") {
  TEST_CASE("headers say what is decoded") {
    for (const auto& names : {jpeg_files, png_files}) {
      for (const std::string& name : names) {
        CAPTURE(name);
        const Bytes file = read_image_file(name);
        const ImageInfo info = image_info(file);
        const Image image = decode_image(file, {0});
        CHECK(info.height == 53);
        CHECK(info.width == 75);
        CHECK(image.height() == 53);
        CHECK(image.width() == 75);
        CHECK(image.channels() == info.channels);
        CHECK((info.format == ImageFormat::png) == (name.find(".png") != std::string::npos));
        CHECK(info.orientation == (name == "exif.jpg" ? 6 : 1));
      }
    }
    const std::vector<std::pair<std::string, int>> stored = {
        {"grey.jpg", 1},          {"420.jpg", 3},        {"cmyk.jpg", 3},     {"grey.png", 1},
        {"bits.png", 1},          {"rgb16.png", 3},      {"rgb_key.png", 4},  {"palette.png", 3},
        {"palette_alpha.png", 4}, {"grey_alpha.png", 4}, {"rgb_alpha.png", 4}};
    for (const auto& [name, channels] : stored) CHECK(image_info(read_image_file(name)).channels == channels);
  }

  TEST_CASE("pixels are those that MXNet 1.9.1 decodes") {
    for (const auto& names : {jpeg_files, png_files}) {
      for (const std::string& name : names) {
        CAPTURE(name);
        // Versions of libjpeg-turbo round differently; that of MXNet's wheel does not smooth between rows of 4:4:0.
        const int close = name.find(".png") != std::string::npos ? 0 : name.find("440") == 0 ? 2 : 1;
        const Bytes file = read_image_file(name);
        const Image expected = expected_of(name), colour = decode_image(file), grey = decode_image(file, {1});
        for (int64_t c = 0; c < 3; ++c) CHECK(difference(colour, expected, c, c) <= close);
        CHECK(difference(grey, expected, 0, 3) <= close);
        CHECK(grey.channels() == 1);
      }
    }
  }

  TEST_CASE("alpha") {
    const Image alpha = decode_image(read_image_file("rgb_alpha.png"), {4}), green = expected_of("rgb.png");
    CHECK(difference(green, alpha, 1, 3) == 0);  // as the file was made
    for (const char* name : {"420.jpg", "grey.jpg", "cmyk.jpg", "rgb.png", "grey.png"}) {
      CAPTURE(name);
      const Bytes file = read_image_file(name);
      const Image with = decode_image(file, {4}), without = decode_image(file);
      for (int64_t c = 0; c < 3; ++c) CHECK(difference(without, with, c, c) == 0);
      for (int64_t i = 3; i < with.bytes(); i += 4) REQUIRE(with.data()[i] == 255);
    }
    const Image keyed = decode_image(read_image_file("rgb_key.png"), {4});
    CHECK(keyed.view().row(3)[4 * 4 + 3] == 0);
    CHECK(keyed.view().row(3)[5 * 4 + 3] == 255);
  }

  TEST_CASE("a part has the pixels of the whole") {
    for (const char* name :
         {"411.jpg", "420.jpg", "422.jpg", "440.jpg", "444.jpg", "restart.jpg", "grey.jpg", "cmyk.jpg",
          "420_progressive.jpg", "422_progressive.jpg", "444_progressive.jpg", "rgb16.png", "interlaced.png"}) {
      CAPTURE(name);
      const Bytes file = read_image_file(name);
      const Image whole = decode_image(file);
      for (int64_t top = 0; top < 33; top += 1) {
        for (int64_t left = 0; left < 33; left += top % 16 == 0 ? 1 : 5) {
          for (const auto& [height, width] : {std::pair<int64_t, int64_t>{1, 1}, {7, 40}, {20, 13}}) {
            const Region r{top, left, height, width};
            if (!same(part_of(file, r), piece(whole, r))) FAIL(name, " ", top, " ", left, " ", height, " ", width);
          }
        }
      }
      const Region corner{52, 74, 1, 1}, rows{10, 0, 43, 75}, columns{0, 40, 53, 35};
      for (const Region& r : {corner, rows, columns}) CHECK(same(part_of(file, r), piece(whole, r)));
      CHECK(same(part_of(file, {5, 6, 20, 30}, 1), piece(decode_image(file, {1}), {5, 6, 20, 30})));
    }
    CHECK_THROWS_WITH_AS(
        part_of(read_image_file("420.jpg"), {0, 70, 5, 6}),
        "[decode_image] region: expected a part of the 53 by 75 pixels, got 5 by 6 at row 0, column 70", Error);
    CHECK_THROWS_AS(part_of(read_image_file("420.jpg"), {INT64_MAX, 0, INT64_MAX, 6}), Error);
  }

  TEST_CASE("orientation") {
    const Image stored = decode_image(with_orientation(1));
    // Where the turned picture's pixel (y, x) lies in the stored one.
    using Place = std::pair<int64_t, int64_t>;
    const auto place = [](int orientation, int64_t y, int64_t x) -> Place {
      switch (orientation) {
        case 2: return {y, 74 - x};
        case 3: return {52 - y, 74 - x};
        case 4: return {52 - y, x};
        case 5: return {x, y};
        case 6: return {52 - x, y};
        case 7: return {52 - x, 74 - y};
        case 8: return {x, 74 - y};
        default: return {y, x};
      }
    };
    for (int orientation = 1; orientation <= 8; ++orientation) {
      CAPTURE(orientation);
      const Bytes file = with_orientation(static_cast<uint8_t>(orientation));
      CHECK(image_info(file).height == 53);
      CHECK(image_info(file, true).height == (orientation > 4 ? 75 : 53));
      CHECK(same(decode_image(file), stored));
      DecodeRequest request;
      request.orient = true;
      const Image turned = decode_image(file, request);
      REQUIRE(turned.height() == (orientation > 4 ? 75 : 53));
      for (int64_t y = 0; y < turned.height(); ++y) {
        for (int64_t x = 0; x < turned.width(); ++x) {
          const auto [from_y, from_x] = place(orientation, y, x);
          REQUIRE(std::memcmp(turned.view().row(y) + 3 * x, stored.view().row(from_y) + 3 * from_x, 3) == 0);
        }
      }
      request.region = {3, 20, 31, 17};
      CHECK(same(decode_image(file, request), piece(turned, request.region)));
    }
    for (const uint8_t none : {0, 9, 255}) CHECK(image_info(with_orientation(none), true).height == 53);
  }

  TEST_CASE("smaller while it is decoded") {
    const Bytes file = read_image_file("444.jpg");
    DecodeRequest request;
    const auto extents = [&](int64_t shorter_side, Region region = {}) {
      request.shorter_side = shorter_side;
      request.region = region;
      const Image image = decode_image(file, request);
      return std::pair<int64_t, int64_t>{image.height(), image.width()};
    };
    using Pair = std::pair<int64_t, int64_t>;
    CHECK(extents(53) == Pair{53, 75});
    CHECK(extents(28) == Pair{53, 75});
    CHECK(extents(27) == Pair{27, 38});
    CHECK(extents(14) == Pair{14, 19});
    CHECK(extents(1) == Pair{7, 10});
    CHECK(extents(10, {3, 4, 20, 40}) == Pair{10, 20});
    CHECK(extents(11, {3, 4, 20, 40}) == Pair{20, 40});
    for (const std::string name : {"420.jpg", "422.jpg", "411.jpg", "cmyk.jpg", "grey.jpg", "420_progressive.jpg"}) {
      CAPTURE(name);
      const Bytes other = read_image_file(name);
      for (const auto& [side, eighths] : {Pair{27, 4}, {14, 2}, {7, 1}}) {
        CAPTURE(eighths);
        DecodeRequest half;
        half.shorter_side = side;
        const Image whole = decode_image(other, half);
        REQUIRE(whole.height() == (53 * eighths + 7) / 8);
        // Parts of the smaller picture, and what the full one has there on average.
        const int64_t step = 8 / eighths;
        for (int64_t top = 0; top < 2; ++top) {
          for (int64_t left = 0; left < 4; ++left) {
            half.region = {top * 8, left * 8, 32, 40};
            half.shorter_side = 32 / step;
            CHECK(
                same(decode_image(other, half), piece(whole, {top * 8 / step, left * 8 / step, 32 / step, 40 / step})));
          }
        }
      }
      const Image full = decode_image(other);
      DecodeRequest half;
      half.shorter_side = 27;
      const Image small = decode_image(other, half);
      double off = 0;
      for (int64_t y = 0; y < 26; ++y) {
        for (int64_t x = 0; x < 37; ++x) {
          for (int64_t c = 0; c < 3; ++c) {
            const uint8_t *above = full.view().row(2 * y) + 6 * x + c, *below = full.view().row(2 * y + 1) + 6 * x + c;
            off += std::abs(small.view().row(y)[3 * x + c] - (above[0] + above[3] + below[0] + below[3]) / 4.0);
          }
        }
      }
      CHECK(off / (26 * 37 * 3) < 6);
    }
  }

  TEST_CASE("what is cut off or no image is an error") {
    for (const std::string name :
         {"420.jpg", "420_progressive.jpg", "restart.jpg", "grey.jpg", "rgb.png", "interlaced.png", "palette.png"}) {
      const Bytes file = read_image_file(name);
      for (size_t size = 0; size < file.size(); size += size < 700 ? 1 : 37) {
        CAPTURE(name);
        CAPTURE(size);
        CHECK(error_of(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size))) != "none");
      }
      CHECK(error_of(Bytes(file.begin(), file.end() - 1)) != "none");
    }
    CHECK(error_of({}) == "[image] expected a JPEG or PNG file, got no bytes");
    CHECK(error_of({'B', 'M', 1, 2}) == "[image] expected a JPEG or PNG file, got other bytes");
    CHECK(error_of(Bytes(4, 0xFF)) == "[image] expected a JPEG or PNG file, got other bytes");
    CHECK(error_of(Bytes(100, 0x89)) == "[image] expected a JPEG or PNG file, got other bytes");
    DecodeRequest two;
    two.channels = 2;
    CHECK_THROWS_WITH_AS(decode_image(read_image_file("420.jpg"), two),
                         "[decode_image] channels: expected 0, 1, 3 or 4, got 2", Error);
  }

  TEST_CASE("bytes after a picture do no harm, bytes inside do") {
    Bytes file = read_image_file("420.jpg");
    const Image whole = decode_image(file);
    Bytes longer = file;
    longer.insert(longer.end(), 100, 0xFF);
    CHECK(same(decode_image(longer), whole));
    Bytes fill = file;
    fill.insert(fill.end() - 2, 3, 0x00);  // before the end's marker: as some cameras write it
    CHECK(same(decode_image(fill), whole));
    Bytes ended = file;
    ended[ended.size() - 300] = 0xFF;
    ended[ended.size() - 299] = 0xD9;
    CHECK(error_of(ended).find("[image] JPEG: ") == 0);
    Bytes restart = read_image_file("restart.jpg");
    for (size_t i = restart.size() - 300; i + 1 < restart.size(); ++i) {
      if (restart[i] == 0xFF && restart[i + 1] >= 0xD0 && restart[i + 1] <= 0xD7)
        restart[i + 1] = static_cast<uint8_t>(0xD0 | ((restart[i + 1] + 2) & 7));
    }
    CHECK(error_of(restart).find("[image] JPEG: ") == 0);
    const Bytes png = read_image_file("palette.png");
    for (size_t i = 120; i < png.size() - 20; i += 13) {
      Bytes damaged = png;
      damaged[i] ^= 0x10;
      CHECK(error_of(damaged).find("[image] PNG: ") == 0);
    }
  }

  TEST_CASE("any thread") {
    std::vector<Bytes> files;
    std::vector<Image> expected;
    for (const auto& names : {jpeg_files, png_files}) {
      for (const std::string& name : names) {
        files.push_back(read_image_file(name));
        expected.push_back(decode_image(files.back()));
      }
    }
    std::atomic<int> differ{0};
    std::vector<std::thread> threads;
    for (size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (size_t i = 0; i < 8 * files.size(); ++i) {
          const size_t k = (i + 7 * t) % files.size();
          differ += !same(decode_image(files[k]), expected[k]);
          if (i % 5 == 0) differ += error_of(Bytes(files[k].begin(), files[k].begin() + 200)) == "none";
        }
      });
    }
    for (std::thread& t : threads) t.join();
    CHECK(differ == 0);
  }

  TEST_CASE("scans are limited") {
    CHECK(decode_image(of_scans(400)).data()[0] == 128);
    CHECK(error_of(of_scans(600)) == "[image] JPEG: more scans than a picture needs");
  }

  TEST_CASE("extents that cannot be are refused by the header") {
    Bytes png = read_image_file("rgb.png");
    for (int i = 16; i < 24; ++i) png[static_cast<size_t>(i)] = 0x7F;
    CHECK(error_of(png).find("expected at most") == std::string::npos);  // too large even to be looked at
    CHECK(error_of(png) == "[image] PNG: 11911 bytes cannot hold the 2139062143 by 2139062143 pixels of the header");
    Bytes jpeg = read_image_file("420.jpg");
    const uint8_t frame[] = {0xFF, 0xC0};
    const auto at = std::search(jpeg.begin(), jpeg.end(), std::begin(frame), std::end(frame));
    for (int i = 5; i < 9; ++i) at[i] = 0xF0;
    CHECK(error_of(jpeg) == "[image] JPEG: 1852 bytes cannot hold the 61680 by 61680 pixels of the header");
    Bytes large = jpeg;
    large.resize(1 << 20);
    CHECK(error_of(large) ==
          "[image] expected at most 268435456 pixels and sides of at most 65500, got a picture of 61680 by 61680");
    for (int i = 5; i < 9; ++i) at[i] = 0;
    CHECK(error_of(jpeg) == "[image] expected pixels, got a picture of 0 by 0");
  }
}
