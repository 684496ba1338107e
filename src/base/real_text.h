// Text of a floating-point number.
#pragma once
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace mixnet {

// The shortest of a few %g forms that reads back as the same double; "nan", "inf" and "-inf" on every system.
inline std::string shortest_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[40];
  for (int digits : {6, 9, 15, 17}) {
    std::snprintf(buffer, sizeof buffer, "%.*g", digits, value);
    if (std::strtod(buffer, nullptr) == value) break;
  }
  return buffer;
}

}  // namespace mixnet
