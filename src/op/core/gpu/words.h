// Elements as words of their size, for kernels that only carry them about.
#pragma once
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <type_traits>

#include "base/dtype.h"

namespace mixnet::gpu {

template <class T>
using word_t = std::conditional_t<
    sizeof(T) == 1, uint8_t,
    std::conditional_t<sizeof(T) == 2, uint16_t, std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>>;

// A number as an element of T, and that as a word.
template <class T>
word_t<T> word_of(double number) {
  const T value = static_cast<T>(static_cast<accumulator_t<T>>(number));
  word_t<T> word;
  std::memcpy(&word, &value, sizeof word);
  return word;
}

// Calls f(TypeTag<W>{}) with the word of elements of `item` bytes: 1, 2, 4 or 8.
template <class F>
void dispatch_words(int64_t item, F&& f) {
  if (item == 1) f(TypeTag<uint8_t>{});
  else if (item == 2) f(TypeTag<uint16_t>{});
  else if (item == 4) f(TypeTag<uint32_t>{});
  else f(TypeTag<uint64_t>{});
}

struct alignas(16) WideWord {
  uint64_t part[2];
};
// A word again and again, and what of it a narrower one holds.
template <class W>
WideWord repeated(W word) {
  WideWord wide;
  for (size_t at = 0; at < sizeof wide; at += sizeof word)
    std::memcpy(reinterpret_cast<char*>(&wide) + at, &word, sizeof word);
  return wide;
}
template <class W>
W first_word(const WideWord& wide) {
  W word;
  std::memcpy(&word, &wide, sizeof word);
  return word;
}
// 16 bytes as well.
template <class F>
void dispatch_wide_words(int64_t item, F&& f) {
  if (item == 16) f(TypeTag<WideWord>{});
  else dispatch_words(item, f);
}
// The widest word of which all addresses are multiples, and `sizes`: several are or-ed.
inline int64_t widest_word(std::initializer_list<const void*> addresses, int64_t sizes) {
  uint64_t all = static_cast<uint64_t>(sizes) | sizeof(WideWord);
  for (const void* address : addresses) all |= reinterpret_cast<uintptr_t>(address);
  return static_cast<int64_t>(all & (~all + 1));
}

}  // namespace mixnet::gpu
