// Encoding: what is written is read again.
#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>

#include "codec/decode.h"
#include "files.h"

using namespace mixnet;

TEST_SUITE("codec") {
  TEST_CASE("PNG keeps every pixel") {
    for (const int64_t channels : {1, 3, 4}) {
      const Image image = decode_image(read_image_file("rgb_alpha.png"), {channels});
      for (const int compression : {0, 1, 9}) {
        const Image again = decode_image(encode_png(image, compression), {0});
        REQUIRE(again.bytes() == image.bytes());
        CHECK(again.channels() == channels);
        CHECK(std::memcmp(again.data(), image.data(), static_cast<size_t>(image.bytes())) == 0);
      }
      // A view with a stride.
      const Region middle{10, 20, 5, 7};
      const Image part = decode_image(encode_png(piece(image, middle)), {0});
      for (int64_t y = 0; y < 5; ++y)
        CHECK(std::memcmp(part.view().row(y), piece(image, middle).row(y), static_cast<size_t>(7 * channels)) == 0);
    }
  }

  TEST_CASE("JPEG keeps pixels closely, the better the higher its quality") {
    for (const int64_t channels : {1, 3}) {
      Image image(40, 60, channels);
      for (int64_t y = 0; y < 40; ++y) {
        for (int64_t x = 0; x < 60; ++x) {
          for (int64_t c = 0; c < channels; ++c)
            image.row(y)[x * channels + c] = static_cast<uint8_t>(40 + 2 * x + y + 20 * c);
        }
      }
      double before = 256;
      size_t size = 0;
      for (const int quality : {10, 60, 100}) {
        const std::vector<uint8_t> file = encode_jpeg(image, quality);
        const Image again = decode_image(file, {0});
        REQUIRE(again.bytes() == image.bytes());
        double off = 0;
        for (int64_t i = 0; i < image.bytes(); ++i) off += std::abs(image.data()[i] - again.data()[i]);
        off /= static_cast<double>(image.bytes());
        CHECK(off < before);
        CHECK(file.size() > size);
        before = off;
        size = file.size();
      }
      CHECK(before < 2);
    }
  }

  TEST_CASE("a large file comes in pieces") {
    Image image(200, 300, 3);
    uint32_t state = 1;
    for (int64_t i = 0; i < image.bytes(); ++i)
      image.data()[i] = static_cast<uint8_t>((state = state * 1664525 + 1013904223) >> 24);
    const std::vector<uint8_t> file = encode_jpeg(image, 100);
    CHECK(file.size() > (1 << 16));
    CHECK(decode_image(file).width() == 300);
  }

  TEST_CASE("what cannot be encoded is an error") {
    const Image two(3, 3, 2), four(3, 3, 4), none(0, 3, 3), one(1, 1, 1);
    CHECK_THROWS_WITH_AS(encode_jpeg(four), "[encode_jpeg] image: expected 1 or 3 channels, got 4", Error);
    CHECK_THROWS_WITH_AS(encode_png(two), "[encode_png] image: expected 1, 3 or 4 channels, got 2", Error);
    CHECK_THROWS_WITH_AS(encode_jpeg(one, 101), "[encode_jpeg] quality: expected 1 to 100, got 101", Error);
    CHECK_THROWS_WITH_AS(encode_png(one, 10), "[encode_png] compression: expected 0 to 9, got 10", Error);
    CHECK_THROWS_WITH_AS(encode_png(none), "[image] PNG: expected sides of 1 to 65500 pixels, got 0 by 3", Error);
  }
}
