#include "base/real_text.h"

#include <clocale>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#ifdef __APPLE__
#include <xlocale.h>
#endif

namespace mixnet {

double read_real(const char* text, char** end) {
#ifdef _WIN32
  static const _locale_t plain = _create_locale(LC_ALL, "C");
  return _strtod_l(text, end, plain);
#else
  static const locale_t plain = ::newlocale(LC_ALL_MASK, "C", nullptr);
  return ::strtod_l(text, end, plain);
#endif
}

std::string write_real(double value, std::initializer_list<int> digits) {
  char buffer[64];
  for (int count : digits) {
    std::snprintf(buffer, sizeof buffer, "%.*g", count, value);
    // snprintf has no form with a locale. The decimal sign is the only character of a number that a locale changes.
    std::string plain;
    for (const char* c = buffer; *c; ++c) {
      const bool known = (*c >= '0' && *c <= '9') || *c == '-' || *c == '+' || *c == 'e';
      if (known) plain += *c;
      else if (plain.empty() || plain.back() != '.') plain += '.';
    }
    if (read_real(plain.c_str(), nullptr) == value || count == *(digits.end() - 1)) return plain;
  }
  return "";
}

std::string shortest_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return write_real(value, {6, 9, 15, 17});
}

}  // namespace mixnet
