// Numbers in lines of text: the characters of one, and nothing else, in the C locale. Reals are rounded to the nearest double, then to the type;
// what is too large becomes infinite. Digits with a point, as most numbers are written, take a shorter way than others.
#pragma once
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

#include "base/real_text.h"

namespace mixnet {
namespace detail {

// Reads -12.5 where it is exact: a mantissa that a double holds, divided by a power of ten that it holds. nullptr where that is not so, or where
// the number does not end there.
inline const char* read_plain(const char* at, const char* end, double* value) {
  static constexpr double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                      1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
  const bool negative = at < end && *at == '-';
  at += negative;
  uint64_t mantissa = 0;
  const char* const begin = at;
  const char* point = nullptr;
  for (; at < end && at - begin < 18; ++at) {
    const unsigned digit = static_cast<unsigned char>(*at) - unsigned{'0'};
    if (digit < 10) mantissa = mantissa * 10 + digit;
    else if (*at == '.' && !point) point = at;
    else break;
  }
  const std::ptrdiff_t digits = at - begin - (point != nullptr);
  const bool ends = at == end || *at == ',' || *at == ' ' || *at == '\t' || *at == ':';
  if (digits == 0 || !ends || mantissa >= uint64_t{1} << 53) return nullptr;
  const double whole = static_cast<double>(mantissa) / (point ? powers[at - point - 1] : 1);
  *value = negative ? -whole : whole;
  return at;
}

inline const char* read_real_text(const char* at, const char* end, double* value) {
  if (const char* const last = read_plain(at, end, value)) return last;
  const std::from_chars_result result = std::from_chars(at, end, *value);
  if (result.ec == std::errc::invalid_argument) return nullptr;
  if (result.ec == std::errc::result_out_of_range) {
    char* last = nullptr;
    *value = read_real(std::string(at, result.ptr).c_str(), &last);
  }
  return result.ptr;
}

}  // namespace detail

// Blanks before the number, a sign, nan and inf are allowed. Moves `text` behind the number; false, and nothing changes, where there is none.
template <class T>
bool read_number(std::string_view* text, T* value) {
  const char *at = text->data(), *const end = at + text->size();
  while (at < end && (*at == ' ' || *at == '\t')) ++at;
  if (end - at > 1 && *at == '+' && at[1] != '-') ++at;
  if constexpr (std::is_floating_point_v<T>) {
    double real = 0;
    at = detail::read_real_text(at, end, &real);
    if (!at) return false;
    *value = static_cast<T>(real);
  } else {
    const std::from_chars_result result = std::from_chars(at, end, *value);
    if (result.ec != std::errc()) return false;
    at = result.ptr;
  }
  text->remove_prefix(static_cast<size_t>(at - text->data()));
  return true;
}

}  // namespace mixnet
