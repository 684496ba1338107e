#include "base/json.h"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/real_text.h"

namespace mixnet {
namespace {

constexpr int deepest = 256;

class Parser {
 public:
  Parser(const std::string& text, const char* place) : text_(text), place_(place) {}

  Json document() {
    Json value = parse_value(0);
    skip_space();
    if (at_ != text_.size()) error("expected the end of the text");
    return value;
  }

 private:
  [[noreturn]] void error(const char* what) const { fail(Code::io, "[", place_, "] byte ", at_, ": ", what); }

  void skip_space() {
    while (at_ < text_.size() && std::strchr(" \t\r\n", text_[at_]) && text_[at_] != '\0') ++at_;
  }
  char peek() {
    skip_space();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  void expect(char c, const char* what) {
    if (peek() != c) error(what);
    ++at_;
  }
  bool take_word(const char* word) {
    const size_t n = std::strlen(word);
    if (text_.compare(at_, n, word) != 0) return false;
    at_ += n;
    return true;
  }

  Json parse_value(int depth) {
    if (depth >= deepest) error("nested too deeply");
    switch (peek()) {
      case '{': return parse_object(depth);
      case '[': return parse_array(depth);
      case '"': return Json(parse_string());
      case 't':
        if (take_word("true")) return Json(true);
        break;
      case 'f':
        if (take_word("false")) return Json(false);
        break;
      case 'n':
        if (take_word("null")) return Json();
        break;
      default: return parse_number();
    }
    error("expected a value");
  }

  Json parse_object(int depth) {
    ++at_;
    Json object = Json::object();
    if (peek() == '}') {
      ++at_;
      return object;
    }
    while (true) {
      if (peek() != '"') error("expected a key in quotes");
      std::string key = parse_string();
      expect(':', "expected ':'");
      object.set(std::move(key), parse_value(depth + 1));
      const char c = peek();
      if (c != ',' && c != '}') error("expected ',' or '}'");
      ++at_;
      if (c == '}') return object;
    }
  }

  Json parse_array(int depth) {
    ++at_;
    Json array = Json::array();
    if (peek() == ']') {
      ++at_;
      return array;
    }
    while (true) {
      array.push_back(parse_value(depth + 1));
      const char c = peek();
      if (c != ',' && c != ']') error("expected ',' or ']'");
      ++at_;
      if (c == ']') return array;
    }
  }

  Json parse_number() {
    const size_t begin = at_;
    if (at_ < text_.size() && text_[at_] == '-') ++at_;
    auto digits = [this] {
      const size_t first = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
      return at_ > first;
    };
    if (!digits()) error("expected a value");
    bool real = false;
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      real = true;
      if (!digits()) error("expected digits after the point");
    }
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      ++at_;
      real = true;
      if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
      if (!digits()) error("expected digits of the exponent");
    }
    const std::string number = text_.substr(begin, at_ - begin);
    if (!real) {
      errno = 0;
      const long long value = std::strtoll(number.c_str(), nullptr, 10);
      if (errno == 0) return Json(static_cast<int64_t>(value));
    }
    const double value = read_real(number.c_str(), nullptr);
    if (!std::isfinite(value)) error("a number beyond double precision");
    return Json(value);
  }

  uint32_t hex4() {
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = at_ < text_.size() ? text_[at_] : '\0';
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) error("expected four hexadecimal digits");
      value = value * 16 + static_cast<uint32_t>(digit);
    }
    return value;
  }

  void append_utf8(std::string& out, uint32_t c) {
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else if (c < 0x800) {
      out += static_cast<char>(0xC0 | (c >> 6));
      out += static_cast<char>(0x80 | (c & 63));
    } else if (c < 0x10000) {
      out += static_cast<char>(0xE0 | (c >> 12));
      out += static_cast<char>(0x80 | ((c >> 6) & 63));
      out += static_cast<char>(0x80 | (c & 63));
    } else {
      out += static_cast<char>(0xF0 | (c >> 18));
      out += static_cast<char>(0x80 | ((c >> 12) & 63));
      out += static_cast<char>(0x80 | ((c >> 6) & 63));
      out += static_cast<char>(0x80 | (c & 63));
    }
  }

  void parse_unicode(std::string& out) {
    uint32_t c = hex4();
    if (c >= 0xD800 && c < 0xDC00) {
      if (!take_word("\\u")) error("expected the second half of a surrogate pair");
      const uint32_t low = hex4();
      if (low < 0xDC00 || low > 0xDFFF) error("expected the second half of a surrogate pair");
      c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    } else if (c >= 0xDC00 && c <= 0xDFFF) {
      error("half of a surrogate pair");
    }
    append_utf8(out, c);
  }

  std::string parse_string() {
    ++at_;
    std::string out;
    while (true) {
      if (at_ >= text_.size()) error("a text does not end");
      const char c = text_[at_++];
      if (c == '"') return out;
      if (static_cast<unsigned char>(c) < 0x20) error("a control character in a text");
      if (c != '\\') {
        out += c;
        continue;
      }
      const char escape = at_ < text_.size() ? text_[at_++] : '\0';
      switch (escape) {
        case '"':
        case '\\':
        case '/': out += escape; break;
        case 'b': out += '\b'; break;
        case 'f': out += '\f'; break;
        case 'n': out += '\n'; break;
        case 'r': out += '\r'; break;
        case 't': out += '\t'; break;
        case 'u': parse_unicode(out); break;
        default: error("an unknown escape");
      }
    }
  }

  const std::string& text_;
  const char* place_;
  size_t at_ = 0;
};

void write_string(std::string& out, const std::string& s) {
  out += '"';
  for (const char c : s) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          char buffer[8];
          std::snprintf(buffer, sizeof buffer, "\\u%04x", c);
          out += buffer;
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

// A number that is a real one when read back.
std::string real_json(double value) {
  const std::string text = shortest_text(value);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

const char* kind_name(Json::Kind kind) {
  static const char* const names[] = {"null", "a boolean", "an integer", "a number", "a text", "an array", "an object"};
  return names[static_cast<int>(kind)];
}

}  // namespace

Json Json::array(Array items) {
  Json j;
  j.kind_ = Kind::array;
  j.array_ = std::move(items);
  return j;
}

Json Json::object(Object members) {
  Json j;
  j.kind_ = Kind::object;
  j.object_ = std::move(members);
  return j;
}

Json Json::parse(const std::string& text, const char* place) { return Parser(text, place).document(); }

namespace {
[[noreturn]] void wrong_kind(const char* expected, Json::Kind got) {
  fail(Code::io, "[json] expected ", expected, ", got ", kind_name(got));
}
}  // namespace

bool Json::as_bool() const {
  if (kind_ != Kind::boolean) wrong_kind("a boolean", kind_);
  return integer_ != 0;
}
int64_t Json::as_int() const {
  if (kind_ == Kind::real && std::floor(real_) == real_ && std::fabs(real_) < 9e18) return static_cast<int64_t>(real_);
  if (kind_ != Kind::integer) wrong_kind("an integer", kind_);
  return integer_;
}
double Json::as_double() const {
  if (kind_ == Kind::integer) return static_cast<double>(integer_);
  if (kind_ != Kind::real) wrong_kind("a number", kind_);
  return real_;
}
const std::string& Json::as_string() const {
  if (kind_ != Kind::string) wrong_kind("a text", kind_);
  return string_;
}
const Json::Array& Json::items() const {
  if (kind_ != Kind::array) wrong_kind("an array", kind_);
  return array_;
}
const Json::Object& Json::members() const {
  if (kind_ != Kind::object) wrong_kind("an object", kind_);
  return object_;
}

const Json* Json::find(const std::string& key) const {
  if (kind_ != Kind::object) return nullptr;
  for (auto it = object_.rbegin(); it != object_.rend(); ++it) {
    if (it->first == key) return &it->second;
  }
  return nullptr;
}

const Json& Json::at(const std::string& key) const {
  if (const Json* found = find(key)) return *found;
  fail(Code::io, "[json] expected a member '", key, "'");
}

void Json::push_back(Json item) {
  if (kind_ != Kind::array) wrong_kind("an array", kind_);
  array_.push_back(std::move(item));
}

void Json::set(std::string key, Json value) {
  if (kind_ != Kind::object) wrong_kind("an object", kind_);
  object_.emplace_back(std::move(key), std::move(value));
}

std::string Json::dump(bool indent) const {
  std::string out;
  write(out, 0, indent);
  return out;
}

void Json::write(std::string& out, int level, bool indent) const {
  auto line = [&](int depth) {
    if (!indent) return;
    out += '\n';
    out.append(static_cast<size_t>(2 * depth), ' ');
  };
  switch (kind_) {
    case Kind::null: out += "null"; return;
    case Kind::boolean: out += integer_ ? "true" : "false"; return;
    case Kind::integer: out += std::to_string(integer_); return;
    case Kind::real: out += real_json(real_); return;
    case Kind::string: write_string(out, string_); return;
    case Kind::array: {
      // Arrays of plain values stay on one line.
      bool nested = false;
      for (const Json& item : array_) nested = nested || item.is_object() || item.is_array();
      out += '[';
      for (size_t i = 0; i < array_.size(); ++i) {
        if (i) out += indent && !nested ? ", " : ",";
        if (nested) line(level + 1);
        array_[i].write(out, level + 1, indent);
      }
      if (nested) line(level);
      out += ']';
      return;
    }
    case Kind::object:
      out += '{';
      for (size_t i = 0; i < object_.size(); ++i) {
        if (i) out += ',';
        line(level + 1);
        write_string(out, object_[i].first);
        out += indent ? ": " : ":";
        object_[i].second.write(out, level + 1, indent);
      }
      if (!object_.empty()) line(level);
      out += '}';
      return;
  }
}

}  // namespace mixnet
