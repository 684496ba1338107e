// Deterministic mutations of byte strings: the same seed gives the same inputs on every machine.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace mixnet::fuzz {

// splitmix64: small, and good enough to choose mutations.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  size_t below(size_t n) { return n == 0 ? 0 : static_cast<size_t>(next() % n); }

 private:
  uint64_t state_;
};

class Mutator {
 public:
  Mutator(uint64_t seed, std::vector<std::string> words) : random_(seed), words_(std::move(words)) {}
  Random& random() { return random_; }
  // One to eight steps away from `from`; `other` gives parts to splice in. At most `longest` bytes.
  void mutate(const std::string& from, const std::string& other, size_t longest, std::string& out);

 private:
  void step(std::string& s, const std::string& other);

  Random random_;
  std::vector<std::string> words_;
};

}  // namespace mixnet::fuzz
