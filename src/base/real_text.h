// Real numbers as text and back, as the C locale writes them, whatever locale the program has set.
#pragma once
#include <initializer_list>
#include <string>

namespace mixnet {

// strtod: *end is the first character that is not part of the number.
double read_real(const char* text, char** end);

// With the first of these counts of digits that reads back as the same value, or the last. Not for infinities and NaN.
std::string write_real(double value, std::initializer_list<int> digits);
// With 6, 9, 15 or 17 digits, the fewest that read back as the same value; "nan", "inf" and "-inf".
std::string shortest_text(double value);

}  // namespace mixnet
