// JSON values, a parser for untrusted text and a writer. Objects keep their order.
//
// The parser bounds its depth (256) and reports the byte offset of what it could not read, as Code::io.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mixnet {

class Json {
 public:
  enum class Kind { null, boolean, integer, real, string, array, object };
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;

  Json() = default;
  Json(bool value) : kind_(Kind::boolean), integer_(value) {}
  Json(int value) : kind_(Kind::integer), integer_(value) {}
  Json(int64_t value) : kind_(Kind::integer), integer_(value) {}
  Json(double value) : kind_(Kind::real), real_(value) {}
  Json(const char* value) : kind_(Kind::string), string_(value) {}
  Json(std::string value) : kind_(Kind::string), string_(std::move(value)) {}
  static Json array(Array items = {});
  static Json object(Object members = {});

  // Throws Code::io, `place` first, on anything that is not exactly one JSON value.
  static Json parse(const std::string& text, const char* place);

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::null; }
  bool is_string() const { return kind_ == Kind::string; }
  bool is_array() const { return kind_ == Kind::array; }
  bool is_object() const { return kind_ == Kind::object; }

  // Checked access: a value of another kind throws Code::io.
  bool as_bool() const;
  int64_t as_int() const;
  double as_double() const;
  const std::string& as_string() const;
  const Array& items() const;
  const Object& members() const;
  // The member of an object, or nullptr.
  const Json* find(const std::string& key) const;
  // The member of an object; throws Code::io when it is missing.
  const Json& at(const std::string& key) const;

  void push_back(Json item);
  // Appends a member (the caller keeps keys unique).
  void set(std::string key, Json value);

  // One line, or indented by two spaces per level.
  std::string dump(bool indent = false) const;

 private:
  void write(std::string& out, int level, bool indent) const;

  Kind kind_ = Kind::null;
  int64_t integer_ = 0;
  double real_ = 0;
  std::string string_;
  Array array_;
  Object object_;
};

}  // namespace mixnet
