#include "mutate.h"

#include <algorithm>
#include <cstring>

namespace mixnet::fuzz {
namespace {

const int64_t edges[] = {0,
                         1,
                         -1,
                         2,
                         3,
                         4,
                         7,
                         8,
                         15,
                         16,
                         17,
                         64,
                         127,
                         128,
                         255,
                         256,
                         4096,
                         32767,
                         65535,
                         65536,
                         INT32_MAX,
                         INT32_MIN,
                         int64_t{1} << 32,
                         int64_t{1} << 40,
                         int64_t{1} << 60,
                         int64_t{1} << 62,
                         INT64_MAX,
                         INT64_MIN,
                         INT64_MAX - 7};

}  // namespace

void Mutator::step(std::string& s, const std::string& other) {
  const size_t at = random_.below(s.size() + 1);
  const size_t length = std::min(s.size() - at, 1 + random_.below(random_.below(4) == 0 ? 64 : 4));
  switch (random_.below(9)) {
    case 0:  // one bit
      if (at < s.size()) s[at] = static_cast<char>(s[at] ^ (1 << random_.below(8)));
      return;
    case 1:  // one byte
      if (at < s.size()) s[at] = static_cast<char>(random_.next());
      return;
    case 2: {  // a number of 1, 2, 4 or 8 bytes
      const int64_t value = edges[random_.below(sizeof edges / sizeof *edges)];
      const size_t width = size_t{1} << random_.below(4);
      if (at + width <= s.size()) std::memcpy(&s[at], &value, width);
      return;
    }
    case 3: s.erase(at, length); return;
    case 4: s.insert(at, s.substr(at, length)); return;
    case 5: s.insert(at, 1 + random_.below(4), static_cast<char>(random_.next())); return;
    case 6:
      if (!words_.empty()) s.insert(at, words_[random_.below(words_.size())]);
      return;
    case 7:
      if (!words_.empty()) s.replace(at, length, words_[random_.below(words_.size())]);
      return;
    default: {
      const size_t from = random_.below(other.size() + 1);
      s.replace(at, length, other.substr(from, 1 + random_.below(32)));
    }
  }
}

void Mutator::mutate(const std::string& from, const std::string& other, size_t longest, std::string& out) {
  out.assign(from);
  for (size_t steps = 1 + random_.below(random_.below(2) ? 3 : 8); steps > 0; --steps) step(out, other);
  if (out.size() > longest) out.resize(longest);
}

}  // namespace mixnet::fuzz
