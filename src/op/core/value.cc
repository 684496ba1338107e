#include "op/core/value.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>

#include "base/real_text.h"

namespace mixnet {
namespace {

std::string trim(const std::string& s) {
  const size_t first = s.find_first_not_of(" \t\n\r'\""), last = s.find_last_not_of(" \t\n\r'\"");
  return first == std::string::npos ? "" : s.substr(first, last - first + 1);
}

int64_t parse_int(const std::string& text) {
  const std::string s = trim(text);
  if (s == "True" || s == "true") return 1;
  if (s == "False" || s == "false") return 0;
  char* end = nullptr;
  errno = 0;
  long long v = std::strtoll(s.c_str(), &end, 10);
  if (end && (*end == 'L' || *end == 'l') && end[1] == '\0') ++end;  // Python 2 wrote 64L
  const char* const last = s.c_str() + s.size();
  if (!s.empty() && end == last && errno == 0) return v;
  // 1e6 and 3.0 are integers when they say so exactly.
  const double real = read_real(s.c_str(), &end);
  MIXNET_CHECK(!s.empty() && end == last && std::floor(real) == real && std::fabs(real) < 9e18, invalid,
               "expected an integer, got '", text, "'");
  return static_cast<int64_t>(real);
}

double parse_real(const std::string& text) {
  const std::string s = trim(text);
  if (s == "True" || s == "true") return 1;
  if (s == "False" || s == "false") return 0;
  char* end = nullptr;
  const double v = read_real(s.c_str(), &end);
  const char* const last = s.c_str() + s.size();
  MIXNET_CHECK(!s.empty() && (end == last || (*end == 'f' && end + 1 == last)), invalid, "expected a number, got '",
               text, "'");
  return v;
}

// "(3, 3)", "[3,3]", "3", "()", "" into its items.
std::vector<std::string> split_tuple(const std::string& text) {
  std::string s = trim(text);
  if (!s.empty() && (s[0] == '(' || s[0] == '[')) {
    const char close = s[0] == '(' ? ')' : ']';
    MIXNET_CHECK(s.back() == close && s.size() >= 2, invalid, "expected a tuple such as (3, 3), got '", text, "'");
    s = s.substr(1, s.size() - 2);
  }
  std::vector<std::string> items;
  size_t begin = 0;
  while (begin <= s.size()) {
    const size_t comma = std::min(s.find(',', begin), s.size());
    const std::string item = trim(s.substr(begin, comma - begin));
    const bool last = comma == s.size();
    MIXNET_CHECK(!item.empty() || last, invalid, "expected a tuple such as (3, 3), got '", text, "'");
    if (!item.empty()) items.push_back(item);
    begin = comma + 1;
  }
  return items;
}

}  // namespace

bool Value::says_none() const { return kind_ == Kind::none || (kind_ == Kind::text && trim(text_) == "None"); }

bool Value::as_bool() const {
  const int64_t v = kind_ == Kind::real ? (real_ == 1 ? 1 : real_ == 0 ? 0 : 2) : as_int();
  MIXNET_CHECK(v == 0 || v == 1, invalid, "expected True or False, got ", str());
  return v == 1;
}

int64_t Value::as_int() const {
  switch (kind_) {
    case Kind::boolean:
    case Kind::integer: return integer_;
    case Kind::text: return parse_int(text_);
    case Kind::real:
      if (std::floor(real_) == real_ && std::fabs(real_) < 9e18) return static_cast<int64_t>(real_);
      break;
    case Kind::ints:
      if (ints_.ndim() == 1) return ints_[0];
      break;
    default: break;
  }
  fail(Code::invalid, "expected an integer, got ", str());
}

double Value::as_real() const {
  switch (kind_) {
    case Kind::boolean:
    case Kind::integer: return static_cast<double>(integer_);
    case Kind::real: return real_;
    case Kind::text: return parse_real(text_);
    default: fail(Code::invalid, "expected a number, got ", str());
  }
}

std::string Value::as_text() const { return kind_ == Kind::text ? text_ : str(); }

Shape Value::as_ints(int64_t none_as) const {
  switch (kind_) {
    case Kind::boolean:
    case Kind::integer: return Shape{integer_};
    case Kind::ints: return ints_;
    case Kind::text: {
      Shape s;
      for (const std::string& item : split_tuple(text_)) s.push_back(item == "None" ? none_as : parse_int(item));
      return s;
    }
    case Kind::reals: {
      Shape s;
      for (double v : reals_) s.push_back(Value(v).as_int());
      return s;
    }
    default: fail(Code::invalid, "expected a tuple of integers, got ", str());
  }
}

std::vector<double> Value::as_reals() const {
  switch (kind_) {
    case Kind::boolean:
    case Kind::integer:
    case Kind::real: return {as_real()};
    case Kind::reals: return reals_;
    case Kind::ints: return std::vector<double>(ints_.begin(), ints_.end());
    case Kind::text: {
      std::vector<double> v;
      for (const std::string& item : split_tuple(text_)) v.push_back(parse_real(item));
      return v;
    }
    default: fail(Code::invalid, "expected a tuple of numbers, got ", str());
  }
}

std::string Value::str() const {
  switch (kind_) {
    case Kind::none: return "None";
    case Kind::boolean: return integer_ ? "True" : "False";
    case Kind::integer: return std::to_string(integer_);
    case Kind::real: return shortest_text(real_);
    case Kind::text: return text_;
    case Kind::ints:
      return ints_.ndim() < 0 ? "None" : [this] {
        std::string s = "(";
        for (int i = 0; i < ints_.ndim(); ++i) s += (i ? ", " : "") + std::to_string(ints_[i]);
        return s + (ints_.ndim() == 1 ? ",)" : ")");
      }();
    case Kind::reals: {
      std::string s = "(";
      for (size_t i = 0; i < reals_.size(); ++i) s += (i ? ", " : "") + shortest_text(reals_[i]);
      return s + (reals_.size() == 1 ? ",)" : ")");
    }
  }
  return "None";
}

}  // namespace mixnet
