// Draws numbers from the bytes of an input, so that structured targets stay plain functions of their input. Past the end all is zero.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace mixnet::fuzz {

class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : data_(data), left_(size) {}
  bool empty() const { return left_ == 0; }
  uint8_t byte() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }
  // In [0, n).
  size_t below(size_t n) { return n <= 1 ? 0 : n <= 256 ? byte() % n : (byte() * size_t{256} + byte()) % n; }
  int64_t raw() {
    uint64_t v = 0;
    for (int i = 0; i < 8; ++i) v = v << 8 | byte();
    return static_cast<int64_t>(v);
  }
  // Mostly small, sometimes at the edges of the integer types.
  int64_t number() {
    const uint8_t kind = byte();
    if (kind < 200) return kind % 20 - 3;
    if (kind < 225) {
      static constexpr int64_t edges[] = {INT64_MIN,
                                          INT64_MIN + 1,
                                          INT64_MAX,
                                          INT64_MAX - 1,
                                          INT32_MIN,
                                          INT32_MAX,
                                          int64_t{INT32_MAX} + 1,
                                          int64_t{1} << 32,
                                          int64_t{1} << 62,
                                          int64_t{1} << 40,
                                          -(int64_t{1} << 40),
                                          65536,
                                          255,
                                          256,
                                          1000};
      return edges[below(sizeof edges / sizeof *edges)];
    }
    return kind < 240 ? byte() : raw();
  }
  // Up to `most` bytes.
  std::string text(size_t most) {
    std::string s;
    for (size_t n = below(most + 1); n > 0 && left_ > 0; --n) s += static_cast<char>(byte());
    return s;
  }
  std::string rest() {
    std::string s(reinterpret_cast<const char*>(data_), left_);
    left_ = 0;
    return s;
  }

 private:
  const uint8_t* data_;
  size_t left_;
};

}  // namespace mixnet::fuzz
