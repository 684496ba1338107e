// Elements as words of their size, for kernels that only carry them about.
#pragma once
#include <cstdint>
#include <cstring>
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

// Calls f(TypeTag<W>{}) with the word of elements of `item` bytes.
template <class F>
void dispatch_words(int64_t item, F&& f) {
  if (item == 1) f(TypeTag<uint8_t>{});
  else if (item == 2) f(TypeTag<uint16_t>{});
  else if (item == 4) f(TypeTag<uint32_t>{});
  else f(TypeTag<uint64_t>{});
}

}  // namespace mixnet::gpu
