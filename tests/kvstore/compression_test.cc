// Codes of gradients: what is sent, what is kept, the layout of the bytes, values that are no numbers.
#include "kvstore/compression.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"

namespace mixnet {
namespace {

using Values = std::vector<float>;

struct Sender {
  Compression how;
  Values residual;
  std::vector<uint8_t> bytes;

  Values send(const Values& gradient) {
    const auto count = static_cast<int64_t>(gradient.size());
    residual.resize(gradient.size());
    bytes.assign(static_cast<size_t>(encoded_bytes(how.codes, count)), 0xff);
    encode(how, gradient.data(), residual.data(), count, bytes.data());
    Values sent(gradient.size(), 1e9f);
    decode(how, bytes.data(), count, sent.data());
    return sent;
  }
};

constexpr float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("compression: 2bit sends what reaches the threshold and keeps the rest") {
  Sender sender{make_compression("2bit", 0.5), {}, {}};
  const Values gradient{0.2f, 0.6f, -0.7f, 0.5f, -0.5f, 1.3f, -2.0f, 0.0f};
  const Values often{0, 0.5f, -0.5f, 0.5f, -0.5f, 0.5f, -0.5f, 0};
  CHECK(sender.send(gradient) == often);
  CHECK(sender.residual[1] == 0.6f - 0.5f);
  CHECK(sender.residual[6] == -1.5f);
  CHECK(sender.send(gradient) == often);
  Values third = often;
  third[0] = 0.5f;  // 3 x 0.2
  CHECK(sender.send(gradient) == third);
}

TEST_CASE("compression: the layout of the bytes") {
  Sender two{make_compression("2bit", 0.5), {}, {}};
  two.send({1, -1, 0, 1, -1});
  CHECK(two.bytes == std::vector<uint8_t>{0x49, 0x02});
  Sender one{make_compression("1bit", 1), {}, {}};
  one.send({1, -1, 0, 1, -1, 1, 1, 1, 1});
  CHECK(one.bytes == std::vector<uint8_t>{0xe9, 0x01});
  Sender half{make_compression("fp16", 1), {}, {}};
  half.send({1, -2});
  CHECK(half.bytes.size() == 4);
  CHECK((half.bytes[0] | half.bytes[1]) == 0x3c);
  CHECK(encoded_bytes(Codes::two_bit, 0) == 0);
  CHECK(encoded_bytes(Codes::none, 3) == 12);
}

TEST_CASE("compression: nothing is lost, only late") {
  for (const char* type : {"1bit", "2bit", "fp16"}) {
    Sender sender{make_compression(type, 0.25), {}, {}};
    Values given(1003), arrived(1003);
    for (int step = 0; step < 50; ++step) {
      Values gradient(1003);
      for (size_t i = 0; i < gradient.size(); ++i)
        gradient[i] = 0.2f * static_cast<float>(std::sin(static_cast<double>(i * 31 + static_cast<size_t>(step) * 7)));
      const Values sent = sender.send(gradient);
      for (size_t i = 0; i < gradient.size(); ++i) {
        given[i] += gradient[i];
        arrived[i] += sent[i];
      }
    }
    float worst = 0;
    for (size_t i = 0; i < given.size(); ++i)
      worst = std::max(worst, std::abs(given[i] - arrived[i] - sender.residual[i]));
    CAPTURE(type);
    CHECK(worst < 1e-4f);
  }
}

TEST_CASE("compression: runs may be cut at multiples of 8") {
  for (const char* type : {"1bit", "2bit", "fp16"}) {
    const Compression how = make_compression(type, 0.5);
    Values gradient(100);
    for (size_t i = 0; i < gradient.size(); ++i) gradient[i] = static_cast<float>(i % 7) * 0.3f - 1;
    Sender whole{how, {}, {}};
    whole.send(gradient);
    Values residual(100);
    std::vector<uint8_t> bytes(whole.bytes.size());
    for (int64_t at : {0, 24}) {
      const int64_t n = at == 0 ? 24 : 76;
      encode(how, gradient.data() + at, residual.data() + at, n, bytes.data() + encoded_bytes(how.codes, at));
    }
    CHECK(bytes == whole.bytes);
    CHECK(residual == whole.residual);
  }
}

TEST_CASE("compression: what is not finite is sent as far as it goes, and forgotten") {
  Sender two{make_compression("2bit", 0.5), {}, {}};
  CHECK(two.send({nan, inf, -inf, 0.6f}) == Values{0, 0.5f, -0.5f, 0.5f});
  CHECK(two.send({1, 0, 0, 0}) == Values{0.5f, 0, 0, 0});
  Sender half{make_compression("fp16", 1), {}, {}};
  CHECK(half.send({nan, inf, 70000}) == Values{0, 65504, 65504});
  CHECK(half.send({0, 0, 0}) == Values{0, 0, 4496});
  Sender one{make_compression("1bit", 2), {}, {}};
  CHECK(one.send({nan, inf}) == Values{-2, 2});
  CHECK(one.residual == Values{2, 0});
}

TEST_CASE("compression: mistakes are named") {
  CHECK(make_compression("none", 0.5).codes == Codes::none);
  CHECK_THROWS_WITH_AS(make_compression("3bit", 0.5),
                       doctest::Contains("expected none, 1bit, 2bit or fp16, got '3bit'"), Error);
  CHECK_THROWS_WITH_AS(make_compression("2bit", 0), doctest::Contains("expected a number above 0, got 0"), Error);
  CHECK_THROWS_AS(make_compression("2bit", -1), Error);
  CHECK_THROWS_AS(make_compression("2bit", 1e60), Error);
  CHECK_THROWS_AS(make_compression("2bit", nan), Error);
}

}  // namespace mixnet
